"""The names in a byline, without titles, e-mail addresses and desks."""

from __future__ import annotations

import re
from collections.abc import Iterable

_EMAIL = re.compile(r"[(<\[]?\s*[\w.+-]+@[\w-]+(?:\.[\w-]+)+\s*[)>\]]?")
_URL = re.compile(r"^(https?:)?//|^www\.")
_BY = re.compile(r"^(?:(?:written|story|words)\s+by|by|기자명|글쓴이|글|취재|文|取材)\s*[:·=：]?\s+", re.IGNORECASE)
_KOREAN_TITLE = re.compile(
    r"\s*(?:선임기자|전문기자|인턴기자|객원기자|대학생기자|수습기자|특파원|통신원|논설위원|편집위원|기자|앵커|PD|에디터|칼럼니스트)(?:\s|$|=).*$"
)
_KOREAN_PLACE = re.compile(r"^[(\[【]?[가-힣A-Za-z]+\s*=\s*")
_JAPANESE_TITLE = re.compile(r"(?:編集委員|論説委員|専門記者|記者|特派員|支局長)$")
_SEPARATORS = re.compile(r"\s*(?:,|;|·|ㆍ|、|/|\||&|\band\b)\s*")
_BRACKETS = re.compile(r"\s*[(\[【（].*?[)\]】）]\s*")


def names(bylines: Iterable[object]) -> tuple[str, ...]:
    """The names in bylines (texts, or JSON-LD persons), each once, in their order."""
    found = (name for byline in bylines for name in _of(byline))
    return tuple(dict.fromkeys(name for name in found if name))


def _of(byline: object) -> list[str]:
    if isinstance(byline, dict):
        return _of(byline.get("name"))
    if isinstance(byline, list):
        return [name for one in byline for name in _of(one)]
    if not isinstance(byline, str) or _URL.match(byline.strip()):
        return []
    text = _BY.sub("", " ".join(_EMAIL.sub(" ", byline).split()))
    return [_name(part) for part in _SEPARATORS.split(text)]


def _name(text: str) -> str:
    text = _KOREAN_PLACE.sub("", _BRACKETS.sub(" ", text).strip())
    text = _BY.sub("", text)
    return _JAPANESE_TITLE.sub("", _KOREAN_TITLE.sub("", text).strip()).strip(" .:-|=")
