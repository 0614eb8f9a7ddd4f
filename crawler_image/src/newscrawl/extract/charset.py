"""The bytes of a page as text.

Korean sites declare euc-kr and send cp949, old pages declare one charset and are in another; the guesses of HTTP and
HTML libraries corrupt them. So each declared charset is tried strictly, in the order of its trustworthiness.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping

from charset_normalizer import from_bytes

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_HEADER = re.compile(r"charset\s*=\s*[\"']?([\w:.-]+)", re.IGNORECASE)
_META = re.compile(rb"<meta[^>]{0,300}?charset\s*=\s*[\"']?\s*([\w:.-]+)", re.IGNORECASE)
# what browsers read under these names (WHATWG Encoding Standard)
_WIDER = {
    "euc-kr": "cp949",
    "euc_kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "ksc5601": "cp949",
    "korean": "cp949",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "sjis": "cp932",
    "x-sjis": "cp932",
    "iso-8859-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
}
_HEAD = 4096


def as_utf8(body: bytes, headers: Mapping[str, str]) -> bytes:
    """The text of an HTML body in UTF-8, which most are in already; never raises: what fits no charset is U+FFFD."""
    text, charset = _decoded(body, headers)
    return body if charset == "utf-8" else text.encode("utf-8", "replace")


def _decoded(body: bytes, headers: Mapping[str, str]) -> tuple[str, str]:
    """The text, and the charset of which the whole body was."""
    for mark, charset in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(charset, "replace"), f"{charset} with a mark"
    for charset in _candidates(body, headers):
        try:
            return body.decode(charset), charset
        except (UnicodeError, LookupError):
            continue
    best = from_bytes(body[:65536]).best()
    guessed = best.encoding if best else next(_candidates(body, headers), "utf-8")
    try:
        return body.decode(guessed, "replace"), f"{guessed} in part"
    except (UnicodeError, LookupError):
        return body.decode("utf-8", "replace"), "utf-8 in part"


def _candidates(body: bytes, headers: Mapping[str, str]) -> Iterator[str]:
    header = _HEADER.search(headers.get("content-type", ""))
    meta = _META.search(body[:_HEAD])
    declared = [header[1] if header else None, meta[1].decode("ascii") if meta else None]
    names = [_WIDER.get(name.lower(), name.lower()) for name in declared if name]
    # a single-byte charset fits any bytes: it is believed only when the strict ones do not fit
    yield from (name for name in names if name != "cp1252")
    yield "utf-8"
    yield "cp949"
    yield from (name for name in names if name == "cp1252")
