"""What each layer costs when it alone becomes integer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from edge.tools.quantize.plan import Feed, Metric, Plan

if TYPE_CHECKING:
    import onnx


def sensitivity(
    model: onnx.ModelProto,
    feeds: Sequence[Feed],
    metric: Metric | None = None,
    plan: Plan | None = None,
    progress: Callable[[float], None] = lambda part: None,
) -> list[tuple[str, float]]:
    """Layers and their harm, the most harmful first: give them back (`Plan.keep_float`) in this order.

    Args:
        metric: more is better; None: the least cosine of an output with that of the float model on the feeds.

    Returns:
        (layer, metric of the float model - metric with that layer alone quantized).
    """
    raise NotImplementedError
