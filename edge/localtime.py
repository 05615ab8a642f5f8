"""The time zone of the house: the configuration's, else the machine's."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MACHINE = Path("/etc/localtime")
Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def zone_of(name: str | None, machine: Path = MACHINE) -> tzinfo:
    """A zone by its IANA name; for None that of `$TZ`, else of the machine, else UTC.

    Raises:
        ValueError: there is no zone of that name.
    """
    if name is not None:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"no time zone `{name}`") from None
    if given := os.environ.get("TZ"):
        try:
            return ZoneInfo(given.removeprefix(":"))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass  # a POSIX rule such as CET-1CEST: the machine's own zone is the better guess
    try:
        with machine.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return timezone.utc


def unix_of(local: datetime, zone: tzinfo) -> float:
    """Unix time of a civil time (naive). One that exists twice is the first; one that clocks skip is the moment at
    which they skip it."""
    before = local.replace(tzinfo=zone, fold=0)
    after = local.replace(tzinfo=zone, fold=1)
    late, early = before.timestamp(), after.timestamp()
    if early >= late:  # the usual case, or the autumn's hour, whose first round is fold 0
        return late
    while late - early > 0.5:  # PEP 495: in a gap fold 1 is the earlier of the two, and the change lies between them
        middle = (late + early) / 2
        there = datetime.fromtimestamp(middle, zone).replace(tzinfo=None)
        early, late = (middle, late) if there < local else (early, middle)
    return float(round(late))


def stamp_of(unix: float, zone: tzinfo) -> str:
    """A Unix time for a terminal: `2026-06-03 02:14:05`."""
    return datetime.fromtimestamp(unix, zone).strftime("%Y-%m-%d %H:%M:%S")


def day_of(unix: float, zone: tzinfo, offset: int = 0) -> datetime:
    """Midnight (naive) of the civil day of a Unix time, `offset` days on."""
    here = datetime.fromtimestamp(unix, zone)
    return datetime(here.year, here.month, here.day) + timedelta(days=offset)
