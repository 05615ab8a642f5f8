"""Weights onto uniform grids, so that few bits code them and the layer's output moves little.

Rounding goes filter value by filter value and lets those that are yet to come make up for the error, as GPTQ does
(Frantar et al., 2022, section 3: with the Cholesky factor of the inverse of the input's second moments); each value
takes not the nearest code but the one of least error + lambda * bits, entropy-constrained as in Chou, Lookabaugh and
Gray, Entropy-Constrained Vector Quantization, 1989. For high rates dD/dR = -2 ln(2) step^2 / 12 is the slope at which
error and bits are exchanged evenly, so lambda follows from the step.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.tools.layers import F64
from edge.types import F32

SLOPE = 2 * math.log(2) / 12
"""lambda of a step of 1, for an error that counts once."""
DAMP = 0.1
"""Of the mean of the moments' diagonal, added to it: what the feeds did not show may still come. With a tenth, a model
fitted on some clips did best on others and on drawn pictures, taken together."""
PADDED = 32
"""Filters with a mask are filled up to a multiple of this, so that many are of one size."""
PASSES = 2
"""The first learns how often each code occurs, the last is kept."""


@dataclass(frozen=True, slots=True)
class Rounded:
    """codes: int16 (groups, filters, values); bits: of all of them at the entropy of their histogram."""

    codes: NDArray[np.int16]
    bits: float


def rounded(
    rows: F32,
    step: F64,
    moment: F64 | None,
    allowed: NDArray[np.floating],
    frugal: float = 1.0,
    mask: NDArray[np.bool_] | None = None,
    damp: float = DAMP,
) -> Rounded:
    """Codes of a layer's weights.

    Args:
        rows: float32 (groups, filters, values).
        step: float64, one of the layer, (1,), or (groups * filters,).
        moment: float64 (groups, values, values), of the layer's input; None: every value counts alike.
        allowed: the codes that there are, ascending, whole numbers within int16, 0 among them; two at least.
        frugal: bits count this times as much as is even; 0 rounds to the code of least error.
        mask: bool (groups, filters, values); where it is False the code is 0. None: nowhere.
        damp: of the mean of the moment's diagonal, added to it.
    """
    groups, filters, _ = rows.shape
    steps = np.broadcast_to(np.asarray(step, np.float64).reshape(-1, 1, 1), (groups * filters, 1, 1))
    scaled = rows.astype(np.float64) / steps.reshape(groups, filters, 1)
    every = np.asarray(allowed, np.float64)
    places = np.clip(np.searchsorted(every, scaled), 0, len(every) - 1)
    parts = _parts(scaled, moment, mask, damp)
    # An error of a value weighs 1 / U[j, j]^2; the mean weight of the layer makes bits and errors comparable.
    price = frugal * SLOPE * sum(part.weight for part in parts) / max(1, sum(part.index.size for part in parts))
    for _ in range(PASSES if frugal else 1):
        lengths = _lengths(places, len(every))
        places = np.full(scaled.shape, np.searchsorted(every, 0.0), np.intp)
        for part in parts:
            real = part.index < scaled.size
            flat = np.where(real, scaled.ravel()[np.where(real, part.index, 0)], 0.0)
            made = _one_pass(flat, part.upper, every, price * lengths)
            places.ravel()[part.index[real]] = made[real]
    codes = np.asarray(allowed)[places].astype(np.int16)
    return Rounded(codes, entropy_bits(codes))


@dataclass(frozen=True, slots=True)
class _Part:
    """Filters that are rounded side by side.

    index: (matrices, filters, values), of the values in the layer, in the order in which they are rounded; what is past
        the layer's end fills up
    upper: float64 (matrices, values, values), see `_factor`
    """

    index: NDArray[np.intp]
    upper: F64

    @property
    def weight(self) -> float:
        """The sum of what errors of its values weigh."""
        return float((1 / np.square(np.einsum("gii->gi", self.upper))).sum() * self.index.shape[1])


def _parts(scaled: F64, moment: F64 | None, mask: NDArray[np.bool_] | None, damp: float) -> list[_Part]:
    """A layer's filters, with one factor for those of a group; or each with its own, of the values it has.

    Were errors passed on to values that must stay 0 they would be lost, so filters with a mask have their own matrix,
    without these. Values that are fed most go first, while the others are still there to make up for them.
    """
    groups, _, values = scaled.shape
    if moment is None:
        moment = np.broadcast_to(np.eye(values), (groups, values, values))
    index = np.arange(scaled.size).reshape(scaled.shape)
    order = np.argsort(-np.einsum("gii->gi", moment), axis=1, kind="stable")
    if mask is None:
        own = np.take_along_axis(index, np.broadcast_to(order[:, None], index.shape), axis=2)
        turned = np.take_along_axis(np.take_along_axis(moment, order[:, :, None], axis=1), order[:, None], axis=2)
        return [_Part(own, _factor(turned, damp))]
    sizes = mask.sum(axis=2)
    sizes = -(-sizes // PADDED) * PADDED
    parts = []
    for size in np.unique(sizes[sizes > 0]):
        own = np.full((int((sizes == size).sum()), 1, size), scaled.size)
        seen = np.zeros((len(own), size, size))
        for number, (group, row) in enumerate(np.argwhere(sizes == size)):
            some = order[group][mask[group, row, order[group]]]
            own[number, 0, : some.size] = index[group, row, some]
            seen[number, : some.size, : some.size] = moment[group][np.ix_(some, some)]
            seen[number, range(some.size, size), range(some.size, size)] = np.diagonal(moment[group])[some].mean()
        parts.append(_Part(own, _factor(seen, damp)))
    return parts


def masked(rows: NDArray[np.floating], mask: NDArray[np.bool_], moment: F64 | None) -> F64:
    """Rows with 0 where the mask is False, and what is left making up for it (Frantar and Alistarh, SparseGPT, 2023,
    section 3.3); without moments nothing else changes.
    """
    left = rows.astype(np.float64)
    if moment is None:
        return np.asarray(left * mask)
    upper = _factor(moment)
    for j in range(left.shape[2]):
        kept = left[:, :, j] * mask[:, :, j]
        passed = (left[:, :, j] - kept) / upper[:, j, j, None]
        left[:, :, j] = kept
        left[:, :, j + 1 :] -= passed[..., None] * upper[:, j, None, j + 1 :]
    return np.asarray(left * mask)


def entropy_bits(codes: NDArray[np.floating] | NDArray[np.integer]) -> float:
    """Bits of all codes at the entropy of their own histogram."""
    counts = np.unique(codes, return_counts=True)[1]
    return float(-(counts * np.log2(counts / counts.sum())).sum())


def _factor(moment: F64, damp: float = DAMP) -> F64:
    """The upper Cholesky factor of the inverse, (groups, values, values), by which errors are passed on."""
    values = moment.shape[-1]
    diagonal = np.einsum("gii->gi", moment)
    # A channel that is never fed anything leaves its weights free; it must not make the matrix singular.
    floor = damp * diagonal.mean(axis=1, keepdims=True) + 1e-12
    whole = moment + floor[..., None] * np.eye(values)
    inverse = np.linalg.inv(whole)
    return np.asarray(np.linalg.cholesky((inverse + inverse.transpose(0, 2, 1)) / 2).transpose(0, 2, 1))


def _one_pass(scaled: F64, upper: F64, allowed: F64, prices: F64) -> NDArray[np.intp]:
    """The place of each value's code among those allowed; prices: of each code."""
    left = scaled.copy()
    places = np.empty(left.shape, np.intp)
    weight = 1 / np.square(np.einsum("gii->gi", upper))
    zero = int(np.searchsorted(allowed, 0.0))
    for j in range(left.shape[2]):
        w = left[:, :, j]
        high = np.clip(np.searchsorted(allowed, w), 1, len(allowed) - 1)
        choices = np.stack([high - 1, high, np.full_like(high, zero)])
        loss = np.square(w - allowed[choices]) * weight[:, j, None] + prices[choices]
        place = np.take_along_axis(choices, loss.argmin(axis=0)[None], axis=0)[0]
        places[:, :, j] = place
        passed = (w - allowed[place]) / upper[:, j, j, None]
        left[:, :, j + 1 :] -= passed[..., None] * upper[:, j, None, j + 1 :]
    return places


def _lengths(places: NDArray[np.intp], count: int) -> F64:
    """Bits of each code at the histogram of these; those that do not occur share one more count."""
    often = np.bincount(places.ravel(), minlength=count) + 1 / count + 1e-3
    return np.asarray(-np.log2(often / often.sum()))
