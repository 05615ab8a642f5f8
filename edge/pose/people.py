"""People of a pose model's detector as objects: their boxes, and scores that compare with a detector's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from edge.types import F32, NO_DETECTIONS, Detections, Poses

LABEL = "person"
HIPS, CIRCLE = 0, 1
"""The points of `edge.decode.blazepose`: where a body's circle has its centre, and its upmost point along the body."""
DOWN, ASIDE = 0.9, 0.35
"""How far a body reaches from the middle of its hips, in radii of its circle, other than the crown of the head, which
lies on the circle: to the soles, and to each side. Measured against a detector's boxes of people in rooms."""
DOUBTFUL = 0.5
"""Less sure than this, it finds people in chairs and curtains; a lying person often scores not much more."""


@dataclass(frozen=True, slots=True)
class Scale:
    """Turns the scores of one model into those of another, by two points of both: lines between and beyond.

    weak, usual: of the other; what may go on with a track, and what may begin one
    own_weak, own_usual: of this model
    """

    weak: float
    usual: float
    own_weak: float
    own_usual: float

    def told(self, scores: F32) -> F32:
        """This model's scores, float32 (n,), as the other would give them."""
        return np.asarray(np.interp(scores, *self._points), np.float32)

    def own(self, score: float) -> float:
        """The score of this model that is told as `score`; never below `own_weak`."""
        own, told = self._points
        return max(self.own_weak, float(np.interp(score, told, own)))

    def told_one(self, score: float) -> float:
        """`told` of one score."""
        return float(np.interp(score, *self._points))

    @property
    def _points(self) -> tuple[list[float], list[float]]:
        return [0.0, self.own_weak, self.own_usual, 1.0], [0.0, self.weak, self.usual, 1.0]


def people(poses: Poses, frame: tuple[int, int]) -> Detections:
    """The bodies that a detector of poses found, best first, their boxes within the frame (width, height).

    The detector's own box lies around the face and is of one size; a body's follows from its circle and how it is
    turned. Who lies outside the frame altogether is left out.
    """
    if not len(poses.scores):
        return NO_DETECTIONS
    hips = poses.keypoints[:, HIPS, :2]
    up = poses.keypoints[:, CIRCLE, :2] - hips
    aside = ASIDE * np.stack([-up[:, 1], up[:, 0]], axis=1)
    ends = np.stack([hips + up, hips - DOWN * up], axis=1)
    corners = np.concatenate([ends - aside[:, None], ends + aside[:, None]], axis=1)
    limit = np.array(frame, np.float32)
    low, high = corners.min(axis=1).clip(0, limit), corners.max(axis=1).clip(0, limit)
    here = np.flatnonzero(np.all(high - low >= 1, axis=1))
    boxes = np.concatenate([low, high], axis=1).astype(np.float32)
    found = Detections(boxes, poses.scores.astype(np.float32), np.zeros(len(boxes), np.int32))
    return found.keep(here)
