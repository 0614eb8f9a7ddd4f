"""Names without what bylines add to them."""

from __future__ import annotations

import pytest
from newscrawl.extract.authors import names


@pytest.mark.parametrize(
    ("byline", "expected"),
    [
        ("김한빛 기자", ["김한빛"]),
        ("김한빛 기자 hanbit@daily.example", ["김한빛"]),
        ("김한빛기자(hanbit@daily.example)", ["김한빛"]),
        ("기자명 김한빛 기자 · 이두레 기자", ["김한빛", "이두레"]),
        ("김한빛·이두레 기자", ["김한빛", "이두레"]),
        ("김한빛 선임기자", ["김한빛"]),
        ("워싱턴=김한빛 특파원", ["김한빛"]),
        ("[서울=김한빛 기자]", ["김한빛"]),
        ("(서울=연합) 김한빛 기자 = ", ["김한빛"]),
        ("글 김한빛 기자, 사진 이두레 기자", ["김한빛", "이두레"]),
        ("김한빛 정치부장", ["김한빛"]),
        ("김한빛 논설위원", ["김한빛"]),
        ("김한빛 기자 구독", ["김한빛"]),
        ("김한빛 사진기자", ["김한빛"]),
        ("김한빛 의학전문기자", ["김한빛"]),
        ("김한빛 이두레 기자", ["김한빛", "이두레"]),
        ("이기자 기자", ["이기자"]),
        ("디지털뉴스부 김한빛 기자", ["김한빛"]),
        ("사회부 김한빛 기자", ["김한빛"]),
        ("김진국 이두레 기자", ["김진국", "이두레"]),
        ("김한빛 아나운서", ["김한빛"]),
        ("김한빛 하루대 교수", ["김한빛 하루대"]),
        ("LAPD", ["LAPD"]),
        ("松岡太郎記者", ["松岡太郎"]),
        ("松岡太郎・髙橋花子", ["松岡太郎", "髙橋花子"]),
        ("ジョン・スミス", ["ジョン・スミス"]),
        ("Jane Doe, Jr.", ["Jane Doe, Jr"]),
        ("By Jane Doe in London", ["Jane Doe"]),
        ("Jane Doe for the Daily", ["Jane Doe"]),
        ("Von Jane Doe und John Roe", ["Jane Doe", "John Roe"]),
        ("Par Jane Doe et John Roe", ["Jane Doe", "John Roe"]),
        ("Maria von Trapp", ["Maria von Trapp"]),
        ("Von Trapp", ["Von Trapp"]),
        ("【ワシントン＝松岡太郎】", ["松岡太郎"]),
        ("松岡太郎、髙橋花子", ["松岡太郎", "髙橋花子"]),
        ("大渡 美咲", ["大渡 美咲"]),
        ("By Jane Doe", ["Jane Doe"]),
        ("By JANE DOE and JOHN ROE", ["JANE DOE", "JOHN ROE"]),
        ("By Jane Doe, John Roe and Mary Major", ["Jane Doe", "John Roe", "Mary Major"]),
        ("Written by Jane Doe", ["Jane Doe"]),
        ("Jane Doe (jane@daily.example)", ["Jane Doe"]),
        ("Jane Doe, Staff Writer", ["Jane Doe"]),
        ("Jane Doe | Political correspondent", ["Jane Doe"]),
        ("Byron Anderson", ["Byron Anderson"]),
        ("https://www.facebook.com/daily", []),
        ("hanbit@daily.example", []),
        ("", []),
        ({"@type": "Person", "name": "Jane Doe"}, ["Jane Doe"]),
        ({"@type": "Person", "name": ["Jane Doe", "John Roe"]}, ["Jane Doe", "John Roe"]),
        ({"@type": "Person"}, []),
        ([{"name": "Jane Doe"}, "John Roe"], ["Jane Doe", "John Roe"]),
        ("a" * 100_000 + " 부장" * 1000, []),
        ("Jane Doe, who has " + "written of the sea " * 5, ["Jane Doe"]),
        (None, []),
        (3, []),
    ],
)
def test_names(byline, expected):
    assert list(names([byline])) == expected


def test_each_name_once_and_in_order():
    assert names(["이두레 기자", "김한빛 기자", "이두레"]) == ("이두레", "김한빛")
