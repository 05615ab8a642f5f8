"""Names, counts and times as a mail says them. Names of anybody's making come out as one short line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, tzinfo

from edge.sinks.email.alert import Payload, Told
from edge.text import printable
from edge.types import ALARM, ENGINE, TAMPER, WARNS

LONGEST = 200
"""Characters of what comes from elsewhere, such as the words of an engine that failed."""


def name(text: object) -> str:
    """A name in words: in one line, so that nothing in it can begin a header or a line of its own.

    `=?` begins an encoded word (RFC 2047), which a header's writer would decode, line breaks and all.
    """
    words = printable(" ".join(str(text).split())).replace("_", " ").replace("=?", "= ?")
    return words if len(words) <= LONGEST else words[: LONGEST - 3] + "..."


def local(seconds: float, zone: tzinfo) -> datetime:
    """A Unix time on the clock on the wall."""
    return datetime.fromtimestamp(seconds, zone)


def counted(number: int, label: str) -> str:
    """`1 person`, `2 persons`, `2 buses`."""
    words = name(label)
    many = words + ("es" if words.endswith(("s", "x", "ch", "sh")) else "s")
    return f"{number} {words if number == 1 else many}"


def counts(told: Sequence[Told]) -> str:
    """How many of each label, and in which zones: `3 persons (2 in path), 1 cat`."""
    parts = []
    for label, number in Counter(each.label for each in told).most_common():
        zones = Counter(zone for each in told if each.label == label for zone in each.zones)
        where = ", ".join(f"{within} in {name(zone)}" for zone, within in zones.most_common())
        parts.append(counted(number, label) + (f" ({where})" if where else ""))
    return ", ".join(parts)


def headline(after: Payload) -> str:
    """What happened, for a subject: `Person at porch`, `Camera porch covered`, `ALARM: panic`."""
    camera, said = name(after["camera"]), name(after["sub_label"] or "")
    if after["label"] == ALARM:
        return said.capitalize() if said.startswith(WARNS) else f"ALARM: {said or 'triggered'}"
    if after["label"] == TAMPER:
        return f"Camera {camera} {said or 'tampered with'}"
    if after["label"] == ENGINE or not said:
        return f"{name(after['label']).capitalize()} at {camera}"
    return f"{name(after['label']).capitalize()} ({said}) at {camera}"


def _said(after: Payload) -> str:
    """The sub-label; of an alarm that was set off, what set it off, since that it was stands before it."""
    said = name(after["sub_label"] or "")
    return said.removeprefix("triggered: ") if after["label"] == ALARM else said


def sentence(after: Payload) -> str:
    """The same in full, for the mail's first line."""
    camera, said = name(after["camera"]), _said(after)
    what = name(after["label"]).capitalize()
    if after["label"] == ALARM:
        return f"Alarm of {camera}: {said or 'triggered'}"
    if after["label"] == TAMPER:
        return f"Camera {camera}: {said or 'tampered with'}"
    if after["label"] == ENGINE:  # no camera saw it: it says itself what happened
        return f"{what} of {camera}: {said}"
    zones = "".join(f", {name(zone)}" for zone in after["current_zones"])
    return f"{what}{f' ({said})' if said else ''} seen by camera {camera}{zones}"
