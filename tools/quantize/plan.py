"""What is asked of a quantization, and what comes out of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.models.packed.weight import Grid

if TYPE_CHECKING:
    import onnx

Metric: TypeAlias = "Callable[[onnx.ModelProto], float]"
"""How good a model is; more is better."""
Target = Literal["x86", "vnni", "arm", "openvino", "tensorrt"]
Search = Literal["auto", "minmax", "percentile", "mse"]
LEAST = 2.0**-80
"""Of a scale, so that its products with others are no denormal numbers."""
SIGNIFICANT = 6
"""Bits of a scale."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to quantize.

    target: where the model is to be fast.
        `vnni`: ONNX Runtime on an x86 whose products of uint8 and int8 are exact (AVX512-VNNI, AVX-VNNI)
        `x86`: the same on older ones, whose 16-bit sums of two products overflow: weights take 7 bits
        `arm`: ONNX Runtime on ARM
        `openvino`: integers around layers alone, since it fuses what follows a layer into it by itself
        `tensorrt`: int8 on both sides, zero points 0
    weights: bits of weights, 4 to 8; in int8 tensors still (fewer bytes once packed, no more speed)
    fine: layers whose weights take 8 bits whatever `weights` says
    activations: whether tensors between layers become integers too; False needs no feeds and gives only bytes
    per_channel: a scale for each output channel of a layer rather than one for all
    search: how ranges of activations are found; `auto` takes the way with the least error at the outputs
    keep_float: layers that stay float
    head: what becomes of the last layers of every branch and all behind them (see `head`): `auto` keeps them float
        where the outputs suffer else
    head_loss: by how much of the metric an integer head may be worse before `auto` keeps it float
    equalise: whether ranges may be evened out across layers (only where ReLU or nothing is between them)
    correct_bias: whether the mean error of layers may be taken back in their biases; needs feeds
    rounding: `nearest`, or `gptq`: errors of a weight may be made good in those not yet rounded; needs feeds, and a
        cubic time in the inputs of an output channel

    What "may" be done is done where it makes the metric better.
    """

    target: Target = "vnni"
    weights: int = 8
    fine: frozenset[str] = frozenset()
    activations: bool = True
    per_channel: bool = True
    search: Search = "auto"
    keep_float: frozenset[str] = frozenset()
    head: Literal["auto", "float", "int8"] = "auto"
    head_loss: float = 0.002
    equalise: bool = True
    correct_bias: bool = True
    rounding: Literal["nearest", "gptq"] = "gptq"

    def largest_code(self, layer: str) -> int:
        """The largest code of a layer's weight; the smallest is its negative."""
        bits = 8 if layer in self.fine else self.weights
        return (1 << (min(bits, 7) if self.target == "x86" else bits) - 1) - 1


@dataclass(frozen=True, slots=True)
class Range:
    """What a tensor spans; 0 is always within it.

    scale, zero: of the grid, real = scale * (code - zero)
    dtype: of the codes, `uint8` or `int8`
    """

    low: float
    high: float
    scale: float
    zero: int
    dtype: str

    @staticmethod
    def of(low: float, high: float, symmetric: bool = False) -> Range:
        """The 8-bit grid of a span: uint8 with a zero point, or int8 from -127 to 127 about 0."""
        low, high = min(0.0, float(low)), max(0.0, float(high))
        if symmetric:
            most = max(-low, high)
            scale = _scale(most / 127)
            return Range(-127 * scale, 127 * scale, scale, 0, "int8")
        scale = _scale((high - low) / 255)
        zero = int(np.clip(round(-low / scale), 0, 255))
        return Range(-zero * scale, (255 - zero) * scale, scale, zero, "uint8")


def coarse(scales: NDArray[np.float64]) -> NDArray[np.float32]:
    """Scales rounded up to `SIGNIFICANT` bits: 3 % coarser at most, and half the bytes once packed.

    The scale of a bias is a product of two scales, so it has zeros at its end as well.
    """
    mantissa, exponent = np.frexp(np.maximum(scales, LEAST))
    rounded: NDArray[np.float32] = np.ldexp(np.ceil(mantissa * 2**SIGNIFICANT) / 2**SIGNIFICANT, exponent).astype("f4")
    return rounded


def _scale(exact: float) -> float:
    """As the file has it; a tensor that is 0 throughout takes any scale."""
    return float(coarse(np.array([exact]))[0]) if exact else 1.0


@dataclass(frozen=True, slots=True)
class Quantized:
    """A quantized model.

    kept_float: layers that stayed float, in the graph's order
    ranges: of the tensors that became integers, by name
    grids: without activations, of the weights, by initializer: they are float32 still, and lie on these grids exactly
    report: what was found on the way, JSON values: `metric` (of this model; None without feeds and metric), `search`
        (the way ranges were found), `head` (`float` or `int8`), `equalised`, `corrected`, `rounding`, `layers` (how
        many are integer)
    """

    model: onnx.ModelProto
    kept_float: tuple[str, ...]
    ranges: Mapping[str, Range] = field(default_factory=dict)
    grids: Mapping[str, Grid] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
