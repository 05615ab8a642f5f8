"""What the email sink knows over restarts: when cameras were mailed about, and what of a mail is still to be done."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

OBJECTS = 500
"""Objects of which something is remembered; the oldest are forgotten."""

LEFT = 100
"""Mails that are known to have reached only some; more than the sink lets wait for that."""


class Recent:
    """A set of the objects that were added last."""

    def __init__(self, objects: Iterable[str] = ()) -> None:
        self._objects = dict.fromkeys(objects)

    def add(self, *objects: str) -> None:
        """Remember these."""
        self._objects.update(dict.fromkeys(objects))
        for oldest in list(self._objects)[: max(0, len(self._objects) - OBJECTS)]:
            del self._objects[oldest]

    def __contains__(self, object_id: str) -> bool:
        return object_id in self._objects

    def __iter__(self) -> Iterator[str]:
        return iter(self._objects)


@dataclass(slots=True)
class Story:
    """Owned by the sink's thread.

    mailed: by place (see `place_of`), Unix time of the alert that the last accepted mail was about
    left: by message, the recipients that a mail has not reached which others have got
    told: objects that were mailed
    """

    mailed: dict[str, float] = field(default_factory=dict)
    left: dict[int, tuple[str, ...]] = field(default_factory=dict)
    told: Recent = field(default_factory=Recent)

    def dump(self) -> str:
        """As it is stored; of what was given up or dropped since, nobody has taken it out of `left`."""
        left = dict(sorted(self.left.items())[-LEFT:])
        return json.dumps({"mailed": self.mailed, "left": left, "told": list(self.told)})


def load(text: str | None) -> Story:
    """What was stored; nothing of it where that is no such text."""
    try:
        found = json.loads(text or "{}")
        return Story(
            {str(camera): float(at) for camera, at in found.get("mailed", {}).items()},
            {int(number): tuple(map(str, left)) for number, left in found.get("left", {}).items()},
            Recent(map(str, found.get("told", []))),
        )
    except (ValueError, TypeError, AttributeError):
        return Story()
