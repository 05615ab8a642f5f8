"""Means and covariances of channels while a model runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Feeds
from edge.tools.filters.groups import Groups
from edge.tools.tap import tap

MOST_PLACES = 2048
"""Along an axis whose covariance is measured."""
LEAST_SAMPLES = 4
"""For each place along it."""
RIDGE = 1e-2
"""Of the mean variance."""
TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Moments:
    """Of each place along the axis of the channels, over all samples and all other axes.

    mean, variance: float64 (n,)
    covariance: float64 (n, n); None where the samples do not suffice for it, or it would be too large
    """

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    covariance: NDArray[np.float64] | None


def read_moments(groups: Groups, feeds: Feeds) -> dict[str, Moments]:
    """The moments of what layers read, by the name of the tensor that they read."""
    nodes = groups.net.nodes
    names = dict.fromkeys(nodes[cut.node].input[0] for cut in groups.cuts if cut.role == "in")
    sums = {name: _Sums.of(len(groups.tensors[name].ids)) for name in names}
    for values in tap(groups.net.model, names, feeds):
        for name, value in values.items():
            sums[name].add(np.moveaxis(value, groups.tensors[name].axis, 0).reshape(len(sums[name].total), -1))
    return {name: found.moments() for name, found in sums.items()}


def ridged(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """A covariance with a little more on its diagonal, so that what follows from few samples stays small."""
    added: NDArray[np.float64] = np.eye(len(covariance)) * ridge(covariance)
    return covariance + added


def ridge(covariance: NDArray[np.float64]) -> float:
    """How much that is."""
    return float(RIDGE * np.trace(covariance) / len(covariance) + TINY)


@dataclass(slots=True)
class _Sums:
    """Over the samples so far, less the mean of the first ones: float32 products would drown small variances in it."""

    count: int
    origin: NDArray[np.float64]
    total: NDArray[np.float64]
    squares: NDArray[np.float64]
    products: NDArray[np.float64] | None

    @classmethod
    def of(cls, size: int) -> _Sums:
        products = np.zeros((size, size)) if size <= MOST_PLACES else None
        return cls(0, np.zeros(size), np.zeros(size), np.zeros(size), products)

    def add(self, rows: NDArray[Any]) -> None:
        if not self.count:
            self.origin = rows.mean(1).astype(np.float64)
        rows = rows - self.origin.astype(rows.dtype)[:, None]
        self.count += rows.shape[1]
        self.total += rows.sum(1, dtype=np.float64)
        self.squares += np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
        if self.products is not None:
            self.products += rows @ rows.T

    def moments(self) -> Moments:
        mean = self.total / self.count
        enough = self.products is not None and self.count >= LEAST_SAMPLES * len(mean)
        covariance = self.products / self.count - np.outer(mean, mean) if enough and self.products is not None else None
        return Moments(mean + self.origin, np.maximum(self.squares / self.count - mean**2, 0), covariance)
