"""Dates as news sites write them, as aware moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newscrawl.extract.dates import parse

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
    ],
)
def test_a_moment_of_an_afternoon_in_seoul(text):
    assert parse(text, SEOUL) == AFTERNOON


@pytest.mark.parametrize(
    ("text", "hour"), [("오전 12:04", 0), ("오후 12:04", 12), ("오전 11:04", 11), ("12:04 AM", 0), ("12:04 PM", 12)]
)
def test_the_twelfth_hour(text, hour):
    assert parse(f"2026.11.23 {text}", SEOUL) == datetime(2026, 11, 23, hour, 4, tzinfo=SEOUL)


def test_summer_time_is_the_zones_own():
    zone = ZoneInfo("America/New_York")
    assert parse("July 1, 2026 12:00 PM", zone) == datetime(2026, 7, 1, 16, 0, tzinfo=UTC)
    assert parse("December 1, 2026 12:00 PM", zone) == datetime(2026, 12, 1, 17, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026.11.23", "2026년 11월 23일", "2026-11-23", "November 23, 2026", "20261123"])
def test_a_day_alone_is_its_midnight(text):
    assert parse(text, SEOUL) == datetime(2026, 11, 23, tzinfo=SEOUL)


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
    ],
)
def test_what_names_no_moment(text):
    assert parse(text, SEOUL) is None


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)),
    st.integers(-14 * 4, 14 * 4).map(lambda quarters: timezone(timedelta(minutes=15 * quarters))),
)
def test_what_machines_write_is_read_as_meant(moment, zone):
    moment = moment.replace(microsecond=0, tzinfo=zone)
    assert parse(moment.isoformat(), SEOUL) == moment


@given(st.text(max_size=60))
def test_any_text_is_a_usable_moment_or_none(text):
    found = parse(text, SEOUL)
    assert found is None or found.astimezone(UTC).tzinfo is UTC
