"""Paragraphs are what a reader sees as paragraphs."""

from __future__ import annotations

import pytest
from newscrawl.extract import text
from pages_of_ours import page


def paragraphs(html: str) -> list[str]:
    return text.paragraphs([page(f"<div id=x>{html}</div>").tree.get_element_by_id("x")])


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>하나</p><p>둘</p>", ["하나", "둘"]),
        ("하나<br><br>둘<br/> <br/>셋", ["하나", "둘", "셋"]),
        ("하나<br>둘", ["하나 둘"]),
        (
            "항구가 석 주 만에 다시 문을 열었다고 당국이 금요일에 밝혔다.<br>"
            "고깃배들은 동이 트기 전에 이웃 도시에서 모두 돌아왔다.",
            [
                "항구가 석 주 만에 다시 문을 열었다고 당국이 금요일에 밝혔다.",
                "고깃배들은 동이 트기 전에 이웃 도시에서 모두 돌아왔다.",
            ],
        ),
        ("앞 <p>가운데</p> 뒤", ["앞", "가운데", "뒤"]),
        ("<p>한 <b>굵은</b>글 <a href=#>링크</a>도</p>", ["한 굵은글 링크도"]),
        ("<p>\n  한\n  줄 </p><p>&nbsp;</p><p></p>", ["한 줄"]),
        ("<p>앞<script>alert(1)</script>뒤</p><style>p{}</style>", ["앞뒤"]),
        ("<p>앞<!-- 주석 -->뒤</p>", ["앞뒤"]),
        ("<p>앞<svg><text>그림</text></svg> 뒤</p>", ["앞 뒤"]),
        ("<ul><li>하나</li><li>둘<ul><li>셋</li></ul>넷</li></ul>", ["하나", "둘", "셋", "넷"]),
        ("<div><div>하나</div>둘<span>셋</span></div>", ["하나", "둘셋"]),
        ("<p><ruby>尹錫悦<rp>（</rp><rt>ユン</rt><rp>）</rp></ruby>大統領</p>", ["尹錫悦（ユン）大統領"]),
        ("<p>extra<wbr>ordinary</p>", ["extraordinary"]),
    ],
)
def test_paragraphs(html, expected):
    assert paragraphs(html) == expected


def test_plain_is_one_line():
    assert text.plain(page("<h1>첫<br><br>줄<p>둘째</p></h1>").tree.find(".//body")) == "첫 줄 둘째"


def test_deep_nesting_ends():
    assert isinstance(paragraphs("<div><b>" * 5_000 + "깊은 곳"), list)
