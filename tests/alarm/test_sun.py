"""Sunrise and sunset: against almanacs, and against the sun's place by another formula."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta, timezone
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.alarm.sun import rise_or_set

ALMANAC = [
    # place, latitude, longitude, day, UTC of sunrise and of sunset as almanacs print them
    ("Greenwich", 51.4769, 0.0, date(2024, 6, 20), "03:43", "20:21"),
    ("Greenwich", 51.4769, 0.0, date(2024, 12, 21), "08:03", "15:53"),
    ("Berlin", 52.52, 13.405, date(2024, 12, 21), "07:15", "14:54"),
    ("New York", 40.7128, -74.006, date(2024, 6, 20), "09:25", "00:31"),
    ("Sydney", -33.8688, 151.2093, date(2024, 12, 21), "18:41", "09:05"),
]


@pytest.mark.parametrize(("place", "latitude", "longitude", "day", "rise", "fall"), ALMANAC)
def test_as_almanacs_print_it(place: str, latitude: float, longitude: float, day: date, rise: str, fall: str) -> None:
    for which, printed in (("sunrise", rise), ("sunset", fall)):
        found = rise_or_set(day, which, latitude, longitude)  # type: ignore[arg-type]
        assert found is not None
        minutes = int(printed[:2]) * 60 + int(printed[3:])
        apart = (found / 60 - minutes + 720) % 1440 - 720
        assert abs(apart) <= 1.5, (place, which, datetime.fromtimestamp(found, timezone.utc))


def altitude(unix: float, latitude: float, longitude: float) -> float:
    """Degrees of the sun's middle over the horizon, without refraction: the low-precision formulas of the Astronomical
    Almanac (page C5), good to 0.01 degrees; they share no term with NOAA's."""
    n = unix / 86400.0 + 2440587.5 - 2451545.0
    g = math.radians((357.528 + 0.9856003 * n) % 360)
    ecliptic = math.radians((280.460 + 0.9856474 * n) % 360 + 1.915 * math.sin(g) + 0.020 * math.sin(2 * g))
    tilt = math.radians(23.439 - 0.0000004 * n)
    ascension = math.atan2(math.cos(tilt) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(tilt) * math.sin(ecliptic))
    sidereal = math.radians((280.46062 + 360.98564737 * n + longitude) % 360)
    phi = math.radians(latitude)
    sine = math.sin(phi) * math.sin(declination) + math.cos(phi) * math.cos(declination) * math.cos(
        sidereal - ascension
    )
    return math.degrees(math.asin(sine))


days = st.dates(date(1971, 1, 1), date(2060, 12, 31))


@settings(max_examples=300)
@given(days, st.floats(-64, 64), st.floats(-180, 180), st.sampled_from(["sunrise", "sunset"]))
def test_the_sun_is_at_the_horizon_then_and_going_the_right_way(
    day: date, latitude: float, longitude: float, which: Literal["sunrise", "sunset"]
) -> None:
    found = rise_or_set(day, which, latitude, longitude)
    assert found is not None
    assert abs(altitude(found, latitude, longitude) + 0.833) < 0.05
    assert (altitude(found + 600, latitude, longitude) > -0.833) == (which == "sunrise")
    noon = datetime(day.year, day.month, day.day, tzinfo=timezone.utc) + timedelta(hours=12 - longitude / 15)
    assert 0 < abs(found - noon.timestamp()) < 43200


@pytest.mark.parametrize(
    ("day", "up"), [(date(2024, 6, 21), True), (date(2024, 12, 21), False)], ids=["midnight sun", "polar night"]
)
def test_where_the_sun_stays_up_or_down_nothing_rises_or_sets(day: date, up: bool) -> None:
    for hour in range(24):
        moment = datetime(day.year, day.month, day.day, hour, tzinfo=timezone.utc).timestamp()
        assert (altitude(moment, 69.65, 18.96) > -0.833) == up
    assert rise_or_set(day, "sunrise", 69.65, 18.96) is None
    assert rise_or_set(day, "sunset", 69.65, 18.96) is None


@given(days, st.sampled_from([-90.0, 90.0]), st.floats(-180, 180))
def test_the_poles_have_no_days(day: date, latitude: float, longitude: float) -> None:
    assert rise_or_set(day, "sunrise", latitude, longitude) is None
