"""The data that a page carries for machines: linked data (JSON-LD), and the JSON that its scripts start from.

Pages that browsers render from JSON (Next.js, Fusion, hydrated queries) hold their article there and nowhere else. What
is not JSON is left out without a word: most scripts are code.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

# places in a script to look for JSON at: a page of code must not cost seconds
_MOST_PLACES = 400
# characters of code below which it holds no article
_LEAST_CODE = 100
# what some sites write around their JSON, at its very beginning and end
_OPENING = re.compile(r"\s*(?:<!--|//<!\[CDATA\[|/\*\s*<!\[CDATA\[\s*\*/|<!\[CDATA\[)?\s*")
_CLOSING = re.compile(r"(?:\s|;|//|-->|\]\]>|/\*|\*/)+$")
_CLOSING_LENGTH = 40
# a backslash before what JSON knows no escape of, such as an apostrophe
_NEEDLESS_ESCAPE = re.compile(r"(?<!\\)\\(?![\"\\/bfnrtu])")
_TRAILING_COMMA = re.compile(r",(?=\s*[}\]])")
# a name begins at its beginning alone: tried from each of its letters, a long one takes minutes
_PLACE = re.compile(
    r"(?:(?<![\w$.])([\w$.]{1,80})(?:\[[\"'][^\"']{1,80}[\"']\])?\s*=\s*|\.push\(\s*|JSON\.parse\(\s*)(?=[{\[\"])"
)
_FLIGHT = re.compile(r"__next_f\.push\(\s*(?=\[)")
_FLIGHT_ROW = re.compile(rb"([0-9a-f]+):(?:T([0-9a-f]+),)?")
_FLIGHT_REFERENCE = re.compile(r"\$([0-9a-f]+)")
_STEP = re.compile(r"(\.{1,2})([\w@$-]+|\*)")
# the keys below which an object of linked data holds others that are as good as its siblings
_HOLDERS = ("@graph", "mainEntity", "mainEntityOfPage")
_REFERENCE = frozenset({"@id", "@type"})
# one half of a character beyond the first 65,536, cut off by whoever shortened a text: no text of UTF-8 can hold it
_HALVES = re.compile(
    r"(\\{1,8}u[dD][89abAB][0-9a-fA-F]{2}\\{1,8}u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_DECODER = json.JSONDecoder(strict=False)

Path = tuple[tuple[bool, str], ...]


def linked_data(tree: etree._Element) -> list[dict[str, Any]]:
    """Every JSON-LD object of the page, those of @graph, of main entities and of lists included.

    What an object names by its @id alone, as it does its author, is the object of that name.
    """
    scripts = (script for script in tree.iter("script") if "ld+json" in (script.get("type") or ""))
    found = [item for script in scripts for item in _objects(_repaired(script.text or ""))]
    named = {item["@id"]: item for item in found if isinstance(item.get("@id"), str) and not _is_reference(item)}
    return [{key: _referred(value, named) for key, value in item.items()} for item in found] if named else found


def page_data(tree: etree._Element) -> list[tuple[str, Any]]:
    """The JSON in the page's scripts as (name, value): the script's id or the variable that it is assigned to."""
    found: list[tuple[str, Any]] = []
    flight = []
    for script in tree.iter("script"):
        text, kind = script.text or "", (script.get("type") or "").lower()
        if "json" in kind:
            value = None if "ld+json" in kind else _repaired(text)
            if value is not None:
                found.append((script.get("id") or "", value))
        elif len(text) < _LEAST_CODE:
            continue
        elif _FLIGHT.search(text):
            flight += _pushed(text)
        else:
            found += _assigned(text)
    return found + [("flight", row) for row in _rows("".join(flight))]


def parse_path(text: str) -> Path | None:
    """`.a.b` goes down key by key, `..key` finds the key anywhere below, `*` is any key; None for anything else."""
    steps = [(match[1] == "..", match[2]) for match in _STEP.finditer(text)]
    return tuple(steps) if "".join(("." * (1 + deep)) + key for deep, key in steps) == text else None


def walk(value: Any, path: Path) -> list[Any]:
    """The values at a path, in their order, through lists on the way and at its end; null is none."""
    if isinstance(value, list):
        return [found for one in value for found in walk(one, path)]
    if not path:
        return [] if value is None else [value]
    if not isinstance(value, dict):
        return []
    (deep, key), rest = path[0], path[1:]
    here = list(value.values()) if key == "*" else [value[key]] if key in value else []
    found = [one for child in here for one in walk(child, rest)]
    if deep:
        found += [one for child in value.values() if isinstance(child, dict | list) for one in walk(child, path)]
    return found


def _repaired(text: str) -> Any:
    """The JSON of a script, wrapped in comments or with commas too many as some sites write it; None for none."""
    text = _without_halves(text)
    start = _OPENING.match(text)
    text = text[start.end() if start else 0 :]
    text = text[:-_CLOSING_LENGTH] + _CLOSING.sub("", text[-_CLOSING_LENGTH:])
    for repair in (str, _without_trailing_commas, _without_needless_escapes, html.unescape):
        try:
            return _DECODER.decode(repair(text))
        except (ValueError, RecursionError):
            continue
    return None


def _without_halves(text: str) -> str:
    if "\\ud" not in text and "\\uD" not in text:
        return text
    return _HALVES.sub(lambda match: match[1] or "", text)


def _without_trailing_commas(text: str) -> str:
    return _TRAILING_COMMA.sub("", text)


def _without_needless_escapes(text: str) -> str:
    return _without_trailing_commas(_NEEDLESS_ESCAPE.sub("", text))


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for one in value:
            yield from _objects(one)
    elif isinstance(value, dict):
        yield value
        for key in _HOLDERS:
            yield from _objects(value.get(key))


def _is_reference(value: object) -> bool:
    return isinstance(value, dict) and "@id" in value and value.keys() <= _REFERENCE


def _referred(value: Any, named: dict[str, dict[str, Any]]) -> Any:
    """The value with the objects that it names, whose own references stay: those may lead in a circle."""
    if isinstance(value, list):
        return [_object_of(one, named) for one in value]
    return _object_of(value, named)


def _object_of(value: Any, named: dict[str, dict[str, Any]]) -> Any:
    return named.get(value["@id"], value) if _is_reference(value) and isinstance(value["@id"], str) else value


def _assigned(text: str) -> Iterator[tuple[str, Any]]:
    text = _without_halves(text)
    position = 0
    for _ in range(_MOST_PLACES):
        place = _PLACE.search(text, position)
        if place is None:
            return
        position = place.end()
        try:
            value, position = _DECODER.raw_decode(text, position)
            if isinstance(value, str) and value[:1] in ("{", "["):
                value = _DECODER.decode(value)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict | list):
            yield place[1] or "", value


def _pushed(text: str) -> Iterator[str]:
    text = _without_halves(text)
    for place in _FLIGHT.finditer(text):
        try:
            value, _ = _DECODER.raw_decode(text, place.end())
        except (ValueError, RecursionError):
            continue
        yield from (part for part in value[1:2] if isinstance(part, str))


def _rows(text: str) -> list[Any]:
    """The values of a stream of React server components (Next.js), with references to texts replaced by the texts."""
    data, position = text.encode("utf-8", "replace"), 0
    rows, texts = [], {}
    while position < len(data):
        row = _FLIGHT_ROW.match(data, position)
        if row and row[2]:
            position = row.end() + int(row[2], 16)
            texts[row[1].decode()] = data[row.end() : position].decode("utf-8", "replace")
            continue
        start = row.end() if row else position
        end = data.find(b"\n", start)
        position = end + 1 if end >= 0 else len(data)
        try:
            rows.append(_DECODER.decode(data[start:position].decode("utf-8", "replace")))
        except (ValueError, RecursionError):
            continue  # a row that is no JSON: the name of a module, a hint
    return [_with_texts(row, texts) for row in rows]


def _with_texts(value: Any, texts: dict[str, str]) -> Any:
    if isinstance(value, list):
        return [_with_texts(one, texts) for one in value]
    if isinstance(value, dict):
        return {key: _with_texts(one, texts) for key, one in value.items()}
    if isinstance(value, str) and (reference := _FLIGHT_REFERENCE.fullmatch(value)):
        return texts.get(reference[1], value)
    return value
