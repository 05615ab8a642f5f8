"""What decoders share: the shape of their input, and the last step from the model's input back to the frame."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import F32, Detections, Prediction

Outputs = Mapping[str, NDArray[Any]]
"""A model's output tensors by their role in the manifest."""


Shape = tuple[int | None, ...]
"""A tensor's sizes, None where a model leaves one open."""


CENTRES_TO_CORNERS: F32 = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]], np.float32)
"""x y w h times this is x1 y1 x2 y2. What is no finite number spreads over its row; such a box is no box anyway."""


ONE = np.float32(1)


class Decode(Protocol):
    """A head family's pure function from tensors to values."""

    def __call__(self, outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Prediction:
        """What there is of score >= min_score, best first, in pixels of the frame that `fit` fitted."""
        ...


def at_least(size: int | None, least: int) -> bool:
    """Whether a size is this large, or may be: it is left open."""
    return size is None or size >= least


def both_counts(channels: int | None, of: int, others: int, manifest: Manifest) -> str:
    """What a misfit adds where only the number of labels is wrong.

    Args:
        channels: those of the output, None where unknown.
        of: how many boxes share them.
        others: those of one box that stand for no class.
    """
    if channels is None or channels % of or channels // of <= others:
        return ""
    return f"; that is {channels // of - others} classes, and the manifest has {len(manifest.labels)} labels"


def in_pixels(boxes: F32, manifest: Manifest) -> F32:
    """A model's boxes, float32 (n, 4), x first, in pixels of its input, whichever the manifest's `box_units`."""
    if manifest.box_units == "pixels":
        return boxes
    return boxes * np.array([manifest.input.width, manifest.input.height] * 2, np.float32)


def logit(score: float) -> float:
    """The number whose sigmoid is `score`: what a sigmoid would only tell of millions is asked before it."""
    return math.log(score) - math.log1p(-score) if 0 < score < 1 else math.copysign(math.inf, score - 0.5)


def sigmoid(logits: F32) -> F32:
    """1 / (1 + exp(-x)), float32."""
    return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def candidates(scores: NDArray[Any], least: float) -> NDArray[np.intp]:
    """Which columns of (classes, points) hold a score of `least` or more.

    Comparing all and joining bytes takes three quarters of the time of the maximum of floats, and finding the class
    as well ten times as long as either: that is left for the columns that are found.
    """
    return np.flatnonzero((scores >= least).any(axis=0))


def from_centres(boxes: F32) -> F32:
    """Boxes x1 y1 x2 y2 from boxes centre x, centre y, width, height; both float32 (n, 4)."""
    # As one product: NumPy walks pairs of columns row by row, which takes four times as long for a hundred boxes.
    return boxes @ CENTRES_TO_CORNERS


def at_most_1(scores: F32) -> F32:
    """Scores with those cut that rounding, or a broken model, leaves above 1; their order stays."""
    return np.asarray(np.minimum(scores, ONE), np.float32)


def detections(boxes: F32, scores: F32, classes: NDArray[np.integer], fit: Fit) -> Detections:
    """Detections in the frame from boxes in pixels of the input; those wholly outside it are dropped.

    Scores are cut at 1 only here, after the suppression has put the best first.
    """
    placed = fit.to_frame(boxes)
    real = placed[:, 2:] > placed[:, :2]
    if not real.all():
        inside = real.all(axis=1)
        placed, scores, classes = placed[inside], scores[inside], classes[inside]
    return Detections(placed, at_most_1(scores), np.asarray(classes, np.int32))
