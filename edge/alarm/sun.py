"""When the sun rises and sets: the equations of NOAA's Solar Calculator (Global Monitoring Laboratory), which are those
of Jean Meeus, Astronomical Algorithms, chapters 25 and 28. Within a minute or two of almanacs between 72 degrees north
and south, in the years 1901 to 2099.
"""

from __future__ import annotations

import math
from datetime import date
from typing import Literal

ZENITH = 90.833
"""Degrees from the zenith to the middle of a sun whose upper edge touches the horizon, with the air's refraction."""
_J2000 = 730120
"""Proleptic Gregorian ordinal of 2000-01-01."""


def rise_or_set(day: date, which: Literal["sunrise", "sunset"], latitude: float, longitude: float) -> float | None:
    """Unix time of a sunrise or sunset.

    Args:
        day: the civil day at the place, whose noon by the sun the event is next to
        latitude, longitude: degrees, north and east positive

    Returns:
        None on a day on which the sun stays up, or down.
    """
    midnight = (day.toordinal() - date(1970, 1, 1).toordinal()) * 86400.0
    minutes = 720.0 - 4.0 * longitude  # noon; then twice: the sun moves while it is being waited for
    for _ in range(3):
        century = (day.toordinal() - _J2000 - 0.5 + minutes / 1440.0) / 36525.0
        declination, equation = _sun(century)
        phi = math.radians(latitude)
        cosine = math.cos(math.radians(ZENITH)) / (math.cos(phi) * math.cos(declination)) - math.tan(phi) * math.tan(
            declination
        )
        if not -1.0 <= cosine <= 1.0:
            return None
        angle = math.degrees(math.acos(cosine)) * (1.0 if which == "sunrise" else -1.0)
        minutes = 720.0 - 4.0 * (longitude + angle) - equation
    return midnight + minutes * 60.0


def _sun(century: float) -> tuple[float, float]:
    """Declination in radians and the equation of time in minutes. century: Julian centuries since J2000.0."""
    mean = math.radians((280.46646 + century * (36000.76983 + century * 0.0003032)) % 360.0)
    anomaly = math.radians(357.52911 + century * (35999.05029 - 0.0001537 * century))
    eccentricity = 0.016708634 - century * (0.000042037 + 0.0000001267 * century)
    centre = (
        math.sin(anomaly) * (1.914602 - century * (0.004817 + 0.000014 * century))
        + math.sin(2 * anomaly) * (0.019993 - 0.000101 * century)
        + math.sin(3 * anomaly) * 0.000289
    )
    node = math.radians(125.04 - 1934.136 * century)
    longitude = mean + math.radians(centre - 0.00569 - 0.00478 * math.sin(node))
    seconds = 21.448 - century * (46.815 + century * (0.00059 - century * 0.001813))
    obliquity = math.radians(23.0 + (26.0 + seconds / 60.0) / 60.0 + 0.00256 * math.cos(node))
    y = math.tan(obliquity / 2) ** 2
    equation = (
        y * math.sin(2 * mean)
        - 2 * eccentricity * math.sin(anomaly)
        + 4 * eccentricity * y * math.sin(anomaly) * math.cos(2 * mean)
        - 0.5 * y * y * math.sin(4 * mean)
        - 1.25 * eccentricity**2 * math.sin(2 * anomaly)
    )
    return math.asin(math.sin(obliquity) * math.sin(longitude)), 4.0 * math.degrees(equation)
