"""The names in a byline, without titles, e-mail addresses, places and desks."""

from __future__ import annotations

import re
from collections.abc import Iterable

_EMAIL = re.compile(r"[(<\[]?\s*[\w.+-]+@[\w-]+(?:\.[\w-]+)+\s*[)>\]]?")
_URL = re.compile(r"^(https?:)?//|^www\.")
_BY = re.compile(
    r"^(?:(?:(?:written|story|words|reported|posted|published|updated)\b[^|]{0,40}?\s)?by|기자명|글쓴이|글|사진|취재|文|写真|取材)\s*[:·=：]?\s+",
    re.IGNORECASE,
)
# with two words after them, so that Von Trapp keeps his name
_BY_ABROAD = re.compile(r"^(?:von|par|por|di|door|av|af|oleh|texte?|texto)\s*:?\s+(?=\S+\s+\S)", re.IGNORECASE)
# a title is a word of its own with what it is for in front of it, or "reporter" directly behind a name
_KOREAN_TITLE = re.compile(
    r"(?:^|\s+[^\s=]{0,8})(?:기자|특파원|통신원|앵커|아나운서|리포터|캐스터|(?<![A-Za-z])PD|에디터|칼럼니스트|위원|부장|국장|팀장|차장|"
    r"편집장|교수|평론가|연구원|변호사|작가)(?:\s|$|=).*$"
    r"|(?<=[가-힣]{2})(?:선임|전문|인턴|객원|대학생|수습|사진|영상)?(?:기자|특파원|앵커)(?:\s|$|=).*$"
)
# a desk, a paper, a rank or a task beside a name
_KOREAN_ROLE = re.compile(
    r"\S+(?:부|팀|센터|본부)|\S{3,}국|\S+(?:일보|신문|뉴스|방송)|\S*(?:인턴|수습|선임|수석|전문|객원)|사진|영상|그래픽|글|정리|취재"
)
_KOREAN_NAMES = re.compile(r"[가-힣]{2,4}(?: [가-힣]{2,4})+")
_JAPANESE_TITLE = re.compile(r"(?:編集委員|論説委員|専門記者|記者|特派員|支局長)$")
_TASKS = frozenset({"글", "사진", "영상", "그래픽", "정리", "취재"})
_PLACE = re.compile(r"^[^\s=＝]{1,20}\s*[=＝]\s*(?=\S)")
_JOB = re.compile(
    r"\b(?:writers?|reporters?|correspondents?|editors?|columnist|producers?|contributors?|analyst|journalist|staff)$",
    re.IGNORECASE,
)
# in katakana the middle dot stands within a name: ジョン・スミス
_SEPARATORS = re.compile(
    r"\s*(?:,(?!\s*(?:Jr|Sr|II+|IV|Ph\.?D|M\.?D)\b)|;|·|ㆍ|、|/|\||&|(?<![ァ-ヶー])・(?![ァ-ヶー])|\b(?:and|AND|und|UND|et|och|og|ve)\b"
    # but not within Ortega y Gasset
    r"|(?<=\s)[ye]\s(?=\S+\s+\S))\s*"
)
# when it was written, which some bylines end with
_MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_WHEN = re.compile(
    rf"[\s|·,–—-]*\b(?:(?:first |last )?(?:published|updated|posted|modified)\b|{_MONTHS}\s\d"
    rf"|\d{{1,2}}\.?\s{_MONTHS}\s\d"
    r"|\d{4}\s?[-./年년]|\d{1,2}:\d\d).*$",
    re.IGNORECASE,
)
_FIRST_NAMES = re.compile(r"^(?:[Pp]or\s)?(\w+) [ye] (\w+)$")
# where somebody wrote, or for whom: By Jane Doe in London
_WHERE = re.compile(r"\s(?:in|for|at)\s(?:the\s)?[A-Z].*$")
_DIGIT = re.compile(r"\d")
_WHOLLY_BRACKETED = re.compile(r"^[(\[【（]([^()\[\]【】（）]+)[)\]】）]$")
# characters: what is longer is a biography or a whole article, in which no name is looked for
_LONGEST_BYLINE = 500
_LONGEST_NAME = 60
_BRACKETS = re.compile(r"\s*[(\[【（].*?[)\]】）]\s*")


def names(bylines: Iterable[object]) -> tuple[str, ...]:
    """The names in bylines (texts, or JSON-LD persons), each once, in their order.

    What is only a job ("Staff Writer") counts as a name when the byline has no other, and so does what has digits.
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
    text = _WHEN.sub("", _BY.sub("", " ".join(_EMAIL.sub(" ", byline).split())))
    text = _FIRST_NAMES.sub(r"\1, \2", text)
    found = [name for part in _SEPARATORS.split(_WHOLLY_BRACKETED.sub(r"\1", text)) for name in _names(part)]
    return [name for name in found if not _DIGIT.search(name)] or found


def _names(text: str) -> list[str]:
    if text in _TASKS:
        return []
    text = _BY_ABROAD.sub("", _BY.sub("", _PLACE.sub("", _BRACKETS.sub(" ", text).strip())))
    untitled = _KOREAN_TITLE.sub("", text).strip()
    if untitled != text:
        words = untitled.split()
        untitled = " ".join([word for word in words if not _KOREAN_ROLE.fullmatch(word)] or words)
        if "기자" in text and _KOREAN_NAMES.fullmatch(untitled):
            return untitled.split()
    return [_WHERE.sub("", _JAPANESE_TITLE.sub("", untitled)).strip(" .:-|=")]
