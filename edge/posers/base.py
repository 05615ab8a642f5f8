"""What the pipeline needs of a pose model, and what the kinds of it share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Protocol

import numpy as np

from edge import boxes
from edge.engines.base import Runner
from edge.metrics import Stages
from edge.predictor import Predictor
from edge.types import F32, I420, Box, ModelRef, Pose, Poses

SAME = 0.1
"""A pose and a tracker's box of which less than this lies in one another are of two people, or of none."""
REACH = 0.5
"""By which part of its size a box is taken for larger, on every side: somebody may have moved since it was true."""
TWICE = 0.8
"""Poses of two numbers whose boxes are this much the same (intersection over union) are one person's."""


class Poser(Protocol):
    """Finds the joints of people who are followed. One thread; may remember from frame to frame where somebody was."""

    @property
    def ref(self) -> ModelRef:
        """The model, with the engine that serves now."""
        ...

    @property
    def infer_s(self) -> float:
        """How long the back end's calls of the newest look took together, seconds."""
        ...

    @property
    def runners(self) -> tuple[Runner, ...]:
        """What runs its models."""
        ...

    def look(self, picture: I420, people: Mapping[int, Box], stages: Stages) -> dict[int, Pose]:
        """The poses of people in a picture, by the numbers of their tracks; who was not found is absent.

        A person whose box is no longer true, since the detector lost them, is looked for where their joints were.

        Args:
            people: whom to look at, and where the tracker has them, pixels
            stages: gets the seconds of `pose`, all of it, and `pose_infer`, the back end's calls alone

        Raises:
            EngineError: the back end fails.
            ModelError: its tensors are not the head's.
        """
        ...

    def forget(self, alive: frozenset[int]) -> None:
        """Keep what is remembered of these tracks alone."""
        ...

    def twin(self, wrap: Callable[[Runner], Runner] = lambda runner: runner) -> Poser:
        """Another one of the same models for another thread, which remembers nobody; `wrap` gives the runner that it is
        to go through for each of theirs (a worker)."""
        ...

    def close(self) -> None:
        """Give back the engines."""
        ...


class Timed:
    """Notes how long looks take: the whole in `pose`, back ends in `pose_infer`.

    infer_s: of the newest look that is over; for any thread
    """

    def __init__(self) -> None:
        self.infer_s = 0.0
        self._sum = 0.0

    def begin(self) -> float:
        """A look begins."""
        self._sum = 0.0
        return perf_counter()

    def ran(self, predictor: Predictor) -> None:
        """A model has run."""
        self._sum += predictor.infer_s

    def end(self, begun: float, stages: Stages) -> None:
        """The look is over."""
        self.infer_s = self._sum
        stages.add("pose_infer", self.infer_s)
        stages.add("pose", perf_counter() - begun)


def one_each(poses: dict[int, Pose], people: Mapping[int, Box]) -> dict[int, Pose]:
    """The poses without those that are another number's person: of two on one body the one stays whose box fits better,
    of two alike the older."""
    if len(poses) < 2:
        return poses
    kept: dict[int, Pose] = {}
    # A pose without two joints has no box, and hides nobody.
    for number in sorted(poses, key=lambda one: (-_fit(poses[one], people[one]), one)):
        mine = poses[number].box
        if mine is None or not any(
            theirs is not None and boxes.iou(mine, theirs) > TWICE for theirs in (pose.box for pose in kept.values())
        ):
            kept[number] = poses[number]
    return kept


def _fit(pose: Pose, box: Box) -> float:
    return round(boxes.iou(pose.box, box), 2) if pose.box else 0.0


def strange(pose: Pose, box: Box) -> bool:
    """Whether a pose has nothing to do with a tracker's box: somebody who falls leaves it, but not far."""
    return pose.box is None or boxes.nested(pose.box, boxes.grown(box, REACH)) < SAME


def poses_of(seen: Poses, which: tuple[int, ...] | None = None) -> list[Pose]:
    """What a model saw as poses of COCO's points; which: of the model's points are these, None where it has them."""
    points: F32 = seen.keypoints if which is None else seen.keypoints[:, which]
    return [Pose(np.ascontiguousarray(joints), float(score)) for joints, score in zip(points, seen.scores, strict=True)]
