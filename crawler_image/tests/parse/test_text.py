"""Paragraphs are what a reader sees as paragraphs."""

from __future__ import annotations

import pytest
from newscrawl.extract import text
from pages_of_ours import page

SENTENCES = [
    "항구가 석 주 만에 다시 문을 열었다고 당국이 금요일에 밝혔다.",
    "고깃배들은 동이 트기 전에 이웃 도시에서 모두 돌아왔다.",
    "시장은 아침 일곱 시에 이미 손님으로 가득 찼다고 상인들이 말했다.",
]


def paragraphs(html: str) -> list[str]:
    return text.paragraphs([page(f"<div id=x>{html}</div>").tree.get_element_by_id("x")])


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>하나</p><p>둘</p>", ["하나", "둘"]),
        ("하나<br><br>둘<br/> <br/>셋", ["하나", "둘", "셋"]),
        ("하나<br>둘", ["하나 둘"]),
        ("<br>".join(SENTENCES), SENTENCES),
        (
            f"{'<br>'.join(SENTENCES)}<br>김한빛 기자 kim@daily.example",
            [*SENTENCES, "김한빛 기자 kim@daily.example"],
        ),
        (f"{SENTENCES[0]}<br>◇다시 열린 항구<br>{SENTENCES[1]}", [SENTENCES[0], "◇다시 열린 항구", SENTENCES[1]]),
        (
            "항구가 석 주 만에 다시<br>문을 열었다고 당국이 밝혔다.",
            ["항구가 석 주 만에 다시 문을 열었다고 당국이 밝혔다."],
        ),
        (
            f"강가에 앉아 있던 사람<br>물을 보며 노래하던 사람<br>{SENTENCES[0]}",
            [f"강가에 앉아 있던 사람 물을 보며 노래하던 사람 {SENTENCES[0]}"],
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
