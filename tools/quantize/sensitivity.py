"""What each layer costs when it alone becomes integer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edge.engines.base import Feeds
from edge.errors import UserError
from edge.tools.quantize.judge import least_cosine
from edge.tools.quantize.plan import Metric, Plan
from edge.tools.quantize.static import Choice, Workshop

if TYPE_CHECKING:
    from onnx import ModelProto

FEEDS = 8
"""That the usual metric looks at: it is asked once a layer."""


def sensitivity(
    model: ModelProto,
    feeds: Feeds,
    metric: Metric | None = None,
    plan: Plan | None = None,
    progress: Callable[[float], None] = lambda part: None,
    workshop: Workshop | None = None,
) -> list[tuple[str, float]]:
    """Layers and their harm, the most harmful first: give them back (`Plan.keep_float`) in this order.

    A layer's harm is that of its weights and of the tensors around it. Layers that the plan keeps float are left out.

    Args:
        metric: more is better; None: the least cosine of an output with that of the float model on some of the feeds.
        plan: its choices are not searched: `mse` ranges where it says `auto`.
        workshop: see `quantize`.

    Returns:
        (layer, metric of the float model - metric with that layer alone quantized).

    Raises:
        UserError: the plan quantizes activations and there are no feeds, or neither feeds nor a metric are given.
        ModelError: the model cannot be run, or has nothing to quantize.
    """
    plan = plan or Plan()
    if not feeds and (metric is None or plan.activations):
        raise UserError("what a layer costs can only be measured on pictures: give some (--calibrate)")
    judge = metric or least_cosine(model, feeds, FEEDS)
    work = workshop or Workshop(model, feeds, plan)
    choice = Choice("mse" if plan.search == "auto" else plan.search)
    everything = frozenset(work.layers())
    names = [name for name in work.layers() if name not in plan.keep_float]
    whole, harms = judge(model), []
    for number, name in enumerate(names):
        harms.append((name, whole - judge(work.make(choice, everything - {name}).model)))
        progress((number + 1) / len(names))
    return sorted(harms, key=lambda pair: -pair[1])
