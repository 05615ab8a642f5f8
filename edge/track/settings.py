"""What the tracker believes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TrackerSettings:
    """What the tracker believes. Scores are 0..1, times seconds.

    strong: a detection at or above it may start a track; lower ones only continue one
    weak: detections below it are not looked at
    confirm_hits, confirm_s, confirm_score: a track is told about once this many strong detections, over at least this
        time, have this median score; higher values lose brief visitors, lower ones tell of passing errors
    still_score: the same for a track that was never seen to move: a coat on a hook scores like a distant person
    decide_s: a track that is not confirmed by then is dropped
    nested: a young track that lies in an older one by this part of the smaller box is the same object seen twice
    lost_s: how long an unseen object may stay away and come back with its id
    shown_s: how long an object that was not found again is still reported where the filter expects it
    missed_every, still_every, rest_every: when nothing moves, how often to look again for an object that was just
        missed, for one that stands still, and at last for one that has long been at rest
    hidden_s: how long an object at rest may be hidden by what moves before it
    rest_lost_s: the same as lost_s for one at rest before which nothing has moved: the detector lost it, it cannot have
        left
    upheld_s, upheld_lying_s: how long somebody is kept whom the detector has lost and whose joints are found, and one
        who lies: whoever walked off must not stay as the coat on the chair
    fallen_s: how long somebody who has fallen, and is found by neither, may stay away and come back with the id
    ghost_s: for how long the place of an object that was at rest, or stood there at the start and was not believed, is
        remembered: whoever is found there again must be seen to move to be told about
    """

    strong: float = 0.4
    weak: float = 0.15
    confirm_hits: int = 4
    confirm_s: float = 0.3
    confirm_score: float = 0.5
    still_score: float = 0.7
    decide_s: float = 3.0
    nested: float = 0.7
    lost_s: float = 2.0
    shown_s: float = 0.35
    missed_every: float = 0.5
    still_every: float = 1.0
    rest_every: float = 10.0
    hidden_s: float = 30.0
    rest_lost_s: float = 10.0
    upheld_s: float = 5.0
    upheld_lying_s: float = 1800.0
    fallen_s: float = 30.0
    ghost_s: float = 1800.0
