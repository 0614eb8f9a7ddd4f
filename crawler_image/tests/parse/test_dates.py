"""Dates as news sites write them, as aware moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newscrawl.extract.dates import in_address, is_day, parse

SEOUL = ZoneInfo("Asia/Seoul")
AFTERNOON = datetime(2026, 11, 23, 15, 4, tzinfo=SEOUL)


@pytest.mark.parametrize(
    "text",
    [
        "2026.11.23 오후 3:04",
        "입력 2026-11-23 15:04",
        "입력 : 2026.11.23. 15:04",
        "기사입력 2026-11-23 15:04:00 | 기사수정 2026-11-23 16:00:00",
        "2026년 11월 23일 15시 4분",
        "2026년 11월 23일 (월) 오후 03시 04분",
        "2026.11.23(월) 15:04",
        "2026/11/23 15:04",
        "2026年11月23日 15時04分",
        "2026年11月23日（月） 15:04",
        "2026年11月23日 午後3時4分",
        "2026-11-23T15:04:00+09:00",
        "2026-11-23T15:04:00+0900",
        "2026-11-23T15:04:00+09",
        "2026-11-23T06:04:00Z",
        "2026-11-23T06:04:00.000Z",
        "2026-11-23T15:04",
        "20261123150400",
        "202611231504",
        "Mon, 23 Nov 2026 06:04:00 GMT",
        "Mon, 23 Nov 2026 15:04:00 +0900",
        "November 23, 2026 3:04 PM KST",
        "Nov. 23, 2026 at 3:04 p.m.",
        "23 November 2026, 15:04",
        "Published: 1:04 a.m. ET Nov. 23, 2026",
        "1795413840",
        "1795413840000",
        "2026-11-23 15:04 KST",
        "2026-11-23 06:04:00 UTC",
        "2026/11/23 15:04:00 +0900",
        "Mon Nov 23 2026 15:04:00 GMT+0900 (Korean Standard Time)",
        "Mon Nov 23 15:04:00 KST 2026",
        "3 comments | Nov 23, 2026 15:04",
        "15:04, 23 Nov 2026",
        "23.11.2026, 15:04 Uhr",
        "23.11.2026 um 15.04 Uhr",
        "23/11/2026 15:04",
        "23/11/2026 à 15h04",
        "Montag, 23. November 2026, 15:04 Uhr",
        "Publié le 23 novembre 2026 à 15h04",
        "Lunes, 23 de noviembre de 2026, 15:04",
        "23 de novembro de 2026 às 15h04",
        "23 novembre 2026 alle 15:04",
        "23 listopada 2026, 15:04",
        "23 Kasım 2026 Pazartesi 15:04",
        "23 ноября 2026, 15:04",
        "Updated Nov 23rd, 2026, 3:04pm",
        "2026-11-23 03:04 PM",
        "2026-11-23 03:04:00 p.m. KST",
        "2026-11-23T03:04 PM",
        "2026-11-23 | 15:04",
        "2026-11-23 at 15:04",
        "15:04 | 2026.11.23",
        "2026.11.23 / 오후 3:04",
        "20261123T150400",
        "20261123T060400Z",
        "20261123T1504+0900",
        "Mon 23 Nov 2026 06.04 GMT",
        "Mon 23 Nov 2026 07.04 CET",
        "Published: 06:04 GMT, 23 November 2026 | Updated: 08:22 GMT, 23 November 2026",
        "Published 3:04 pm, Nov 23, 2026 | Updated 5:22 pm, Nov 24, 2026",
        "Read in 5:30 minutes | Nov 23, 2026 | 15:04",
    ],
)
def test_a_moment_of_an_afternoon_in_seoul(text):
    assert parse(text, SEOUL) == AFTERNOON


@pytest.mark.parametrize(
    ("text", "hour"), [("오전 12:04", 0), ("오후 12:04", 12), ("오전 11:04", 11), ("12:04 AM", 0), ("12:04 PM", 12)]
)
def test_the_twelfth_hour(text, hour):
    assert parse(f"2026.11.23 {text}", SEOUL) == datetime(2026, 11, 23, hour, 4, tzinfo=SEOUL)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("2026-11-23T15:04:00+01", 1),
        ("2026-11-23T15:04:00-05", -5),
        ("2026-11-23T15:04-05:00", -5),
        ("2026-11-23 15:04 CET", 1),
        ("23 Nov 2026 3:04 p.m. CST", -6),
        ("23 Nov 2026 15:04 (AEST)", 10),
        ("23 Nov 2026 15:04 IST", 5.5),
        ("November 23, 2026 15:04 GMT+3", 3),
        ("23 Nov 2026 15:04 MESZ", 2),
    ],
)
def test_an_offset_or_a_zone_is_kept(text, offset):
    assert parse(text, SEOUL) == datetime(2026, 11, 23, 15, 4, tzinfo=timezone(timedelta(hours=offset)))


@pytest.mark.parametrize(
    ("text", "zone", "day"),
    [
        ("11/12/2026", "Europe/London", (12, 11)),
        ("11/12/2026", "America/New_York", (11, 12)),
        ("11.12.2026", "America/New_York", (12, 11)),
        ("23/11/2026", "America/New_York", (11, 23)),
        ("11/23/2026", "Europe/London", (11, 23)),
        ("11/12/2026", "America/Sao_Paulo", (12, 11)),
    ],
)
def test_the_order_of_day_and_month(text, zone, day):
    assert parse(text, ZoneInfo(zone)) == datetime(2026, *day, tzinfo=ZoneInfo(zone))


def test_the_day_in_an_address():
    for path in ("/world/2026/11/23/a", "/a-2026-11-23/", "/20261123-a", "/news/2026-11-23/a", "/2026/nov/23/a"):
        assert in_address(path, SEOUL) == datetime(2026, 11, 23, tzinfo=SEOUL)


@given(
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)),
    st.sampled_from(
        [
            "%A, %d %B %Y %H:%M:%S",
            "%B %d, %Y %I:%M:%S %p",
            "%b %d, %Y at %H:%M:%S",
            "%H:%M:%S, %d %b %Y",
            "%Y/%m/%d %H:%M:%S",
            "%Y.%m.%d %H:%M:%S",
            "%Y年%m月%d日 %H:%M:%S",
            "%d.%m.%Y %H:%M:%S",
            "%d/%m/%Y %H:%M:%S",
            "Published %d %B %Y | %H:%M:%S | 3 comments",
        ]
    ),
)
def test_what_people_write_is_read_as_meant(moment, form):
    moment = moment.replace(microsecond=0, tzinfo=SEOUL)
    assert parse(moment.strftime(form), SEOUL) == moment


def test_summer_time_is_the_zones_own():
    zone = ZoneInfo("America/New_York")
    assert parse("July 1, 2026 12:00 PM", zone) == datetime(2026, 7, 1, 16, 0, tzinfo=UTC)
    assert parse("December 1, 2026 12:00 PM", zone) == datetime(2026, 12, 1, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026.11.23",
        "2026. 11. 23.",
        "2026년 11월 23일",
        "2026-11-23",
        "November 23, 2026",
        "23 Nov 2026",
        "20261123",
        "Published 23 November 2026: the harbour",
        "2026.11.23 | 수정 2026.11.24 16:00",
        "Published 23 Nov 2026 | Updated 24 Nov 2026 16:00",
    ],
)
def test_a_day_alone_is_its_midnight(text):
    day = parse(text.partition("|")[0], SEOUL)
    assert parse(text, SEOUL) == day == datetime(2026, 11, 23, tzinfo=SEOUL)
    assert is_day(text.partition("|")[0], day)


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T00:00",
        "2026.11.23 오전 0시",
        "Nov 23, 2026 12:00 AM",
        "20261123T000000Z",
        "202611230000",
        "0h00, 23 nov 2026",
    ],
)
def test_midnight_is_a_time_of_day(text):
    assert not is_day(text, datetime(2026, 11, 23, tzinfo=SEOUL))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3 hours ago",
        "3시간 전",
        "어제 15:04",
        "2時間前",
        "yesterday",
        "방금 전",
        "15:04",
        "November 2026 issue of May",
        "2026.13.45 오후 3:04",
        "0000-00-00 00:00:00",
        "no date",
        "1." * 200_000,
        "99999999999999",
        "Decatur Daily 2023",
        "3 comments since November 2026",
        "Marching on 2026, 12 times",
        "1970-01-01T00:00:00Z",
        "0001-01-01T00:00:00",
        "version 1.2.2026.4",
    ],
)
def test_what_names_no_moment(text):
    assert parse(text, SEOUL) is None


@given(
    st.datetimes(datetime(1971, 1, 2), datetime(2100, 1, 1)),
    st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters))),
)
def test_what_machines_write_is_read_as_meant(moment, zone):
    moment = moment.replace(microsecond=0, tzinfo=zone)
    assert parse(moment.isoformat(), SEOUL) == moment


@given(st.text(max_size=60))
def test_any_text_is_a_usable_moment_or_none(text):
    found = parse(text, SEOUL)
    assert found is None or found.astimezone(UTC).tzinfo is UTC
