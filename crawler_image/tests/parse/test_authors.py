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
        ("松岡太郎記者", ["松岡太郎"]),
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
