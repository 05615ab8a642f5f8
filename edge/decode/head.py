"""What decoders share: the shape of their input, and the last step from the model's input back to the frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import F32, Detections

Outputs = Mapping[str, NDArray[Any]]
"""A model's output tensors by their role in the manifest."""


Shape = tuple[int | None, ...]
"""A tensor's sizes, None where a model leaves one open."""


class Decode(Protocol):
    """A head family's pure function from tensors to values."""

    def __call__(self, outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Detections:
        """Detections of score >= min_score, best first, in pixels of the frame that `fit` fitted."""
        ...


def box_unit(manifest: Manifest) -> F32:
    """What a model's boxes, x y x y, are multiplied by to be pixels of its input: float32 (4,)."""
    if manifest.box_units == "pixels":
        return np.ones(4, np.float32)
    return np.array([manifest.input.width, manifest.input.height] * 2, np.float32)


def from_centres(boxes: F32) -> F32:
    """Boxes x1 y1 x2 y2 from boxes centre x, centre y, width, height; both float32 (n, 4)."""
    halves = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - halves, boxes[:, :2] + halves], axis=1)


def detections(boxes: F32, scores: F32, classes: NDArray[np.integer], fit: Fit) -> Detections:
    """Detections in the frame from boxes in pixels of the input; those wholly outside it are dropped."""
    placed = fit.to_frame(boxes)
    real = (placed[:, 2] > placed[:, 0]) & (placed[:, 3] > placed[:, 1])
    if real.all():
        return Detections(placed, np.asarray(scores, np.float32), np.asarray(classes, np.int32))
    return Detections(placed[real], np.asarray(scores[real], np.float32), np.asarray(classes[real], np.int32))
