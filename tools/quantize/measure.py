"""How fast models really are, on the engines that are here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.tools.quantize.plan import Feed

if TYPE_CHECKING:
    import onnx


@dataclass(frozen=True, slots=True)
class Latency:
    """One variant on one engine.

    ms: of a call, the median
    ratio: how often faster than the first variant on the same engine: the median over rounds of both times' quotient
    """

    variant: str
    engine: str
    ms: float
    ratio: float


def latencies(
    variants: Mapping[str, onnx.ModelProto],
    feed: Feed,
    engines: Sequence[str] = ("onnxruntime", "openvino"),
    threads: int = 1,
    rounds: int = 50,
) -> tuple[Latency, ...]:
    """Time variants of a model through our engines, call by call in turn, so that what else the machine does hits all.

    Args:
        variants: the float model first; ratios are to it.
        engines: those that are not here, or cannot read a variant, are left out.
    """
    raise NotImplementedError
