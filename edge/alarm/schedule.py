"""What the clock does to the alarm: weekly times, and times by the sun. Pure: Unix times in, Unix times out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal, TypeAlias

from edge.alarm.sun import rise_or_set
from edge.localtime import day_of, unix_of

Do: TypeAlias = Literal["disarm", "arm_home", "arm_away", "arm_night"]
WEEK = 8
"""Days that a look forwards or back covers: a week, and one for what an offset moves over midnight."""
LONGEST_OFFSET_S = 12 * 3600
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_SUN = re.compile(r"(sunrise|sunset)(?:([+-])(?:(\d{1,2})h)?(?:(\d{1,3})m)?)?")


@dataclass(frozen=True, slots=True)
class At:
    """A time of day: seconds after midnight by the house's clocks, or after an event of the sun (negative: before)."""

    seconds: int
    sun: Literal["sunrise", "sunset"] | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the schedule. days: 0 is Monday; of what the sun does, the day of its event before the offset."""

    at: At
    do: Do
    days: frozenset[int] = frozenset(range(7))


@dataclass(frozen=True, slots=True)
class Change:
    """One change at one time. at: Unix."""

    at: float
    do: Do


@dataclass(frozen=True, slots=True)
class Schedule:
    """All rules and where they hold. latitude, longitude: degrees, None where no rule needs the sun."""

    rules: tuple[Rule, ...]
    zone: tzinfo
    latitude: float | None = None
    longitude: float | None = None

    def latest(self, after: float, now: float) -> Change | None:
        """The newest change with `after` < its time <= `now`, as far as a week back; of two at once, the later rule."""
        found = [change for change in self._around(now, range(-WEEK, 2)) if after < change.at <= now]
        newest = max((change.at for change in found), default=None)
        return None if newest is None else [change for change in found if change.at == newest][-1]

    def upcoming(self, now: float) -> Change | None:
        """The first change later than `now` within a week, None without one; of two at once, the later rule."""
        found = [change for change in self._around(now, range(-1, WEEK + 1)) if change.at > now]
        first = min((change.at for change in found), default=None)
        return None if first is None else [change for change in found if change.at == first][-1]

    def sunless(self, year: int) -> dict[str, int]:
        """On how many days of a year a `sunrise` or `sunset` that a rule waits for does not happen; those with any."""
        if self.latitude is None or self.longitude is None:
            return {}
        first = date(year, 1, 1)
        days = [first + timedelta(days=i) for i in range((date(year + 1, 1, 1) - first).days)]
        events = {rule.at.sun for rule in self.rules if rule.at.sun is not None}
        counted = {
            event: sum(rise_or_set(day, event, self.latitude, self.longitude) is None for day in days)
            for event in sorted(events)
        }
        return {event: count for event, count in counted.items() if count}

    def _around(self, now: float, days: range) -> Iterator[Change]:
        for offset in days:
            midnight = day_of(now, self.zone, offset)
            for rule in self.rules:
                if midnight.weekday() not in rule.days:
                    continue
                if rule.at.sun is None:
                    yield Change(unix_of(midnight + timedelta(seconds=rule.at.seconds), self.zone), rule.do)
                elif (when := self._by_sun(midnight.date(), rule.at.sun)) is not None:
                    yield Change(when + rule.at.seconds, rule.do)

    def _by_sun(self, day: date, which: Literal["sunrise", "sunset"]) -> float | None:
        if self.latitude is None or self.longitude is None:
            return None
        # Where the clocks are far from the sun's, as in Samoa, the day by the sun has another date.
        noon = (day - date(1970, 1, 1)).total_seconds() + (720.0 - 4.0 * self.longitude) * 60.0
        there = datetime.fromtimestamp(noon, self.zone).date()
        return rise_or_set(day - (there - day), which, self.latitude, self.longitude)


def parse_at(text: str) -> At:
    """`22:30`, `sunset`, `sunrise+30m`, `sunset-1h30m`. Raises ValueError with what is wrong, for people."""
    if clock := _TIME.fullmatch(text):
        return At(int(clock[1]) * 3600 + int(clock[2]) * 60)
    given = _SUN.fullmatch(text)
    if given is None or (given[2] and not (given[3] or given[4])):
        raise ValueError("not a time of day")
    seconds = int(given[3] or 0) * 3600 + int(given[4] or 0) * 60
    if seconds > LONGEST_OFFSET_S:
        raise ValueError("more than twelve hours from the sun")
    return At(-seconds if given[2] == "-" else seconds, "sunrise" if given[1] == "sunrise" else "sunset")
