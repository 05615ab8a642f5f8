"""What the email sink knows over restarts: when cameras were mailed about, and what of a mail is still to be done."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

OBJECTS = 500
"""Objects that are known to be told, of those that can be told by an `update` as well."""


@dataclass(slots=True)
class Story:
    """Owned by the sink's thread.

    mailed: Unix time of the alert that a camera's last accepted mail was about
    left: by message, the recipients that a mail has not reached which others have got
    told: objects that were mailed, oldest first
    """

    mailed: dict[str, float] = field(default_factory=dict)
    left: dict[int, tuple[str, ...]] = field(default_factory=dict)
    told: dict[str, None] = field(default_factory=dict)

    def tell(self, *objects: str) -> None:
        """Remember that these objects need no further mail."""
        for object_id in objects:
            self.told[object_id] = None
        for object_id in list(self.told)[: max(0, len(self.told) - OBJECTS)]:
            del self.told[object_id]

    def dump(self) -> str:
        """As it is stored."""
        return json.dumps({"mailed": self.mailed, "left": self.left, "told": list(self.told)})


def load(text: str | None) -> Story:
    """What was stored; nothing of it where that is no such text."""
    try:
        found = json.loads(text or "{}")
        return Story(
            {str(camera): float(at) for camera, at in found.get("mailed", {}).items()},
            {int(number): tuple(map(str, left)) for number, left in found.get("left", {}).items()},
            dict.fromkeys(map(str, found.get("told", []))),
        )
    except (ValueError, TypeError, AttributeError):
        return Story()
