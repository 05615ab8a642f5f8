"""The operators of ONNX in torch, differentiable.

Source of every operator: https://onnx.ai/onnx/operators/ (opset 7 to 21). An operator takes its inputs, None for one
left out, and the node's attributes. Pictures are NCHW.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from edge.errors import ModelError
from edge.tools.train.backend import Tensor, functional, torch

Attributes: TypeAlias = Mapping[str, Any]
Operator: TypeAlias = Callable[[Sequence[Any], Attributes], Tensor]


def _sides(given: Attributes, x: Tensor, kernel: Sequence[int]) -> tuple[int, int, int, int]:
    """Padding left, right, top and bottom, as torch wants it."""
    auto = given.get("auto_pad", "NOTSET")
    if auto in ("NOTSET", "VALID"):
        top, left, bottom, right = given.get("pads", (0, 0, 0, 0))
        return left, right, top, bottom
    sides = []
    steps = given.get("strides", (1, 1)), given.get("dilations", (1, 1))
    for size, k, stride, dilation in zip(x.shape[2:], kernel, *steps, strict=True):
        total = max(0, (-(-size // stride) - 1) * stride + (k - 1) * dilation + 1 - size)
        small = total // 2
        sides.append((small, total - small) if auto == "SAME_UPPER" else (total - small, small))
    return (*sides[1], *sides[0])


def _padded(given: Attributes, x: Tensor, kernel: Sequence[int], fill: float) -> tuple[Tensor, tuple[int, int]]:
    """The picture, and what the operator itself may pad of it: the same above and below, left and right."""
    left, right, top, bottom = _sides(given, x, kernel)
    if left == right and top == bottom and fill == 0.0:
        return x, (top, left)
    return functional().pad(x, (left, right, top, bottom), value=fill), (0, 0)


def _two(x: Sequence[Any], op: str) -> None:
    if x[0].ndim != 4:
        raise ModelError(f"{op} on {x[0].ndim - 2} spatial axes: only pictures of two are trained")


def _bias(x: Sequence[Any]) -> Tensor | None:
    return x[2] if len(x) > 2 else None


def _conv(x: Sequence[Any], given: Attributes) -> Tensor:
    _two(x, "Conv")
    weight = x[1].contiguous(memory_format=torch().channels_last)
    picture, pads = _padded(given, x[0], weight.shape[2:], 0.0)
    strides, dilations = tuple(given.get("strides", (1, 1))), tuple(given.get("dilations", (1, 1)))
    if weight.shape[1] * given.get("group", 1) == 1 and dilations == (1, 1):
        return _conv_of_one(functional().pad(picture, (pads[1], pads[1], *pads[:1] * 2)), weight, _bias(x), strides)
    return functional().conv2d(picture, weight, _bias(x), strides, pads, dilations, given.get("group", 1))


def _conv_of_one(picture: Tensor, weight: Tensor, bias: Tensor | None, strides: tuple[int, int]) -> Tensor:
    """A convolution of one channel as one product of matrices, several times as fast as torch's own."""
    tall, wide = weight.shape[2:]
    views = picture[:, 0].unfold(1, tall, strides[0]).unfold(2, wide, strides[1])
    made = functional().linear(views.reshape(-1, tall * wide), weight.reshape(-1, tall * wide), bias)
    return made.view(*views.shape[:3], -1).permute(0, 3, 1, 2)


def _conv_transpose(x: Sequence[Any], given: Attributes) -> Tensor:
    _two(x, "ConvTranspose")
    top, left, bottom, right = given.get("pads", (0, 0, 0, 0))
    if "output_shape" in given or (top, left) != (bottom, right) or given.get("auto_pad", "NOTSET") != "NOTSET":
        raise ModelError("ConvTranspose with output_shape, auto_pad or uneven pads cannot be trained")
    steps = (tuple(given.get("strides", (1, 1))), (top, left), tuple(given.get("output_padding", (0, 0))))
    dilations = tuple(given.get("dilations", (1, 1)))
    return functional().conv_transpose2d(x[0], x[1], _bias(x), *steps, given.get("group", 1), dilations)


