"""The bytes of a page as text.

Korean sites declare euc-kr and send cp949, old pages declare one charset and are in another; the guesses of HTTP and
HTML libraries corrupt them. So UTF-8, which no other text looks like, is tried first and strictly, then what is
declared and can be wrong; what fits any bytes is believed last.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping

from charset_normalizer import from_bytes

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_HEADER = re.compile(r"charset\s*=\s*[\"']?([\w:.-]+)", re.IGNORECASE)
_META = re.compile(rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w:.-]+)", re.IGNORECASE)
# what browsers read under these names (WHATWG Encoding Standard), by the names that Python gives them
_WIDER = {
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
}
# and names that Python does not know
_ALIASES = {
    "x-sjis": "cp932",
    "x-euc-jp": "euc_jp",
    "x-gbk": "gb18030",
    "windows-949": "cp949",
    "x-windows-949": "cp949",
}
# charsets of one byte a character, which fit almost any bytes
_SINGLE = re.compile(r"cp(?:125\d|874|437|85\d|866)|iso8859-\d+|koi8-\w|mac-\w+|latin\w*|hp-roman8|ptcp154")
# charsets of ASCII with escapes, as which UTF-8 would take them
_SEVEN_BITS = re.compile(r"iso2022|hz")
_HEAD = 4096
_ASCII = bytes(range(128))
# of the characters beyond ASCII: with so few that are broken a page is UTF-8 all the same, and with so many that the
# older standard has, too, it is Korean and not a European page whose bytes happen to make rare syllables
_BROKEN = 0.01
_COMMON = 0.9
_MOST = 0.8
_HANGUL = re.compile("[가-힣]")
# of the bytes beyond ASCII those next to each other, below which the alphabet is Latin: what browsers take for Western
_IN_RUNS = 0.3
# bytes beyond ASCII from which on that speaks against a declaration
_LEAST_TELLING = 100
_NOT_ISO = re.compile(rb"[\x80-\x9f]")
_RUN = re.compile(rb"[\x80-\xff]{3,}")
# bytes of which a charset is guessed
_LOOKED_AT = 1_000_000


def as_utf8(body: bytes, headers: Mapping[str, str]) -> bytes:
    """The text of an HTML body in UTF-8, which most are in already; never raises: what fits no charset is U+FFFD."""
    text, charset = _decoded(body, headers)
    return body if charset == "utf-8" else text.encode("utf-8", "replace")


def _decoded(body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:
    """The text, and the charset of which the whole body was."""
    for mark, charset in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(charset, "replace"), f"{charset} with a mark"
    declared = list(_declared(body, headers))
    many = [one for one in declared if not _SINGLE.fullmatch(one)]
    escaped = [one for one in many if _SEVEN_BITS.match(one) and b"\x1b" in body]
    for charset in dict.fromkeys([*escaped, "utf-8", *many]):
        try:
            return body.decode(charset), charset
        except (UnicodeError, LookupError):
            continue
    for charset in dict.fromkeys(["utf-8", *many]):
        if (text := _mostly(body, charset)) is not None:
            return text, f"{charset} in part"
    if (text := _korean(body)) is not None:
        return text, "cp949"
    charset = _trusted([one for one in declared if one not in many], body) or _guessed(body)
    return body.decode(charset, "replace"), f"{charset} in part"


def _declared(body: bytes, headers: Mapping[str, str]) -> Iterator[str]:
    """The charsets that the header and the page name, by Python's names and as browsers widen them."""
    header = _HEADER.search(headers.get("content-type", ""))
    meta = _META.search(body[:_HEAD])
    for name in (header[1] if header else None, meta[1].decode("ascii") if meta else None):
        try:
            known = codecs.lookup(_ALIASES.get(name.lower(), name)).name if name else ""
        except (LookupError, ValueError):
            continue
        # that the declaration can be read shows that it is not in UTF-16 (WHATWG: such a page is in UTF-8)
        if known and not known.startswith(("utf-16", "utf-32", "utf-7")):
            yield _WIDER.get(known, known)


def _mostly(body: bytes, charset: str) -> str | None:
    """The text when all but a few of its characters beyond ASCII fit the charset."""
    try:
        text = body.decode(charset, "replace")
    except (UnicodeError, LookupError):
        return None
    beyond = len(text) - len(text.encode("ascii", "ignore"))
    return text if text.count("\ufffd") <= max(1, _BROKEN * beyond) < beyond else None


def _korean(body: bytes) -> str | None:
    """The text in cp949 when nearly all of its characters are common ones, and Hangul: Chinese bytes make both."""
    try:
        text = body.decode("cp949")
    except UnicodeError:
        return None
    beyond = text.encode("utf-8").translate(None, _ASCII).decode()
    common = beyond.encode("euc_kr", "ignore")
    hangul = len(_HANGUL.findall(beyond))
    return text if len(common) / 2 >= _COMMON * len(beyond) and hangul >= _MOST * len(beyond) > 0 else None


def _trusted(declared: list[str], body: bytes) -> str:
    """Which declared charset of one byte a character is believed, "" for none: servers say Western of any page."""
    if declared[:1] != ["cp1252"]:
        return next(iter(declared), "")
    for other in declared[1:]:
        # curly quotes of cp1252 are no characters at all in what ISO standardised
        if other != "cp1252" and not (other.startswith("iso8859") and _NOT_ISO.search(body)):
            return other
    return "" if len(body.translate(None, _ASCII)) >= _LEAST_TELLING and _in_runs(body) else "cp1252"


def _in_runs(body: bytes) -> bool:
    return sum(map(len, _RUN.findall(body))) >= _IN_RUNS * len(body.translate(None, _ASCII))


def _guessed(body: bytes) -> str:
    if not _in_runs(body):
        return "cp1252"
    best = from_bytes(body[:_LOOKED_AT].rpartition(b"<")[0] or body[:_LOOKED_AT]).best()
    return best.encoding if best else "utf-8"
