"""How good a quantized model is, where nobody gave a metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from edge.engines.base import Feeds
from edge.tools.evaluate import cosine, run
from edge.tools.graph import to_bytes
from edge.tools.quantize.plan import Metric

if TYPE_CHECKING:
    from onnx import ModelProto

MOST = 24
"""Feeds that are judged on, spread evenly over those given; ranges are found on all."""


def least_cosine(model: ModelProto, feeds: Feeds, most: int = MOST) -> Metric:
    """A metric: the mean over feeds of an output's cosine with the float model's, of the output with the least."""
    some = [feeds[k] for k in np.unique(np.linspace(0, len(feeds) - 1, min(most, len(feeds))).astype(int))]
    truth = run(to_bytes(model), some)

    def judge(other: ModelProto) -> float:
        found = run(to_bytes(other), some)
        return min(
            float(np.mean([cosine(a[name], b[name]) for a, b in zip(truth, found, strict=True)])) for name in truth[0]
        )

    return judge
