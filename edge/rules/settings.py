"""When to tell."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RuleSettings:
    """When to tell. Times in seconds.

    update_s: least time between two updates that only bring a better picture
    remind_s: an object that stays is told of again after this time
    arming_s: while the alarm is arming, an object that moves is told of again after this time: zones become live one by
        one, and nobody says when
    better: how much better a picture must be, as a factor, to replace the one that was sent
    still_s, still_move: an object whose box moved by less than `still_move` of its size for `still_s` is stationary
    motion_area, motion_s: motion of at least this part of the picture for at least this time is an event, which starts
        when it has lasted that long
    quiet_s: a motion event ends after this time without motion; motion that returns sooner belongs to it
    calm_s: a posture that lasts, and an activity that is not confirmed, are told of no sooner than so long after what
        was told last
    off_line: how far from a line an object must be to be off it, as a share of its height
    """

    update_s: float = 2.0
    remind_s: float = 60.0
    arming_s: float = 5.0
    better: float = 1.15
    still_s: float = 10.0
    still_move: float = 0.2
    motion_area: float = 0.01
    motion_s: float = 0.3
    quiet_s: float = 1.5
    calm_s: float = 1.0
    off_line: float = 0.1
