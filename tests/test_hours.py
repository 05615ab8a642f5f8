"""Hours of the day: over midnight, on some days, and in nights in which the clock is changed."""

from __future__ import annotations

from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import hours
from edge.hours import Hours, parse

BERLIN = ZoneInfo("Europe/Berlin")
"""Its clock is changed: on 30 March 2025 from 2 to 3, on 26 October 2025 from 3 back to 2."""


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("23:00-07:00", Hours(1380, 420)),
        (" 9:30 - 17:00 ", Hours(570, 1020)),
        ("00:00-24:00", Hours(0, 1440)),
        ("mon-fri 22:30-06:00", Hours(1350, 360, frozenset(range(5)))),
        ("Fri, Sat 23:00-09:00", Hours(1380, 540, frozenset([4, 5]))),
        ("sat-mon 20:00-21:00", Hours(1200, 1260, frozenset([5, 6, 0]))),
    ],
)
def test_hours_are_read_as_people_write_them(text: str, found: Hours) -> None:
    assert parse(text) == found


@pytest.mark.parametrize(
    "text", ["", "23-7", "25:00-07:00", "23:60-07:00", "foo 23:00-07:00", "23:00-24:01", "mon-x 1:00-2:00"]
)
def test_what_are_no_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not hours|no day|no time"):
        parse(text)


@given(st.text(alphabet="monfri satu0123456789:-, ", max_size=24))
def test_any_text_is_hours_or_a_value_error(text: str) -> None:
    try:
        found = parse(text)
    except ValueError:
        return
    assert found.days
    assert 0 <= found.start < 1440
    assert 0 <= found.stop <= 1440


@pytest.mark.parametrize(
    ("when", "over"),
    [
        ("2025-06-02 22:59", None),
        ("2025-06-02 23:00", "2025-06-03 07:00"),
        ("2025-06-03 06:59", "2025-06-03 07:00"),
        ("2025-06-03 07:00", None),
        ("2025-03-30 01:00", "2025-03-30 07:00"),
        ("2025-10-25 23:30", "2025-10-26 07:00"),
    ],
)
def test_hours_over_midnight_end_in_the_morning_by_the_clock_on_the_wall(when: str, over: str | None) -> None:
    assert parse("23:00-07:00").end(at(when), BERLIN) == (over and at(over))


def test_a_night_in_which_the_clock_is_changed_is_an_hour_longer_or_shorter() -> None:
    night = parse("23:00-07:00")
    for day, length in (("2025-03-29", 7), ("2025-03-28", 8), ("2025-10-25", 9)):
        begins = at(f"{day} 23:00")
        over = night.end(begins, BERLIN)
        assert over is not None
        assert (over - begins) / 3600 == length


def test_days_are_those_on_which_the_hours_begin() -> None:
    weekend = parse("fri,sat 23:00-09:00")
    assert weekend.end(at("2025-06-06 08:00"), BERLIN) is None  # the night from Thursday to Friday
    assert weekend.end(at("2025-06-07 08:00"), BERLIN) == at("2025-06-07 09:00")
    assert weekend.end(at("2025-06-08 08:59"), BERLIN) == at("2025-06-08 09:00")
    assert weekend.end(at("2025-06-08 23:30"), BERLIN) is None  # Sunday


@pytest.mark.parametrize(("zone", "over"), [("Europe/Berlin", "07:00"), ("UTC", None), ("Asia/Kathmandu", "03:15")])
def test_hours_are_those_of_their_zone_whatever_the_machines(zone: str, over: str | None) -> None:
    found = parse("23:00-07:00").end(at("2025-06-02 23:30"), ZoneInfo(zone))
    assert found == (over and at(f"2025-06-03 {over}"))


def test_hours_that_follow_one_another_are_over_together_but_not_later_than_a_day() -> None:
    evening, night = parse("20:00-23:00"), parse("23:00-07:00")
    assert hours.end([evening, night], at("2025-06-02 21:00"), BERLIN) == at("2025-06-03 07:00")
    assert hours.end([parse("00:00-24:00")], at("2025-06-02 12:00"), BERLIN) == at("2025-06-04 00:00")
    assert hours.end([], at("2025-06-02 12:00"), BERLIN) is None


@given(st.integers(0, 1439), st.integers(0, 1440), st.floats(0, 2**31))
def test_an_end_is_always_ahead_and_within_a_day_and_an_hour(start: int, stop: int, when: float) -> None:
    over = Hours(start, stop).end(when, timezone.utc)
    assert over is None or when < over <= when + 25 * 3600
