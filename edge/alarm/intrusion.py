"""Which events are intrusions."""

from __future__ import annotations

from collections.abc import Callable, Set

from edge.alarm.machine import Intrusion
from edge.types import DARK, TAMPER, Event


def intrusion_of(event: Event, counting: Callable[[str], Set[str]]) -> Intrusion | None:
    """What an event says of an intruder; None if it says nothing.

    An object counts while it moves, and from the moment at which it was seen: what was seen while disarmed is nobody's
    intrusion afterwards, nor is the way of somebody who has gone. Darkness is none: somebody may just have gone to bed.

    Args:
        counting: by a camera's name, the labels of what counts there
    """
    after = event.after
    if event.type == "end" or not after.active or event.armed == "disarmed":
        return None
    if after.label not in counting(after.camera):
        return None
    if after.label == TAMPER and after.sub_label == DARK:
        return None
    return Intrusion(after.camera, after.label, after.current_zones)
