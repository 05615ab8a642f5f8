"""What compression costs: the original's outputs on some pictures, and every candidate beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Feeds
from edge.models.manifest import Manifest
from edge.tools import evaluate, graph
from edge.tools.evaluate import Outputs, Quality

if TYPE_CHECKING:
    from onnx import ModelProto

RUNS = 500
"""Of a model in all, while the harm of each of its layers is measured; the feeds are as many as that allows."""
FEWEST, MOST = 4, 20


@dataclass(frozen=True, slots=True)
class Judge:
    """Feeds that nothing is calibrated on, and what the original makes of them.

    labels: of a classifier, the class of each feed; None takes the original's word
    metric: one of `evaluate.quality`'s; empty takes the task's
    """

    manifest: Manifest
    feeds: Feeds
    truth: Outputs
    labels: Sequence[int] | None = None
    metric: str = ""

    @classmethod
    def of(
        cls,
        model: ModelProto,
        manifest: Manifest,
        feeds: Feeds,
        labels: Sequence[int] | None = None,
        metric: str = "",
    ) -> Judge:
        """Run the original once. Raises ModelError where it cannot be run, or has no such metric."""
        evaluate.check_metric(manifest, metric)
        return cls(manifest, feeds, evaluate.run(graph.to_bytes(model), feeds), labels, metric)

    def quality(self, model: ModelProto) -> Quality:
        """How near a candidate is."""
        found = evaluate.run(graph.to_bytes(model), self.feeds)
        return evaluate.quality(self.manifest, self.truth, found, self.labels, self.metric)

    @property
    def name(self) -> str:
        """The metric."""
        return self.metric or evaluate.metric_of(self.manifest)

    @property
    def best(self) -> float:
        """The original's own figure, from which a drop is counted."""
        return evaluate.quality(self.manifest, self.truth, self.truth, self.labels, self.metric).value

    def error(self, model: ModelProto) -> float:
        """The error of a candidate's outputs, see `distortion`."""
        return distortion(self.truth, evaluate.run(graph.to_bytes(model), self.feeds))

    def drop(self, model: ModelProto) -> float:
        """By how much a candidate is below the original: of a detector the worse of `map` and what is matched."""
        return self.best - self.quality(model).worse


@dataclass(frozen=True, slots=True)
class Harm:
    """The error of a model's outputs with some initializers replaced, on a few feeds."""

    model: ModelProto
    feeds: Feeds
    truth: Outputs

    @classmethod
    def of(cls, model: ModelProto, feeds: Feeds, layers: int) -> Harm:
        """Choose feeds, spread evenly, and run the original on them.

        Args:
            layers: whose harm will be asked for: of a small model more feeds can be afforded.
        """
        count = min(len(feeds), MOST, max(FEWEST, RUNS // max(1, layers)))
        some = [feeds[k] for k in np.unique(np.linspace(0, len(feeds) - 1, count).astype(int))]
        return cls(model, some, evaluate.run(graph.to_bytes(model), some))

    def __call__(self, arrays: Mapping[str, NDArray[Any]]) -> float:
        """The relative error, see `distortion`."""
        return distortion(self.truth, evaluate.run(graph.to_bytes(graph.replace(self.model, arrays)), self.feeds))


def distortion(truth: Outputs, found: Outputs) -> float:
    """Power of the difference over power of the truth, a mean over feeds, summed over outputs.

    Outputs with rows, such as a detector's one row a box, are taken column by column over the column's variance:
    boxes in pixels must not outweigh scores of 0..1.
    """
    total = 0.0
    for a, b in zip(truth, found, strict=True):
        for name in a:
            x, y = np.asarray(a[name], np.float64), np.asarray(b[name], np.float64)
            if x.ndim >= 3 and x.shape[-1] > 1:
                x, y = x.reshape(-1, x.shape[-1]), y.reshape(-1, x.shape[-1])
                total += float((np.square(x - y).mean(axis=0) / (x.var(axis=0) + 1e-12)).mean())
            else:
                total += float(np.square(x - y).sum() / (np.square(x).sum() + 1e-12))
    return total / max(1, len(truth))
