"""The names in a byline, without titles, e-mail addresses, places and desks."""

from __future__ import annotations

import re
from collections.abc import Iterable

_EMAIL = re.compile(r"[(<\[]?\s*[\w.+-]+@[\w-]+(?:\.[\w-]+)+\s*[)>\]]?")
_URL = re.compile(r"^(https?:)?//|^www\.")
_BY = re.compile(
    r"^(?:(?:written|story|words)\s+by|by|기자명|글쓴이|글|사진|취재|文|写真|取材)\s*[:·=：]?\s+", re.IGNORECASE
)
_KOREAN_TITLE = re.compile(
    r"\s*(?:(?:선임|전문|인턴|객원|대학생|수습)?기자|특파원|통신원|앵커|PD|에디터|칼럼니스트|(?:논설|편집|전문)위원|"
    r"\S*(?:부장|국장|팀장|차장|편집장))(?:\s|$|=).*$"
)
_JAPANESE_TITLE = re.compile(r"(?:編集委員|論説委員|専門記者|記者|特派員|支局長)$")
_PLACE = re.compile(r"^[^\s=＝]{1,20}\s*[=＝]\s*(?=\S)")
_JOB = re.compile(
    r"\b(?:writers?|reporters?|correspondents?|editors?|columnist|producers?|contributors?|analyst|journalist|staff)$",
    re.IGNORECASE,
)
_SEPARATORS = re.compile(r"\s*(?:,|;|·|ㆍ|、|/|\||&|\band\b)\s*")
_WHOLLY_BRACKETED = re.compile(r"^[(\[【（]([^()\[\]【】（）]+)[)\]】）]$")
# characters: what is longer is a biography or a whole article, in which no name is looked for
_LONGEST_BYLINE = 500
_LONGEST_NAME = 60
_BRACKETS = re.compile(r"\s*[(\[【（].*?[)\]】）]\s*")


def names(bylines: Iterable[object]) -> tuple[str, ...]:
    """The names in bylines (texts, or JSON-LD persons), each once, in their order.

    What is only a job ("Staff Writer") counts as a name when the byline has no other.
    """
    found = list(dict.fromkeys(name for byline in bylines for name in _of(byline) if 0 < len(name) <= _LONGEST_NAME))
    return tuple(name for name in found if not _JOB.search(name)) or tuple(found)


def _of(byline: object) -> list[str]:
    if isinstance(byline, dict):
        return _of(byline.get("name"))
    if isinstance(byline, list):
        return [name for one in byline for name in _of(one)]
    if not isinstance(byline, str) or len(byline) > _LONGEST_BYLINE or _URL.match(byline.strip()):
        return []
    text = _BY.sub("", " ".join(_EMAIL.sub(" ", byline).split()))
    return [_name(part) for part in _SEPARATORS.split(_WHOLLY_BRACKETED.sub(r"\1", text))]


def _name(text: str) -> str:
    text = _BY.sub("", _PLACE.sub("", _BRACKETS.sub(" ", text).strip()))
    return _JAPANESE_TITLE.sub("", _KOREAN_TITLE.sub("", text).strip()).strip(" .:-|=")
