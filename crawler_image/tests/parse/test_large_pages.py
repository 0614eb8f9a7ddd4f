"""Pages that are large, deep or long by mistake or malice: what is done with them does not grow with their tricks."""

from __future__ import annotations

import pytest
from newscrawl.extract import extract
from newscrawl.extract.gate import MOST_CHARACTERS, MOST_ELEMENTS
from newscrawl.extract.noise import Noise
from newscrawl.model import NotAnArticle
from pages_of_ours import FETCHED, page, profile, response

HEAD = """
<meta property="og:title" content="Harbour opens again">
<meta property="article:published_time" content="2026-11-20T08:30:00+00:00">
"""
LINE = "Boat {0} came back to the harbour before dawn on day {0}, and its catch was sold by seven that morning."


def whole(body: str) -> str:
    return f"<html lang=en><head>{HEAD}</head><body>{body}</body></html>"


def read(html: str):
    return extract(response(html), None, fetched=FETCHED)


def test_a_long_report_is_read_by_density_in_its_order():
    lines = [LINE.format(number) for number in range(2000)]
    paragraphs = "".join(f"<p>{line}</p>" for line in lines)
    menu = "".join(f"<li><a href=/{number}>Harbour news {number}</a></li>" for number in range(300))
    comments = "".join(
        f"<p>Reader {number} says that the boats are late again, as they are each year.</p>" for number in range(500)
    )
    article = read(
        whole(f"<ul>{menu}</ul><article><h1>Harbour</h1>{paragraphs}</article><div class=comments>{comments}</div>")
    )
    assert article.sources["body"] == "density"
    assert [line for line in article.paragraphs if line != "Harbour"] == lines


def test_text_between_line_breaks_on_a_large_page():
    lines = [LINE.format(number) for number in range(2000)]
    article = read(whole(f"<div><a href=/>Home</a></div><div class=body>{'<br><br>'.join(lines)}</div>"))
    assert (article.sources["body"], list(article.paragraphs)) == ("density", lines)


@pytest.mark.parametrize("with_profile", [True, False])
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<p>word</p>" * (MOST_ELEMENTS + 1), "elements, too many"),
        ("<div class=text><p>" + "word " * (MOST_CHARACTERS // 4) + "</p></div>", "characters, too much"),
        ("<div>" * 100_000 + "<p>word", "no body|no title"),
        ("<ul><li><a href=x>y</a>" * 10_000, "no body|no title"),
        ("<table><tr><td>" * 20_000, "no body|no title"),
    ],
    ids=["elements", "characters", "nested divisions", "nested lists", "nested tables"],
)
def test_what_is_too_large_is_refused_with_the_reason(tmp_path, with_profile, body, reason):
    made = profile(tmp_path) if with_profile else None
    html = whole(f"{'<h1>Harbour</h1><time>2026.11.20 15:04</time>' if 'class=text' in body else ''}{body}")
    with pytest.raises(NotAnArticle, match=reason):
        extract(response(html), made, fetched=FETCHED)


def test_noise_is_looked_for_once_an_element():
    class Counting(dict):
        looked_at = 0

        def __setitem__(self, key, value):
            self.looked_at += 1
            super().__setitem__(key, value)

    tree = page(whole("<div>" * 200 + "<p>word</p>" * 500)).tree
    noise = Noise(tree)
    noise._known = known = Counting(noise._known)
    elements = list(tree.iter())
    assert not any(one in noise for one in elements)
    assert known.looked_at == len(elements) - 1
