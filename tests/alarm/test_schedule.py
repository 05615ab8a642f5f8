"""The schedule: civil times over the changes of clocks, the sun, what is due and what comes next."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.alarm.schedule import Rule, Schedule, parse_at
from edge.alarm.sun import rise_or_set
from edge.config.schema.alarm import _AT
from edge.localtime import unix_of, zone_of

BERLIN = ZoneInfo("Europe/Berlin")


def unix(text: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def rules(*lines: tuple[str, str, str], zone: ZoneInfo = BERLIN, place: tuple[float, ...] = (52.52, 13.4)) -> Schedule:
    """(days, at, do) each; days as numbers from Monday = 0."""
    made = tuple(Rule(parse_at(at), do, frozenset(map(int, days))) for days, at, do in lines)  # type: ignore[arg-type]
    return Schedule(made, zone, *place)


EVERY = "0123456"
NIGHTLY = rules((EVERY, "22:30", "arm_night"), (EVERY, "06:45", "disarm"))


def test_the_next_change_and_the_newest_that_was_missed() -> None:
    now = unix("2026-05-20T12:00")
    following = NIGHTLY.upcoming(now)
    assert following is not None
    assert (following.at, following.do) == (unix("2026-05-20T22:30"), "arm_night")
    missed = NIGHTLY.latest(unix("2026-05-18T12:00"), now)
    assert missed is not None
    assert (missed.at, missed.do) == (unix("2026-05-20T06:45"), "disarm")
    assert NIGHTLY.latest(unix("2026-05-20T06:45"), now) is None


def test_days_of_the_week_are_those_of_the_house() -> None:
    weekend = rules(("56", "00:10", "arm_home"))
    found = weekend.upcoming(unix("2026-05-20T12:00"))  # a Wednesday
    assert found is not None
    assert found.at == unix("2026-05-23T00:10")  # Saturday there, Friday in UTC
    assert datetime.fromtimestamp(found.at, ZoneInfo("UTC")).weekday() == 4


def test_a_time_that_the_clocks_skip_happens_when_they_skip_it() -> None:
    early = rules((EVERY, "02:30", "disarm"))
    found = early.upcoming(unix("2026-03-28T12:00"))
    assert found is not None
    assert found.at == unix("2026-03-29T03:00")
    assert early.latest(found.at, unix("2026-03-29T23:00")) is None


def test_a_time_that_is_there_twice_happens_once_the_first_time() -> None:
    early = rules((EVERY, "02:30", "disarm"))
    found = early.upcoming(unix("2026-10-24T12:00"))
    assert found is not None
    assert found.at == unix("2026-10-25T02:30")
    assert early.latest(found.at, found.at + 7200) is None
    following = early.upcoming(found.at)
    assert following is not None
    assert following.at == unix("2026-10-26T02:30")


zones = st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"])
naive = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1)).map(lambda when: when.replace(microsecond=0))


@given(zones, naive)
def test_civil_times_keep_their_order_and_exist(name: str, local: datetime) -> None:
    zone = ZoneInfo(name)
    found = unix_of(local, zone)
    there = datetime.fromtimestamp(found, zone).replace(tzinfo=None)
    if there != local:  # skipped: the first moment after it, and one second earlier was before it
        assert there > local
        assert datetime.fromtimestamp(found - 1, zone).replace(tzinfo=None) < local
    assert unix_of(local, zone) <= unix_of(local + timedelta(seconds=1), zone)


def test_sunset_with_an_offset_follows_the_sun() -> None:
    dusk = rules((EVERY, "sunset-1h30m", "arm_home"))
    for day in (datetime(2026, 1, 10), datetime(2026, 7, 10)):
        found = dusk.upcoming(unix_of(day, BERLIN))
        assert found is not None
        sets = rise_or_set(day.date(), "sunset", 52.52, 13.4)
        assert sets is not None
        assert found.at == sets - 5400


def test_where_the_sun_does_not_set_nothing_happens_and_the_rest_goes_on() -> None:
    north = rules((EVERY, "sunset", "arm_night"), zone=ZoneInfo("Europe/Oslo"), place=(69.65, 18.96))
    assert north.upcoming(unix("2026-06-20T12:00")) is None
    assert north.latest(0.0, unix("2026-06-20T12:00")) is None
    both = rules((EVERY, "sunset", "arm_night"), (EVERY, "23:00", "arm_home"), place=(69.65, 18.96))
    found = both.upcoming(unix("2026-06-20T12:00"))
    assert found is not None
    assert found.do == "arm_home"


def test_the_sun_has_the_date_of_the_house_where_the_clocks_are_far_from_it() -> None:
    samoa = ZoneInfo("Pacific/Apia")
    found = rules((EVERY, "sunrise", "disarm"), zone=samoa, place=(-13.8, -171.8)).upcoming(
        unix("2026-05-20T00:00", samoa)
    )
    assert found is not None
    there = datetime.fromtimestamp(found.at, samoa)
    assert (there.day, there.hour) == (20, 6)


def test_of_two_changes_at_once_the_later_rule_has_the_last_word() -> None:
    twice = rules((EVERY, "22:00", "arm_night"), ("2", "22:00", "disarm"))
    at = unix("2026-05-20T22:00")
    for found in (twice.upcoming(at - 1), twice.latest(at - 1, at)):
        assert found is not None
        assert found.do == "disarm"


@given(st.floats(unix("2026-01-01T00:00"), unix("2027-01-01T00:00")))
def test_what_comes_next_is_what_is_due_when_it_has_come(now: float) -> None:
    mixed = rules((EVERY, "22:30", "arm_night"), ("01234", "06:45", "disarm"), ("46", "sunset+20m", "arm_home"))
    following = mixed.upcoming(now)
    assert following is not None
    assert now < following.at < now + 2 * 86400
    assert mixed.latest(now, following.at - 1) is None
    assert mixed.latest(now, following.at) == following


texts = st.from_regex(r"(?:\d\d:\d\d|sun(?:rise|set)(?:[+-](?:\d{1,2}h)?(?:\d{1,3}m)?)?)", fullmatch=True)


@given(texts | st.text(max_size=12))
def test_the_configuration_and_the_schedule_read_the_same_times(text: str) -> None:
    shape = _AT.fullmatch(text)
    wanted = bool(shape) and int((shape or ["", 0, 0])[1] or 0) * 60 + int((shape or ["", 0, 0])[2] or 0) <= 720
    try:
        parse_at(text)
    except ValueError:
        assert not wanted
    else:
        assert wanted


@pytest.mark.parametrize(
    ("text", "seconds"), [("00:00", 0), ("23:59", 86340), ("sunset", 0), ("sunrise+30m", 1800), ("sunset-1h", -3600)]
)
def test_times_as_people_write_them(text: str, seconds: int) -> None:
    assert parse_at(text).seconds == seconds


def test_the_zone_is_the_one_named_else_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(zone_of("Europe/Berlin")) == "Europe/Berlin"
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    assert str(zone_of(None)) == "Asia/Kathmandu"
    monkeypatch.setenv("TZ", "CET-1CEST")
    zone_of(None)
    with pytest.raises(ValueError, match=re.escape("no time zone `Europe/Berlni`")):
        zone_of("Europe/Berlni")


def test_how_often_the_sun_does_not_come_is_known_beforehand() -> None:
    tromso = rules((EVERY, "sunset", "arm_night"), (EVERY, "22:00", "arm_night"), place=(69.65, 18.96))
    assert 110 < tromso.sunless(2026)["sunset"] < 130  # two months without a night, two without a day
    assert rules((EVERY, "sunset", "arm_night")).sunless(2026) == {}
