"""Whether somebody has fallen: by rules, by a network, or by both together."""

from __future__ import annotations

from typing import Literal, TypeAlias

from edge.posture.fall import Falls
from edge.posture.geometry import Shape
from edge.posture.learned import LearnedFalls
from edge.posture.settings import PostureSettings
from edge.posture.temporal import Judge
from edge.types import F32, Activity

JudgeName: TypeAlias = Literal["rules", "network", "both"]
"""Who judges. `both`: either tells of a fall that has begun, and it is confirmed once one has confirmed it and the
other has told of it, too."""


class Verdict:
    """Watches one person. One thread.

    Args:
        judge: where there is no network, or its engine fails, rules judge alone
    """

    def __init__(self, settings: PostureSettings, judge: JudgeName = "rules", network: Judge | None = None) -> None:
        self._rules = Falls(settings)
        self._learned = None if network is None or judge == "rules" else LearnedFalls(network, settings)
        self._judge = judge

    @property
    def undecided(self) -> bool:
        """Whether a fall has begun and is neither confirmed nor over."""
        return self._rules.undecided or (self._learned is not None and self._learned.undecided)

    def look(
        self, shape: Shape | None, joints: F32, stature: float, time: float, *, resting: bool, at_edge: bool
    ) -> Activity | None:
        """The fall that goes on at a time; arguments are those of `Falls.look` and `LearnedFalls.look`."""
        ruled = self._rules.look(shape, time, resting=resting, at_edge=at_edge)
        if self._learned is None:
            return ruled
        learned = self._learned.look(joints, stature, time, resting=resting)
        if not self._learned.works:
            self._learned = None
            return ruled
        return learned if self._judge == "network" else _together(ruled, learned)


def _together(ruled: Activity | None, learned: Activity | None) -> Activity | None:
    """What two say of the same fall."""
    if ruled is None or learned is None:
        one = ruled or learned
        return one and Activity("fall", one.score, one.since)
    at = [one.confirmed_at for one in (ruled, learned) if one.confirmed_at is not None]
    score = round((ruled.score + learned.score) / 2, 3)
    return Activity("fall", score, min(ruled.since, learned.since), min(at, default=None))
