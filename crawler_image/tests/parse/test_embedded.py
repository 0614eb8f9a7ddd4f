"""JSON is found wherever pages put it, and nothing that is no JSON does harm."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newscrawl.extract.embedded import parse_path, walk
from pages_of_ours import page

LONG = "x" * 100
STORY = {"story": {"title": "바다", "text": LONG}}


def titles(script: str) -> list[object]:
    path = parse_path("..title")
    assert path is not None
    return [found for _, value in page(f"<html><head>{script}</head></html>").data for found in walk(value, path)]


@pytest.mark.parametrize(
    "script",
    [
        '<script id="__NEXT_DATA__" type="application/json">JSON</script>',
        "<script>window.__STATE__ = JSON;</script>",
        "<script>var a = 1; window['__STATE__']=JSON;var b = {c: d};</script>",
        "<script>app.config={debug:true};app.state=JSON</script>",
        '<script>window["q"] = window["q"] || [];window["q"].push(JSON);</script>',
        "<script>window.state = JSON.parse(QUOTED);</script>",
    ],
)
def test_ways_to_embed(script):
    text = json.dumps(STORY)
    quoted = json.dumps(text)
    script = script.replace("JSON.parse(QUOTED)", f"@parse({quoted})").replace("JSON", text)
    assert titles(script.replace("@parse", "JSON.parse")) == ["바다"]


@pytest.mark.parametrize(
    "script",
    [
        '<script type="application/json">{"title": "바다 \\ud83d", "x": ""}</script>',
        f'<script>window.state = {{"title": "바다 \\uDE00"}}; window.other = {{"filler": "{LONG}"}};</script>',
    ],
)
def test_half_a_character_is_none(script):
    assert [str(one).strip() for one in titles(script)] == ["바다"]


def test_a_whole_character_in_two_halves_stays():
    text = json.dumps({"title": "바다 😀", "filler": LONG})
    assert titles(f'<script type="application/json">{text}</script>') == ["바다 😀"]
    assert titles(f"<script>window.state = JSON.parse({json.dumps(text)});</script>") == ["바다 😀"]


def test_the_name_is_that_of_the_script_or_variable():
    script = json.dumps(STORY)
    made = page(
        f'<script id="one" type="application/json">{script}</script><script>Fusion.globalContent={script};</script>'
    )
    assert [name for name, _ in made.data] == ["one", "Fusion.globalContent"]


def test_streamed_server_components():
    text = f"<p>{'본문 ' * 40}</p>"
    size = f"{len(text.encode()):x}"
    stream = (
        f':HL["/a.css","style"]\n1:I[5,[],"x"]\n24:T{size},{text}5:["$","$L2",null,{{"title":"바다","body":"$24"}}]\n'
    )
    half = len(stream) // 2
    pushes = "".join(
        f"<script>self.__next_f.push([1,{json.dumps(part)}])</script>" for part in (stream[:half], stream[half:])
    )
    made = page(pushes)
    assert [walk(value, parse_path("..body")) for _, value in made.data if isinstance(value, list)] == [[text]]


@pytest.mark.parametrize(
    "text",
    [
        '<!-- {"@type": "Article", "headline": "h"} -->',
        '//<![CDATA[\n{"@type": "Article", "headline": "h"}\n//]]>',
        '{"@type": "Article", "headline": "h",}',
        '{"@type": "Article", "headline": "h"};',
        '[{"@type": "Article",\n"headline": "h", "description": "a\nb"}]',
        '{"@graph": [{"@graph": [{"@type": "Article", "headline": "h"}]}]}',
    ],
)
def test_linked_data_as_sites_write_it(text):
    made = page(f'<script type="application/ld+json">{text}</script>')
    assert [item["headline"] for item in made.linked_data if "headline" in item] == ["h"]


def test_a_reference_to_another_object_of_linked_data_is_that_object():
    person = {"@type": "Person", "@id": "https://daily.example/#jane", "name": "Jane Doe"}
    picture = {"@type": "ImageObject", "@id": "#picture", "url": "https://daily.example/a.jpg", "author": {"@id": "#1"}}
    story = {
        "@type": "NewsArticle",
        "@id": "#1",
        "author": [{"@id": "https://daily.example/#jane"}, {"name": "John Roe"}],
        "image": {"@type": "ImageObject", "@id": "#picture"},
        "publisher": {"@id": "#nobody"},
    }
    made = page(f'<script type="application/ld+json">{json.dumps({"@graph": [story, person, picture]})}</script>')
    (read,) = made.linked_by_type["NewsArticle"]
    assert walk(read, parse_path(".author.name")) == ["Jane Doe", "John Roe"]
    assert walk(read, parse_path(".image.url")) == ["https://daily.example/a.jpg"]
    assert read["publisher"] == {"@id": "#nobody"}
    assert walk(read, parse_path("..none")) == []


def test_deep_linked_data_is_read_all_the_same():
    text = f'{{"@id": "1", "@type": "Article", "deep": {"[" * 900}{"]" * 900}}}'
    assert page(f'<script type="application/ld+json">{text}</script>').linked_by_type["Article"]


@pytest.mark.parametrize("text", ["", "{", "null", "3", '"text"', "[" * 100_000, '{"@graph": 1}', '{"a": ' * 50_000])
def test_broken_linked_data_is_none(text):
    made = page(f'<script type="application/ld+json">{text}</script><script>a = {text}</script>')
    assert [item for item in made.linked_data if "@type" in item] == []
    assert made.data == []


@pytest.mark.parametrize("word", ["x", "a.b$"])
def test_a_script_of_one_long_word_takes_no_time(word):
    made = page(f"<script>{word * 1_000_000}</script><script>window.state = {json.dumps(STORY)}</script>")
    assert made.tree is not None
    start = time.process_time()
    assert made.data == [("window.state", STORY)]
    assert time.process_time() - start < 1


@pytest.mark.parametrize(
    ("path", "expected"),
    [(".a.b", [1]), ("..b", [1, 2]), (".c.b", [2]), (".*.b", [1, 2]), (".c", [{"b": 2}]), (".none", []), (".d", [])],
)
def test_walk(path, expected):
    assert walk({"a": {"b": 1}, "c": [{"b": 2}], "d": None}, parse_path(path)) == expected


@given(st.text(alphabet="abc.*[]$@- ", max_size=12))
def test_a_path_is_read_whole_or_not_at_all(text):
    path = parse_path(text)
    assert path is None or "".join("." * (1 + deep) + key for deep, key in path) == text
