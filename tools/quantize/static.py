"""From a float model to a quantized one, in one straight line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from edge.tools.quantize.plan import Feed, Metric, Plan, Quantized

if TYPE_CHECKING:
    import onnx


def quantize(
    model: onnx.ModelProto,
    feeds: Sequence[Feed],
    plan: Plan,
    progress: Callable[[float], None] = lambda part: None,
    metric: Metric | None = None,
) -> Quantized:
    """Quantize a model; the one that is given stays as it is.

    Args:
        feeds: what the model would see, one inference each, in float as the model takes them; some tens are enough.
        progress: told how far it is, 0..1.
        metric: what decides where `auto` has a choice; None: the least cosine of an output with that of the float
            model on the feeds.

    Raises:
        UserError: feeds are needed and there are none, or they do not fit the model's inputs.
        ModelError: the model cannot be run, or has nothing to quantize.
        MissingError: onnx or onnxruntime is not here.
    """
    raise NotImplementedError
