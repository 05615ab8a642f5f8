"""Rules, network and both side by side: on sequences that nothing was trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from edge.posture import Person
from edge.posture.temporal import Judge
from edge.posture.verdict import JudgeName
from edge.tools.skeletons.sequence import Sequence17
from edge.types import F32, Pose

JUDGES: tuple[JudgeName, ...] = ("rules", "network", "both")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one sequence: what it shows, whether there is a fall in it, and how many seconds after its onset
    one was confirmed; None: never."""

    kind: str
    fell: bool
    delay: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of many.

    falls, everyday: how many there were of each
    found, false: of how many a fall was confirmed
    delay: the median, seconds from onset to confirmation; worst: of nine in ten
    """

    falls: int
    everyday: int
    found: int
    false: int
    delay: float
    worst: float

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Figures:
        """Of outcomes."""
        fell = [one for one in outcomes if one.fell]
        others = [one for one in outcomes if not one.fell]
        delays = [one.delay for one in fell if one.delay is not None]
        return cls(
            len(fell),
            len(others),
            len(delays),
            sum(one.delay is not None for one in others),
            float(np.median(delays)) if delays else float("nan"),
            float(np.quantile(delays, 0.9)) if delays else float("nan"),
        )

    def __str__(self) -> str:
        return (
            f"{self.found} of {self.falls} falls, {self.false} false of {self.everyday}, "
            f"delay {self.delay:.2f} s, of nine in ten {self.worst:.2f} s"
        )


def confirmed(
    size: tuple[int, int], looks: Iterable[tuple[float, F32 | None]], judge: JudgeName, network: Judge | None
) -> float | None:
    """When a fall of one person is confirmed, seconds; None: never.

    Args:
        size: of the picture, width and height in pixels
        looks: times, with joints, float32 (17, 3), or None where nobody was found
    """
    person = Person(size, judge=judge, network=network)
    begun = False
    for time, joints in looks:
        begun |= joints is not None
        if begun:
            pose = None if joints is None else Pose(joints, float(joints[:, 2].mean()))
            activity = person.look(pose, time).activity
            if activity is not None and activity.kind == "fall" and activity.confirmed:
                return time
    return None


def outcome(sequence: Sequence17, judge: JudgeName, network: Judge | None) -> Outcome:
    """What a judge makes of a sequence. A fall that is confirmed before it begins is a false one, and counts as not
    found."""
    looks = (
        (time, joints if found else None)
        for time, joints, found in zip(sequence.times.tolist(), sequence.joints, sequence.found, strict=True)
    )
    at = confirmed(sequence.size, looks, judge, network)
    if at is None or sequence.onset is None:
        return Outcome(sequence.kind, sequence.fell, at)
    return Outcome(sequence.kind, True, at - sequence.onset if at > sequence.onset else None)
