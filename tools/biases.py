"""Biases of layers whose weights were rounded: they make up for the mean error, and take few bits themselves."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edge.models.packed.weight import Grid
from edge.tools.layers import F64, Fed, Layer
from edge.types import F32

SHARE = 0.9
"""Of what the mean input adds to a layer's error, what the bias is trusted to take away: other pictures have another
mean."""
ROUGH = 1 / 20
"""Of the error that rounding the weights leaves in a layer's output, what rounding its bias may add."""
MOST = 127


def corrected(
    biases: Mapping[str, F32], of: Mapping[str, Layer], fed: Mapping[str, Fed], rests: Mapping[str, NDArray[np.float32]]
) -> dict[str, F32]:
    """Biases that give each filter's output the mean that it had (Nagel et al., Data-Free Quantization Through Weight
    Equalization and Bias Correction, 2019, section 4.2), by name.

    Args:
        biases: those that may be changed.
        of: layers by weight.
        fed: what they are fed, by weight.
        rests: each weight without what it was rounded to.
    """
    made = {}
    for name, rest in rests.items():
        bias = of[name].bias
        if bias in biases:
            shift = np.einsum("gfv,gv->gf", of[name].rows(rest).astype(np.float64), fed[name].mean)
            made[bias] = (biases[bias] + shift.ravel()).astype(np.float32)
    return made


def on_grid(
    biases: Mapping[str, F32], of: Mapping[str, Layer], seen: Mapping[str, F64], rests: Mapping[str, F32]
) -> dict[str, Grid]:
    """Biases on grids of one step a layer, so fine that they add next to nothing to the error; others are left out.

    Steps are powers of two: small biases stay in the skeleton as floats, which squeeze well if they end in zeros.

    Args:
        biases: by name.
        of: layers by weight.
        seen: the moments in which errors of weights count, by weight.
        rests: each weight without what it was rounded to.
    """
    made = {}
    for name, rest in rests.items():
        bias = biases.get(of[name].bias)
        if bias is None:
            continue
        rows = of[name].rows(rest).astype(np.float64)
        error = float(np.einsum("gfv,gfv->gf", rows @ seen[name], rows).mean())
        step = np.float32(2.0 ** math.floor(math.log2(12 * ROUGH * error) / 2)) if error > 0 else np.float32(0)
        if np.abs(bias).max() <= MOST * step:
            codes = np.rint(bias / step).astype(np.int16)
            made[of[name].bias] = Grid(codes, np.array([step], np.float32))
    return made
