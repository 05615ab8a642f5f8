"""Plain regression: the numbers are the answer."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from edge.decode.head import Outputs, Shape
from edge.models.manifest import Manifest
from edge.preprocess import Fit
from edge.types import Values

TASK = "values"
ROLES = ("values",)


def misfit(shapes: Mapping[str, Shape], manifest: Manifest) -> str | None:
    """Any shape is a regression's."""
    return None


def classes(shape: Shape) -> int | None:
    """How many numbers there are, which labels may name; None where the shape does not say."""
    sizes = [size for size in shape[1:] or shape if size is not None]
    return math.prod(sizes) if len(sizes) == len(shape[1:] or shape) else None


def decode(outputs: Outputs, manifest: Manifest, fit: Fit, min_score: float) -> Values:
    """Turn `values`, float of any shape, into its numbers row by row; `min_score` has no meaning here."""
    return Values(np.array(outputs["values"], np.float32).reshape(-1))
