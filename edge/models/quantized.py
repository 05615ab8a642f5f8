"""Quantized tensors: pixels to the integers that a model takes, and the integers it gives to real numbers.

real = scale * (integer - zero point), Jacob et al., Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference, 2018, section 2.1. Scale and zero point come from the file where the engine tells
them (LiteRT does), else from the manifest's `[quantized]`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import TensorSpec
from edge.errors import ModelError
from edge.models.manifest import Manifest
from edge.preprocess import Input
from edge.types import F32

Scale = tuple[float, int]
"""Scale and zero point."""

LEVELS = 16.0
"""Integers that a picture spans at least; fewer, and the manifest speaks of real numbers."""
SNAP = 0.01
"""Levels within which a product of rounded scales is taken for the whole number that it was meant to be."""


def input_of(manifest: Manifest, spec: TensorSpec) -> Input:
    """What the picture's tensor really takes.

    An integer input without `scale`, `mean` and `std` gets pixels as they are, shifted by 128 where it is signed. With
    them, and the numbers they make being real ones (0..1, -1..1, or `[quantized] input` is given), those are
    quantized; else they are the integers themselves.

    Raises:
        ModelError: real numbers, and neither engine nor manifest says how they are quantized.
    """
    given, dtype = manifest.input, manifest.input.dtype
    if dtype not in ("int8", "uint8"):
        return given
    if (given.scale, given.mean, given.std) == (1.0, (0.0,) * 3, (1.0,) * 3) and "input" not in manifest.quantized:
        return given if dtype == "uint8" else replace(given, mean=(128.0,) * 3)
    if "input" not in manifest.quantized and 255 * given.scale / max(map(abs, given.std)) >= LEVELS:
        return given
    known = _known(manifest, "input", spec)
    if known is None:
        raise ModelError(
            f"model {manifest.name}: input `{spec.name}` is {dtype}, and `scale`, `mean` and `std` make real numbers "
            f"of pixels: say in the manifest how they are quantized, `[quantized]` input = [scale, zero point]"
        )
    scale, zero = known
    # (pixel * gain - mean) / std / scale + zero, in the form that an input has.
    std = np.array(given.std) * scale / given.scale
    mean = np.array(given.mean) / given.scale - zero * std
    if (np.abs(255 / std - 255) < SNAP).all() and (np.abs(mean / std - np.rint(mean / std)) < SNAP).all():
        mean, std = np.rint(mean / std), np.ones(3)  # so that pixels go in as bytes
    return replace(given, scale=1.0, mean=_triple(mean), std=_triple(std))


def scale_of(manifest: Manifest, role: str, spec: TensorSpec, engine: str) -> Scale | None:
    """How an output is to be made real; None if it is already.

    Raises:
        ModelError: it holds bytes, and neither engine nor manifest says what they stand for.
    """
    known = _known(manifest, role, spec)
    if known is None and spec.dtype in ("int8", "uint8"):
        raise ModelError(
            f"model {manifest.name}: output `{spec.name}` is {spec.dtype}, and {engine} does not tell its scale: say "
            f"in the manifest what it stands for, `[quantized]` {role} = [scale, zero point]"
        )
    return None if spec.dtype.startswith("float") else known


def real(array: NDArray[Any], scale: Scale) -> F32:
    """The real numbers of a quantized tensor."""
    numbers = array.astype(np.float32)
    if scale[1]:
        numbers -= scale[1]
    numbers *= np.float32(scale[0])
    return numbers


def _known(manifest: Manifest, role: str, spec: TensorSpec) -> Scale | None:
    if spec.scale is not None:
        return spec.scale, spec.zero_point or 0
    return manifest.quantized.get(role)


def _triple(values: NDArray[np.float64]) -> tuple[float, float, float]:
    return float(values[0]), float(values[1]), float(values[2])
