"""Hours of the day that come again: `23:00-07:00`, `mon-fri 22:30-06:00`, by the clocks of one time zone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta, tzinfo

from edge.localtime import DAYS, day_of, unix_of

_EVERY = frozenset(range(7))
_HOURS = re.compile(r"(?:(?P<days>[a-z,\- ]+?)\s+)?(?P<start>\d{1,2}:\d\d)\s*-\s*(?P<stop>\d{1,2}:\d\d)")
_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Hours:
    """From `start` to `stop`, minutes after midnight; over midnight where `stop` is not later than `start`.

    days: on which it begins, 0 is Monday
    """

    start: int
    stop: int
    days: frozenset[int] = _EVERY

    def end(self, at: float, zone: tzinfo) -> float | None:
        """When the hours that `at` lies in are over, both Unix times; None where it lies in none.

        The clock on the wall counts, so a night in which it is changed is an hour shorter or longer.
        """
        for midnight in (day_of(at, zone), day_of(at, zone, -1)):
            if midnight.weekday() in self.days:
                last = midnight if self.stop > self.start else midnight + timedelta(days=1)
                stop = unix_of(last + timedelta(minutes=self.stop), zone)
                if unix_of(midnight + timedelta(minutes=self.start), zone) <= at < stop:
                    return stop
        return None


def parse(text: str) -> Hours:
    """Hours as people write them: `HH:MM-HH:MM`, days in front if not all (`fri,sat 22:00-09:00`, `mon-fri ...`).

    Raises:
        ValueError: it is none; says what is wrong.
    """
    found = _HOURS.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError("not hours of the day")
    days = _EVERY if found["days"] is None else frozenset(_days(found["days"]))
    return Hours(_minutes(found["start"], 23), _minutes(found["stop"], 24), days)


def end(hours: Iterable[Hours], at: float, zone: tzinfo) -> float | None:
    """When all hours that `at` lies in, one after another, are over; None where it lies in none.

    At most a day later: who is never to be disturbed is told once a day.
    """
    hours = tuple(hours)
    over = None
    while over is None or over - at < _DAY_S:
        ends = [stop for each in hours if (stop := each.end(at if over is None else over, zone)) is not None]
        if not ends:
            break
        over = max(ends)
    return over


def _days(text: str) -> Iterable[int]:
    for part in text.replace(" ", ",").split(","):
        if not part:
            continue
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(f"`{part}` is no day; there are {', '.join(DAYS)}")
        start = DAYS.index(first)
        yield from ((start + n) % 7 for n in range((DAYS.index(last or first) - start) % 7 + 1))


def _minutes(text: str, latest: int) -> int:
    hour, minute = (int(part) for part in text.split(":"))
    if hour > latest or minute > 59 or (hour == 24 and minute):
        raise ValueError(f"`{text}` is no time of day")
    return hour * 60 + minute
