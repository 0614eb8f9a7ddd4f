"""Bytes become the text that was meant, whatever the page says of its charset."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from newscrawl.extract.charset import as_utf8


def decode(body: bytes, headers: dict[str, str]) -> str:
    return as_utf8(body, headers).decode()


# 똠, 펲 and 힣 are in cp949 only: strict euc-kr knows none of them
KOREAN = "똠방각하의 펲시콜라, 힣 기사 본문입니다."
JAPANESE = "①髙橋さんは東京で記事を書いた。"


@pytest.mark.parametrize("declared", ["euc-kr", "EUC-KR", "ks_c_5601-1987", "cp949"])
def test_euc_kr_means_cp949(declared):
    body = f'<meta charset="{declared}">{KOREAN}'.encode("cp949")
    assert KOREAN in decode(body, {})
    assert KOREAN in decode(KOREAN.encode("cp949"), {"content-type": f"text/html; charset={declared}"})


def test_shift_jis_means_cp932():
    assert decode(JAPANESE.encode("cp932"), {"content-type": "text/html; charset=Shift_JIS"}) == JAPANESE


def test_the_header_comes_before_the_meta_element():
    body = f"<meta charset=iso-8859-1>{KOREAN}".encode()
    assert KOREAN in decode(body, {"content-type": 'text/html; charset="UTF-8"'})


def test_a_mark_at_the_beginning_comes_before_all():
    assert decode(KOREAN.encode("utf-8-sig"), {"content-type": "text/html; charset=euc-kr"}) == KOREAN
    assert decode(KOREAN.encode("utf-16"), {}) == KOREAN


def test_a_wrong_declaration_is_not_believed():
    assert KOREAN in decode(f"<meta charset=utf-8>{KOREAN}".encode("cp949"), {})
    assert KOREAN in decode(f"<meta charset=euc-kr>{KOREAN}".encode(), {})
    assert KOREAN in decode(f"<meta charset=iso-8859-1>{KOREAN}".encode(), {})


def test_nothing_declared():
    assert decode(KOREAN.encode("cp949"), {}) == KOREAN
    assert decode(KOREAN.encode(), {}) == KOREAN


def test_an_unknown_charset_is_left_alone():
    assert decode(KOREAN.encode(), {"content-type": "text/html; charset=none-such"}) == KOREAN


def test_curly_quotes_of_latin_1():
    body = "“It’s a naïve café”, she said of the place by the harbour – and left.".encode("cp1252")
    assert decode(body, {"content-type": "text/html; charset=iso-8859-1"}).startswith("“It’s a naïve café”")


ENGLISH = "“It’s the city’s plan”, she said of the naïve café by the harbour – and then left for the market again. "
GERMAN = "Die Fähre über die Förde fährt künftig öfter, heißt es – „das freut uns“, sagte die Bürgermeisterin. "
DECLARED = [
    "utf-8",
    "windows-1252",
    "latin-1",
    "iso8859-15",
    "ISO-8859-1",
    "cp1250",
    "euc-kr",
    "shift_jis",
    "gb2312",
    "utf-16",
]


@pytest.mark.parametrize("declared", DECLARED)
@pytest.mark.parametrize("text", [KOREAN, JAPANESE, ENGLISH, GERMAN])
def test_utf_8_whatever_is_declared(text, declared):
    assert decode(text.encode(), {"content-type": f"text/html; charset={declared}"}) == text


@pytest.mark.parametrize("declared", ["utf-8", "windows-1252", "iso-8859-1", "none", "utf-16"])
@pytest.mark.parametrize("text", [ENGLISH, GERMAN])
def test_western_text_is_not_korean(text, declared):
    assert decode((text * 5).encode("cp1252"), {"content-type": f"text/html; charset={declared}"}) == text * 5


@pytest.mark.parametrize("declared", ["utf-8", "windows-1252", "iso-8859-1", "latin1", "none"])
def test_korean_text_is_not_western(declared):
    text = f"<p>항구가 다시 열렸다고 시청이 밝혔다.</p><p>{KOREAN}</p>" * 5
    assert decode(text.encode("cp949"), {"content-type": f"text/html; charset={declared}"}) == text


RUSSIAN = "Гавань снова открылась в пятницу после трёх недель работ, сообщила администрация города. "
GREEK = "Το λιμάνι άνοιξε ξανά την Παρασκευή μετά από τρεις εβδομάδες εργασιών, ανακοίνωσε ο δήμος. "
POLISH = "Port został ponownie otwarty w piątek po trzech tygodniach prac, poinformował urząd miasta. "
CZECH = "Přístav byl v pátek znovu otevřen po třech týdnech prací: „Čekali jsme na to,“ řekli rybáři. "
TURKISH = "Liman, üç haftalık çalışmanın ardından cuma günü yeniden açıldı, dedi belediye başkanı. "
HEBREW = "הנמל נפתח מחדש ביום שישי לאחר שלושה שבועות של עבודה, מסרה העירייה. "
JAPANESE_REPORT = "港は三週間の工事を終えて金曜日に再び開かれたと当局が発表した。市場は七時には人であふれた。"
CHINESE = "海港经过三周的工程后于星期五重新开放，市政府表示。渔船在黎明前返回，市场在七点前就已经挤满了人。"
TAIWANESE = "海港經過三週的工程後於星期五重新開放，市政府表示。漁船在黎明前返回，市場在七點前就已經擠滿了人。"
# those whose bytes no Western text has, and those that a page must name
ALPHABETS = [
    (RUSSIAN, "windows-1251"),
    (RUSSIAN, "koi8-r"),
    (GREEK, "iso-8859-7"),
    (HEBREW, "windows-1255"),
    (JAPANESE_REPORT, "euc-jp"),
    (JAPANESE_REPORT, "shift_jis"),
    (CHINESE, "gb18030"),
    (TAIWANESE, "big5"),
]
LATIN = [
    (POLISH, "iso-8859-2"),
    (CZECH, "windows-1250"),
    (TURKISH, "cp1254"),
    (TURKISH, "iso-8859-9"),
    (GERMAN, "cp1252"),
]


@pytest.mark.parametrize("header", ["", "; charset=iso-8859-1", "; charset=utf-8", "; charset=windows-1252"])
@pytest.mark.parametrize(("text", "charset"), ALPHABETS + LATIN)
def test_what_a_page_names_comes_before_the_western_of_servers(text, charset, header):
    html = f'<html><head><meta charset="{charset}"></head><body>{f"<p>{text}</p>" * 4}</body></html>'
    assert decode(html.encode(charset), {"content-type": f"text/html{header}"}) == html


@pytest.mark.parametrize("header", ["", "; charset=iso-8859-1", "; charset=utf-8"])
@pytest.mark.parametrize("named", ["", '<meta charset="iso-8859-1">', '<meta charset="utf-8">'])
@pytest.mark.parametrize(("text", "charset"), ALPHABETS)
def test_an_alphabet_that_is_not_western_is_guessed(text, charset, named, header):
    html = f"<html><head>{named}</head><body>{f'<p>{text}</p>' * 4}</body></html>"
    assert decode(html.encode(charset), {"content-type": f"text/html{header}"}) == html


@pytest.mark.parametrize("named", ["iso-8859-15", "iso-8859-2"])
def test_curly_quotes_are_western_whatever_a_page_names(named):
    html = f'<meta charset="{named}"><p>{ENGLISH}</p>'
    assert decode(html.encode("cp1252"), {"content-type": "text/html; charset=iso-8859-1"}) == html


def test_a_few_signs_in_a_row_are_western():
    html = f"<p>{'The harbour opened again on Friday. ' * 20}</p><p>€€€ ………</p>"
    assert decode(html.encode("cp1252"), {"content-type": "text/html; charset=iso-8859-1"}) == html


def test_a_wrong_byte_late_on_a_long_page():
    body = f"<p>{KOREAN}</p>".encode() * 2000
    text = decode(body[:100_000] + b"\xff" + body[100_000:], {"content-type": "text/html; charset=windows-1252"})
    assert text.count(KOREAN) >= 1999


def test_text_with_escapes():
    assert (
        decode("港が開いた。".encode("iso2022_jp"), {"content-type": "text/html; charset=iso-2022-jp"})
        == "港が開いた。"
    )


@given(
    st.sampled_from(
        [(KOREAN, "cp949"), (JAPANESE, "utf-8"), (ENGLISH, "cp1252"), (GERMAN, "cp1252"), (GERMAN, "utf-8")]
    ),
    st.sampled_from(DECLARED[:6]),
    st.integers(1, 50),
)
def test_a_declaration_of_one_byte_a_character_spoils_nothing(text, declared, times):
    written = f"<p>{text[0]}</p>" * times
    declared = "utf-8" if declared in ("cp1250", "iso8859-15") and text[1] == "cp1252" else declared
    assert decode(written.encode(text[1]), {"content-type": f"text/html; charset={declared}"}) == written


def test_a_few_wrong_bytes_spoil_nothing_else():
    body = (KOREAN * 20).encode("utf-8")
    text = decode(body[:300] + b"\xff\xfe\xff" + body[300:], {"content-type": "text/html; charset=utf-8"})
    assert text.count(KOREAN) >= 18


# Python has codecs that decode nothing, or no bytes
@example(b"\x00", "undefined")
@example(b"\x00", "rot13")
@given(st.binary(max_size=200), st.text(max_size=30))
def test_any_bytes_become_text(body, declared):
    assert isinstance(decode(body, {"content-type": f"text/html; charset={declared}"}), str)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=200))
def test_utf8_is_read_as_written(text):
    assert decode(b"\xef\xbb\xbf" + text.encode(), {}) == text
