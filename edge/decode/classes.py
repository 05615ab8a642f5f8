"""Classification: one number a class, probabilities or logits, the best few of them told."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from edge.decode.head import Outputs, Shape
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import Classes

TASK = "classify"
ROLES = ("scores",)


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Why an output of this shape is not this head's, as far as it is known; None if it may be."""
    shape = shapes.get("scores")
    if shape is None or (shape and 0 not in shape and sum(size not in (1, None) for size in shape) <= 1):
        return None
    return f"`scores` has shape {shape}, but the head wants one number a class: (1, classes)"


def classes(shape: Shape) -> int | None:
    """The number of classes by the shape of `scores`, None where the shape does not say."""
    sizes = [size for size in shape[1:] or shape if size is not None]
    return math.prod(sizes) if len(sizes) == len(shape[1:] or shape) else None


@np.errstate(all="ignore")
def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Classes:
    """Turn `scores`, float (1, classes) or with further axes of 1, into the best `top` classes.

    With the manifest's `softmax` the numbers are logits, exp(x) / sum(exp(x)). What is no number is left out.
    """
    scores = np.asarray(outputs["scores"], np.float32).reshape(-1)
    if manifest.softmax:
        scores = np.exp(scores - scores.max())
        scores /= scores.sum()
    scores = np.where(np.isfinite(scores), scores, -np.inf)
    best = (
        np.argpartition(-scores, manifest.top)[: manifest.top] if len(scores) > manifest.top else np.arange(len(scores))
    )
    best = best[scores[best] >= max(min_score, np.finfo(np.float32).min)]
    best = best[np.argsort(-scores[best], kind="stable")]
    return Classes(best.astype(np.int32), scores[best].astype(np.float32))
