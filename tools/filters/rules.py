"""Where channels go: operators that make, read and combine them. Those that only move them: `movement`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from edge.tools.filters.channels import FIXED, Channels, Found, NotFollowedError, Step
from edge.tools.filters.movement import MOVEMENT

Rule = Callable[[Step], Found]


def conv(step: Step) -> Found:
    """A convolution: dense, depthwise (with a multiplier) or grouped.

    Of a grouped one every group loses the same places, since groups have one size.
    """
    weight, bias = step.required(1), step.required(2)
    group, given = step.attributes.get("group", 1), _read(step, 1)
    if group == 1 or weight.shape[1] > 1:
        if given is not None:
            if len(given.ids) != group * weight.shape[1]:
                raise NotFollowedError("a parameter of another size")
            rows = given.ids.reshape(group, -1)
            step.coupling.join(np.tile(rows[0], (group - 1, 1)).ravel(), rows[1:].ravel())
            step.cut(1, 1, rows[0], "in")
        ids = np.tile(step.coupling.fresh(weight.shape[0] // group), group)
        step.cut(1, 0, ids, "out")
    elif given is None:
        return [None]
    else:
        ids = np.repeat(given.ids, weight.shape[0] // group)
        step.cut(1, 0, ids, "along")
        step.count(step.index, 0, given.ids, "group")
    if bias.ndim == 1:
        step.cut(2, 0, ids, "along")
    return [Channels(1, ids)]


def conv_transpose(step: Step) -> Found:
    """A transposed convolution, dense or depthwise."""
    weight, group, given = step.required(1), step.attributes.get("group", 1), _read(step, 1)
    step.required(2)
    if group == 1:
        if given is not None:
            step.cut(1, 0, given.ids, "in")
        ids = step.coupling.fresh(weight.shape[1])
        step.cut(1, 1, ids, "out")
    elif given is None:
        return [None]
    elif weight.shape[0] == group and weight.shape[1] == 1:
        ids = given.ids
        step.cut(1, 0, ids, "along")
        step.count(step.index, 0, ids, "group")
    else:
        raise NotFollowedError("groups of a transposed convolution")
    step.cut(2, 0, ids, "along")
    return [Channels(1, ids)]


def gemm(step: Step) -> Found:
    """A fully connected layer: x W + b."""
    weight, bias, set_up = step.required(1), step.required(2), step.attributes
    if set_up.get("transA", 0):
        raise NotFollowedError("a transposed input")
    given, across = _read(step, 1), set_up.get("transB", 0)
    if given is not None:
        step.cut(1, 1 if across else 0, given.ids, "in")
    ids = step.coupling.fresh(weight.shape[0 if across else 1])
    step.cut(1, 0 if across else 1, ids, "out")
    if bias.ndim and bias.shape[-1] > 1:
        step.cut(2, bias.ndim - 1, ids, "along")
    return [Channels(1, ids)]


def matmul(step: Step) -> Found:
    """A product with a constant matrix on its right."""
    weight, last = step.required(1), len(step.shape(step.node.input[0])) - 1
    if weight.ndim != 2 or last < 1:
        raise NotFollowedError("a product of other ranks")
    given = _read(step, last)
    if given is not None:
        step.cut(1, 0, given.ids, "in")
    ids = step.coupling.fresh(weight.shape[1])
    step.cut(1, 1, ids, "out")
    return [Channels(last, ids)]


def elementwise(step: Step) -> Found:
    """Any number of operands, broadcast to each other: what meets is coupled."""
    rank = len(step.shape(step.node.output[0]))
    given = [None if c is None else Channels(_axis(step, k, c.axis, rank), c.ids) for k, c in enumerate(step.inputs)]
    wide = [c for c in given if c is not None and len(c.ids) > 1]
    if not wide or len({c.axis for c in wide}) > 1:
        raise NotFollowedError("one channel, or channels on several axes")
    axis, ids = wide[0].axis, wide[0].ids
    for slot, (name, known) in enumerate(zip(step.node.input, given, strict=True)):
        shape = step.shape(name)
        own = axis - (rank - len(shape))
        if known is not None:
            step.coupling.join(known.ids, ids if known.axis == axis and len(known.ids) == len(ids) else FIXED)
        elif own < 0 or shape[own] == 1:
            continue
        elif name in step.net.constants:
            step.cut(slot, own, ids, "along")
        else:
            step.coupling.join(ids, FIXED)
    return [Channels(axis, ids)]


def unary(step: Step) -> Found:
    """One value in, one value out; further inputs are settings for all channels."""
    given = step.first()
    if any(size != 1 for name in step.node.input[1:] if name for size in step.shape(name)):
        raise NotFollowedError("a setting for each channel")
    return [given]


def normalized(step: Step) -> Found:
    """Batch and instance normalization at inference: one row of constants a channel."""
    given = step.first(1)
    for slot in range(1, len(step.node.input)):
        if step.required(slot).ndim != 1:
            raise NotFollowedError("a parameter of another rank")
        step.cut(slot, 0, given.ids, "along")
    return [given]


def pooled(step: Step) -> Found:
    """Pooling within each channel."""
    return [step.first(1)]


def one_axis(step: Step) -> Found:
    """A softmax or norm along an axis, which must be another one than the channels'."""
    given = step.first()
    if step.attributes.get("axis", -1) % len(step.shape(step.node.input[0])) == given.axis:
        raise NotFollowedError("all channels of a place are normalized together")
    return [given]


def reduced(step: Step) -> Found:
    """A mean, sum or extreme over axes other than the channels'."""
    given, rank, set_up = step.first(), len(step.shape(step.node.input[0])), step.attributes
    axes: Any = set_up["axes"] if "axes" in set_up else step.constant(1)
    if axes is None or len(axes) == 0:
        if not set_up.get("noop_with_empty_axes", 0):
            raise NotFollowedError("all channels of a place are reduced together")
        axes = []
    over = {int(axis) % rank for axis in axes}
    if given.axis in over:
        raise NotFollowedError("all channels of a place are reduced together")
    gone = 0 if set_up.get("keepdims", 1) else sum(axis < given.axis for axis in over)
    return [Channels(given.axis - gone, given.ids)]


def _read(step: Step, axis: int) -> Channels | None:
    """The channels that a layer reads, which have to lie on this axis."""
    return None if step.inputs[0] is None else step.first(axis)


def _axis(step: Step, slot: int, axis: int, rank: int) -> int:
    return axis + rank - len(step.shape(step.node.input[slot]))


_UNARY = (
    "Abs Acos Asin Atan Cast Ceil Celu Clip Cos Dropout Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity "
    "LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Sigmoid Sign Sin Softplus Softsign Sqrt Swish Tanh "
    "ThresholdedRelu QuantizeLinear DequantizeLinear"
)
_FAMILIES: Mapping[str, Rule] = {
    "Conv": conv,
    "ConvTranspose": conv_transpose,
    "Gemm": gemm,
    "MatMul": matmul,
    "BatchNormalization InstanceNormalization": normalized,
    "Add Sub Mul Div Pow Max Min Mean Sum PRelu Where Equal Greater Less": elementwise,
    _UNARY: unary,
    "MaxPool AveragePool LpPool GlobalMaxPool GlobalAveragePool GlobalLpPool": pooled,
    "Softmax LogSoftmax Hardmax LpNormalization": one_axis,
    "ReduceMean ReduceSum ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceSumSquare": reduced,
}
RULES: Mapping[str, Rule] = {name: rule for names, rule in _FAMILIES.items() for name in names.split()} | dict(MOVEMENT)
"""By operator of ONNX's own domain. What is not here is not followed."""