def _gemm(x: Sequence[Any], given: Attributes) -> Tensor:
    a = x[0].T if given.get("transA") else x[0]
    b = x[1] if given.get("transB") else x[1].T
    alpha, beta = given.get("alpha", 1.0), given.get("beta", 1.0)
    bias = _bias(x)
    if alpha == 1.0 and beta == 1.0 and (bias is None or bias.ndim == 1):
        return functional().linear(a, b, bias)
    made = alpha * functional().linear(a, b)
    return made if bias is None else made + beta * bias


def _clip(x: Sequence[Any], given: Attributes) -> Tensor:
    low = x[1] if len(x) > 1 else given.get("min")
    high = x[2] if len(x) > 2 else given.get("max")
    return x[0] if low is None and high is None else torch().clamp(x[0], low, high)


def _max_pool(x: Sequence[Any], given: Attributes) -> Tensor:
    _two(x, "MaxPool")
    kernel = given["kernel_shape"]
    picture, _ = _padded(given, x[0], kernel, float("-inf") if any(_sides(given, x[0], kernel)) else 0.0)
    steps = (tuple(given.get("strides", (1, 1))), 0, tuple(given.get("dilations", (1, 1))))
    return functional().max_pool2d(picture, tuple(kernel), *steps, bool(given.get("ceil_mode", 0)))


def _average_pool(x: Sequence[Any], given: Attributes) -> Tensor:
    _two(x, "AveragePool")
    kernel, counted = tuple(given["kernel_shape"]), bool(given.get("count_include_pad", 0))
    left, right, top, bottom = _sides(given, x[0], kernel)
    if given.get("ceil_mode") or any(step != 1 for step in given.get("dilations", ())):
        raise ModelError("AveragePool with ceil_mode or dilations cannot be trained")
    if left != right or top != bottom:
        raise ModelError("AveragePool with uneven padding cannot be trained")
    strides = tuple(given.get("strides", (1, 1)))
    return functional().avg_pool2d(x[0], kernel, strides, (top, left), count_include_pad=counted)


def _batch_norm(x: Sequence[Any], given: Attributes) -> Tensor:
    scale, bias, mean, variance = (value.reshape(-1, *[1] * (x[0].ndim - 2)) for value in x[1:5])
    return (x[0] - mean) / torch().sqrt(variance + given.get("epsilon", 1e-5)) * scale + bias


def _flatten(x: Sequence[Any], given: Attributes) -> Tensor:
    axis = given.get("axis", 1) % (x[0].ndim + 1)
    first = 1
    for size in x[0].shape[:axis]:
        first *= size
    return x[0].reshape(first, -1) if x[0].numel() else x[0].reshape(first, 0)


def _reshape(x: Sequence[Any], given: Attributes) -> Tensor:
    want = [int(size) for size in x[1]]
    if want and want[0] == 1:  # exported for a batch of one
        want[0] = 0
    return x[0].reshape([x[0].shape[axis] if size == 0 else size for axis, size in enumerate(want)])


def _transpose(x: Sequence[Any], given: Attributes) -> Tensor:
    return x[0].permute(tuple(given.get("perm", range(x[0].ndim)[::-1])))


TABLE: Mapping[str, Operator] = {
    "Add": lambda x, given: x[0] + x[1],
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Concat": lambda x, given: torch().cat(list(x), dim=given["axis"]),
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "Dropout": lambda x, given: x[0],
    "Flatten": _flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": lambda x, given: x[0].mean(dim=tuple(range(2, x[0].ndim)), keepdim=True),
    "Identity": lambda x, given: x[0],
    "LeakyRelu": lambda x, given: functional().leaky_relu(x[0], given.get("alpha", 0.01)),
    "MatMul": lambda x, given: x[0] @ x[1],
    "MaxPool": _max_pool,
    "Mul": lambda x, given: x[0] * x[1],
    "Relu": lambda x, given: functional().relu(x[0]),
    "Reshape": _reshape,
    "Sigmoid": lambda x, given: torch().sigmoid(x[0]),
    "Softmax": lambda x, given: functional().softmax(x[0], dim=given.get("axis", -1)),
    "Sub": lambda x, given: x[0] - x[1],
    "Tanh": lambda x, given: torch().tanh(x[0]),
    "Transpose": _transpose,
}
"""What can be trained through. Dropout passes on what it gets, as it does where a model runs."""
