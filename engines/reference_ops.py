"""The operators of the oracle: NumPy in the plainest way, element by element as the specification says it.

Source of every operator: https://onnx.ai/onnx/operators/ (opset 17, and older spellings where axes were attributes).
An operator takes its inputs, None for one left out, and its attributes; several outputs are given as a tuple.
`num_outputs` is among the attributes of every node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Attributes: TypeAlias = Mapping[str, Any]
Operator: TypeAlias = Callable[[list[Any], Attributes], "Array | tuple[Array, ...]"]


def _sizes(given: Attributes, side: Sequence[int], kernel: Sequence[int]) -> list[tuple[int, int]]:
    """Padding before and after each spatial axis."""
    strides, dilations = given.get("strides", [1, 1]), given.get("dilations", [1, 1])
    auto = given.get("auto_pad", b"NOTSET")
    if auto in (b"SAME_UPPER", b"SAME_LOWER"):
        pads = []
        for size, k, stride, dilation in zip(side, kernel, strides, dilations, strict=True):
            total = max(0, (-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size)
            small = total // 2
            pads.append((small, total - small) if auto == b"SAME_UPPER" else (total - small, small))
        return pads
    top, left, bottom, right = given.get("pads", [0, 0, 0, 0])
    return [(top, bottom), (left, right)]


def _windows(x: Array, kernel: Sequence[int], given: Attributes, fill: float) -> Array:
    """Sliding windows of an NCHW tensor, (n, c, h, w, kernel h, kernel w), after padding with `fill`."""
    vertical, horizontal = _sizes(given, x.shape[2:], kernel)
    (dy, dx), (sy, sx) = given.get("dilations", [1, 1]), given.get("strides", [1, 1])
    padded = np.pad(x, ((0, 0), (0, 0), vertical, horizontal), constant_values=fill)
    reach = ((kernel[0] - 1) * dy + 1, (kernel[1] - 1) * dx + 1)
    views = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(2, 3))
    return np.asarray(views[:, :, ::sy, ::sx, ::dy, ::dx])


def _conv(x: list[Any], given: Attributes) -> Array:
    picture, weights = x[0], x[1]
    groups = given.get("group", 1)
    views = _windows(picture, weights.shape[2:], given, 0.0)
    parts = [
        np.einsum("nchwyx,ocyx->nohw", v, w)
        for v, w in zip(np.split(views, groups, axis=1), np.split(weights, groups), strict=True)
    ]
    bias = x[2][:, None, None] if len(x) > 2 else 0
    return np.asarray(np.concatenate(parts, axis=1) + bias, picture.dtype)


def _conv_transpose(x: list[Any], given: Attributes) -> Array:
    """Each input element adds its kernel to the output: `group` 1, no `output_shape`."""
    picture, weights = x[0], x[1]
    (sy, sx), (more_y, more_x) = given.get("strides", [1, 1]), given.get("output_padding", [0, 0])
    top, left, bottom, right = given.get("pads", [0, 0, 0, 0])
    n, _, height, width = picture.shape
    _, channels, tall, wide = weights.shape
    made = np.zeros((n, channels, (height - 1) * sy + tall + more_y, (width - 1) * sx + wide + more_x), picture.dtype)
    for row in range(height):
        for column in range(width):
            made[:, :, row * sy : row * sy + tall, column * sx : column * sx + wide] += np.einsum(
                "nc,coyx->noyx", picture[:, :, row, column], weights
            )
    made = made[:, :, top : made.shape[2] - bottom, left : made.shape[3] - right]
    return np.asarray(made + (x[2][:, None, None] if len(x) > 2 else 0), picture.dtype)


def _max_pool(x: list[Any], given: Attributes) -> Array:
    return np.asarray(_windows(x[0], given["kernel_shape"], given, -np.inf).max(axis=(4, 5)), x[0].dtype)


def _average_pool(x: list[Any], given: Attributes) -> Array:
    total = _windows(x[0], given["kernel_shape"], given, 0.0).sum(axis=(4, 5))
    fill = float(given.get("count_include_pad", 0))
    count = _windows(np.ones_like(x[0]), given["kernel_shape"], given, fill).sum(axis=(4, 5))
    return np.asarray(total / count, x[0].dtype)


def _batch_norm(x: list[Any], given: Attributes) -> Array:
    scale, bias, mean, variance = (value[:, None, None] for value in x[1:5])
    return np.asarray((x[0] - mean) / np.sqrt(variance + given.get("epsilon", 1e-5)) * scale + bias, x[0].dtype)


def _resize(x: list[Any], given: Attributes) -> Array:
    """Nearest, by whole factors, as the necks of detectors double their maps."""
    if given.get("mode", b"nearest") != b"nearest":
        raise ValueError("Resize: the mode nearest alone")
    factors = x[2] if len(x) < 4 else [want / have for want, have in zip(x[3], x[0].shape, strict=True)]
    made = x[0]
    for axis, factor in enumerate(factors):
        if factor != int(factor):
            raise ValueError("Resize: whole factors alone")
        made = np.repeat(made, int(factor), axis=axis)
    return np.asarray(made)


def _gemm(x: list[Any], given: Attributes) -> Array:
    a, b = (x[0].T if given.get("transA") else x[0]), (x[1].T if given.get("transB") else x[1])
    rest = given.get("beta", 1.0) * x[2] if len(x) > 2 else 0
    return np.asarray(given.get("alpha", 1.0) * (a @ b) + rest, x[0].dtype)


def _reshape(x: list[Any], given: Attributes) -> Array:
    shape = [old if new == 0 else int(new) for new, old in zip(x[1], [*x[0].shape, *[0] * len(x[1])], strict=False)]
    return np.asarray(x[0].reshape(shape))


def _softmax(x: list[Any], given: Attributes) -> Array:
    axis = given.get("axis", -1)
    raised = np.exp(x[0] - x[0].max(axis=axis, keepdims=True))
    return np.asarray(raised / raised.sum(axis=axis, keepdims=True))


def _clip(x: list[Any], given: Attributes) -> Array:
    low, high = [*x[1:], None, None][:2] if len(x) > 1 else (given.get("min"), given.get("max"))
    made = x[0] if low is None else np.maximum(x[0], low)
    return np.asarray(made if high is None else np.minimum(made, high), x[0].dtype)


def _axes(x: list[Any], given: Attributes) -> tuple[int, ...] | None:
    axes = x[1] if len(x) > 1 and x[1] is not None else given.get("axes")
    return None if axes is None else tuple(int(axis) for axis in axes)


def _unsqueeze(x: list[Any], given: Attributes) -> Array:
    return np.expand_dims(x[0], _axes(x, given) or ())


def _reduce(kind: Callable[..., Any]) -> Operator:
    def reduce(x: list[Any], given: Attributes) -> Array:
        return np.asarray(kind(x[0], axis=_axes(x, given), keepdims=bool(given.get("keepdims", 1))), x[0].dtype)

    return reduce


def _slice(x: list[Any], given: Attributes) -> Array:
    starts, ends = x[1], x[2]
    axes = range(len(starts)) if len(x) < 4 or x[3] is None else x[3]
    steps = [1] * len(starts) if len(x) < 5 else x[4]
    cuts = [slice(None)] * x[0].ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        # An end before the first element, as a step backwards to the start needs it, is None to Python.
        end = None if step < 0 and end < -x[0].shape[axis] else int(end)
        cuts[axis] = slice(int(start), end, int(step))
    return np.asarray(x[0][tuple(cuts)])


def _split(x: list[Any], given: Attributes) -> tuple[Array, ...]:
    axis = given.get("axis", 0)
    sizes = x[1] if len(x) > 1 else given.get("split")
    if sizes is None:
        return tuple(np.split(x[0], given["num_outputs"], axis=axis))
    return tuple(np.split(x[0], np.cumsum(sizes)[:-1], axis=axis))


def _arg_max(x: list[Any], given: Attributes) -> Array:
    axis = given.get("axis", 0)
    found = x[0].argmax(axis=axis)
    return np.asarray(np.expand_dims(found, axis) if given.get("keepdims", 1) else found, np.int64)


def _along(value: Any, rank: int, axis: int) -> Any:
    """A scale or zero point as it broadcasts: one, or one for each index of `axis`."""
    return value if np.ndim(value) == 0 else np.reshape(value, [-1 if n == axis % rank else 1 for n in range(rank)])


def _quantize(x: list[Any], given: Attributes) -> Array:
    """Round half to even, then saturate."""
    axis, rank = given.get("axis", 1), x[0].ndim
    zero = x[2] if len(x) > 2 else np.zeros((), np.uint8)
    bounds = np.iinfo(zero.dtype)
    steps = np.rint(x[0] / _along(x[1], rank, axis)) + _along(zero.astype(np.int32), rank, axis)
    return np.asarray(np.clip(steps, bounds.min, bounds.max).astype(zero.dtype))


def _dequantize(x: list[Any], given: Attributes) -> Array:
    axis, rank = given.get("axis", 1), x[0].ndim
    zero = _along(x[2].astype(np.int32), rank, axis) if len(x) > 2 else 0
    return np.asarray((x[0].astype(np.int32) - zero) * _along(x[1], rank, axis), x[1].dtype)


def _hard_sigmoid(x: Array, alpha: float, beta: float) -> Array:
    return np.asarray(np.clip(alpha * x + beta, 0, 1), x.dtype)


OPERATORS: dict[str, Operator] = {
    "Abs": lambda x, _: np.abs(x[0]),
    "Add": lambda x, _: x[0] + x[1],
    "ArgMax": _arg_max,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Concat": lambda x, given: np.concatenate(x, axis=given["axis"]),
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "DequantizeLinear": _dequantize,
    "Div": lambda x, _: x[0] / x[1],
    "Elu": lambda x, given: np.where(x[0] > 0, x[0], given.get("alpha", 1.0) * np.expm1(np.minimum(x[0], 0))),
    "Exp": lambda x, _: np.exp(x[0]),
    "Flatten": lambda x, given: x[0].reshape(int(np.prod(x[0].shape[: given.get("axis", 1)])), -1),
    "Gather": lambda x, given: np.take(x[0], x[1], axis=given.get("axis", 0)),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda x, _: x[0].mean(axis=(2, 3), keepdims=True),
    "HardSigmoid": lambda x, given: _hard_sigmoid(x[0], given.get("alpha", 0.2), given.get("beta", 0.5)),
    "HardSwish": lambda x, _: x[0] * _hard_sigmoid(x[0], 1 / 6, 0.5),
    "Identity": lambda x, _: x[0],
    "LeakyRelu": lambda x, given: np.where(x[0] < 0, given.get("alpha", 0.01) * x[0], x[0]),
    "Log": lambda x, _: np.log(x[0]),
    "MatMul": lambda x, _: x[0] @ x[1],
    "Max": lambda x, _: np.maximum.reduce(x),
    "MaxPool": _max_pool,
    "Min": lambda x, _: np.minimum.reduce(x),
    "Mul": lambda x, _: x[0] * x[1],
    "Neg": lambda x, _: -x[0],
    "Pow": lambda x, _: np.power(x[0], x[1]).astype(x[0].dtype),
    "QuantizeLinear": _quantize,
    "ReduceMax": _reduce(np.max),
    "ReduceMean": _reduce(np.mean),
    "ReduceMin": _reduce(np.min),
    "ReduceSum": _reduce(np.sum),
    "Relu": lambda x, _: np.maximum(x[0], 0),
    "Reshape": _reshape,
    "Resize": _resize,
    "Shape": lambda x, _: np.array(x[0].shape, np.int64),
    "Sigmoid": lambda x, _: 1 / (1 + np.exp(-x[0])),
    "Slice": _slice,
    "Softmax": _softmax,
    "Split": _split,
    "Sqrt": lambda x, _: np.sqrt(x[0]),
    "Squeeze": lambda x, given: np.squeeze(x[0], _axes(x, given)),
    "Sub": lambda x, _: x[0] - x[1],
    "Tanh": lambda x, _: np.tanh(x[0]),
    "Transpose": lambda x, given: x[0].transpose(given.get("perm")),
    "Unsqueeze": _unsqueeze,
}
