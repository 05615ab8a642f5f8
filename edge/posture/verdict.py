"""Whether somebody has fallen: by rules, by a network, or by both together."""

from __future__ import annotations

from collections import deque
from typing import Literal, TypeAlias

from edge.posture.fall import Falls
from edge.posture.geometry import Shape
from edge.posture.learned import LearnedFalls
from edge.posture.settings import PostureSettings
from edge.posture.temporal import RATE, STEPS, Judge
from edge.types import F32, Activity

JudgeName: TypeAlias = Literal["rules", "network", "both"]
"""Who judges. `both`: the rules, unless the network finds no fall more likely; and the network by itself where it is
sure of one."""
AGAINST = 0.5
"""Where the network's chance of a fall stays below this, and it saw what was before, the rules' fall is none."""
SURE = 0.9
"""The chance from which the network needs no rule."""


class Verdict:
    """Watches one person. One thread.

    Args:
        judge: where there is no network, or its engine fails, rules judge alone
    """

    def __init__(self, settings: PostureSettings, judge: JudgeName = "rules", network: Judge | None = None) -> None:
        self._settings = settings
        self._rules = Falls(settings)
        self._learned = None if network is None or judge == "rules" else LearnedFalls(network, settings)
        self._judge = judge
        self._chances: deque[tuple[float, float]] = deque()
        self._since: float | None = None
        self._confirmed_at: float | None = None
        self._told: Activity | None = None
        self._up_since: float | None = None

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
            return self._kept(shape, time) or ruled
        learned = self._learned.look(joints, stature, time, resting=resting)
        if not self._learned.works:
            self._learned = None
            return self._kept(shape, time) or ruled
        self._told = learned if self._judge == "network" else self._together(self._learned, ruled, learned, time)
        return self._told

    def _kept(self, shape: Shape | None, time: float) -> Activity | None:
        """The fall that was confirmed before the network's engine failed, until the person is up again."""
        if self._told is None or not self._told.confirmed:
            return None
        if shape is not None and shape.shoulders > self._settings.up:
            self._up_since = time if self._up_since is None else self._up_since
            if time - self._up_since >= self._settings.recover_s - 1e-6:
                self._told = None
        elif shape is not None:
            self._up_since = None
        return self._told

    def _together(
        self, network: LearnedFalls, ruled: Activity | None, learned: Activity | None, time: float
    ) -> Activity | None:
        """What both say of the same fall."""
        best = self._best(network.chances.fall, time)
        if self._confirmed_at is None:
            if ruled is not None and ruled.confirmed and best < AGAINST and network.knows(ruled.since):
                ruled = None
            if learned is not None and (not learned.confirmed or best < SURE):
                learned = None  # it alone has no say before it is sure
        told = [one for one in (ruled, learned) if one is not None]
        if not told:
            self._since = self._confirmed_at = None
            return None
        if self._since is None:  # it stays so, also where the other takes it for an earlier one
            self._since = min(one.since for one in told)
        if self._confirmed_at is None and any(one.confirmed for one in told):
            self._confirmed_at = time
        return Activity("fall", max(one.score for one in told), self._since, self._confirmed_at)

    def _best(self, chance: float, time: float) -> float:
        """The network's greatest chance of late: a window with the whole fall lasts no longer than that."""
        self._chances.append((time, chance))
        while self._chances[0][0] < time - STEPS / RATE:
            self._chances.popleft()
        return max(chance for _, chance in self._chances)
