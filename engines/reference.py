"""The oracle: small ONNX graphs computed by NumPy in the plainest way, for tests to hold the real engines against.

Slow and far from complete on purpose. Source of every operator: https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import (
    EngineOptions,
    Feed,
    TensorSpec,
    Unsupported,
    check_feed,
    fits,
    need,
    one_line,
    plain_buffer,
)
from edge.errors import EngineError, FeedError, MissingError, ModelError

INSTALL = "pip install 'edge-runtime[tools]'"
Array: TypeAlias = NDArray[Any]
Attributes: TypeAlias = Mapping[str, Any]
Operator: TypeAlias = Callable[[list[Array], Attributes], Array]


class Reference:
    """One parsed graph, its nodes in order."""

    name = "reference"

    def __init__(self, graph: Any, options: EngineOptions) -> None:
        onnx = need("onnx", INSTALL)
        self._weights: dict[str, Array] = {w.name: onnx.numpy_helper.to_array(w) for w in graph.initializer}
        dtypes = onnx.helper.tensor_dtype_to_np_dtype
        given = [node for node in graph.input if node.name not in self._weights]
        self.inputs = tuple(_spec(node, dtypes, options.inputs.get(node.name)) for node in given)
        self.outputs = tuple(_spec(node, dtypes, None) for node in graph.output)
        self._steps = [_step(node, onnx.helper.get_attribute_value) for node in graph.node]

    def run(self, feed: Feed) -> dict[str, Array]:
        """Infer once, node by node."""
        wrong = check_feed(self.inputs, feed)
        if wrong:
            raise FeedError(f"reference: {wrong}")
        values: dict[str, Array] = {**self._weights, **feed}
        try:
            for operator, sources, attributes, target in self._steps:
                values[target] = operator([values[source] for source in sources], attributes)
            return {spec.name: np.array(values[spec.name]) for spec in self.outputs}
        except (ValueError, KeyError, IndexError, TypeError) as fault:
            raise EngineError(f"reference: {one_line(fault)}") from fault

    def buffer(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """Plain memory: `run` reads it where it is."""
        return plain_buffer(self.inputs, name, shape)

    def bare(self, feed: Feed) -> Callable[[], object]:
        """The same as `run`: there is nothing below it."""
        return lambda: self.run(feed)

    def close(self) -> None:
        """Drop the graph."""
        self._steps = []
        self._weights = {}


def devices(options: EngineOptions) -> tuple[str, ...]:
    """The CPU, where the `onnx` package is here to parse with."""
    need("onnx", INSTALL)
    return ("CPU",)


def load(model: Path, options: EngineOptions) -> Reference:
    """Parse and check an ONNX file."""
    onnx = need("onnx", INSTALL)
    if options.device not in (None, "CPU"):
        raise MissingError(f"reference has no device {options.device} here; it has CPU")
    decode_error = need("google.protobuf.message", INSTALL).DecodeError
    try:
        parsed = onnx.load(str(model))
        onnx.checker.check_model(parsed)
    except (decode_error, onnx.checker.ValidationError, ValueError, OSError) as fault:
        raise ModelError(f"{model}: not a model that reference can read: {one_line(fault)}") from None
    unknown = sorted({node.op_type for node in parsed.graph.node} - OPERATORS.keys())
    if unknown:
        raise Unsupported(f"reference has no operator {', '.join(unknown)}")
    return Reference(parsed.graph, options)


def _step(node: Any, value: Callable[[Any], Any]) -> tuple[Operator, list[str], Attributes, str]:
    return OPERATORS[node.op_type], list(node.input), {a.name: value(a) for a in node.attribute}, node.output[0]


def _spec(node: Any, dtypes: Callable[[int], Any], given: tuple[int | None, ...] | None) -> TensorSpec:
    kind = node.type.tensor_type
    shape = tuple(d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim)
    return TensorSpec(
        node.name, given if given and fits(shape, given) else shape, np.dtype(dtypes(kind.elem_type)).name
    )


def _windows(x: Array, size: list[int], given: Attributes, fill: float) -> Array:
    """Sliding windows of an NCHW tensor, (n, c, h, w, kernel h, kernel w), after padding with `fill`."""
    top, left, bottom, right = given.get("pads", [0, 0, 0, 0])
    (dy, dx), (sy, sx) = given.get("dilations", [1, 1]), given.get("strides", [1, 1])
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    reach = ((size[0] - 1) * dy + 1, (size[1] - 1) * dx + 1)
    views = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(2, 3))
    return views[:, :, ::sy, ::sx, ::dy, ::dx]


def _conv(x: list[Array], given: Attributes) -> Array:
    picture, weights = x[0], x[1]
    groups = given.get("group", 1)
    views = _windows(picture, list(weights.shape[2:]), given, 0.0)
    parts = [
        np.einsum("nchwyx,ocyx->nohw", v, w)
        for v, w in zip(np.split(views, groups, axis=1), np.split(weights, groups), strict=True)
    ]
    bias = x[2][:, None, None] if len(x) > 2 else 0
    return np.asarray(np.concatenate(parts, axis=1) + bias, picture.dtype)


def _max_pool(x: list[Array], given: Attributes) -> Array:
    return np.asarray(_windows(x[0], given["kernel_shape"], given, -np.inf).max(axis=(4, 5)), x[0].dtype)


def _gemm(x: list[Array], given: Attributes) -> Array:
    a, b = (x[0].T if given.get("transA") else x[0]), (x[1].T if given.get("transB") else x[1])
    rest = given.get("beta", 1.0) * x[2] if len(x) > 2 else 0
    return np.asarray(given.get("alpha", 1.0) * (a @ b) + rest, x[0].dtype)


def _reshape(x: list[Array], given: Attributes) -> Array:
    shape = [old if new == 0 else int(new) for new, old in zip(x[1], [*x[0].shape, *[0] * len(x[1])], strict=False)]
    return x[0].reshape(shape)


def _softmax(x: list[Array], given: Attributes) -> Array:
    axis = given.get("axis", -1)
    raised = np.exp(x[0] - x[0].max(axis=axis, keepdims=True))
    return np.asarray(raised / raised.sum(axis=axis, keepdims=True))


def _clip(x: list[Array], given: Attributes) -> Array:
    return np.asarray(np.clip(x[0], x[1] if len(x) > 1 else None, x[2] if len(x) > 2 else None))


OPERATORS: dict[str, Operator] = {
    "Add": lambda x, _: x[0] + x[1],
    "Clip": _clip,
    "Concat": lambda x, given: np.concatenate(x, axis=given["axis"]),
    "Conv": _conv,
    "Div": lambda x, _: x[0] / x[1],
    "Exp": lambda x, _: np.exp(x[0]),
    "Flatten": lambda x, given: x[0].reshape(int(np.prod(x[0].shape[: given.get("axis", 1)])), -1),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda x, _: x[0].mean(axis=(2, 3), keepdims=True),
    "Identity": lambda x, _: x[0],
    "MatMul": lambda x, _: x[0] @ x[1],
    "MaxPool": _max_pool,
    "Mul": lambda x, _: x[0] * x[1],
    "Relu": lambda x, _: np.maximum(x[0], 0),
    "Reshape": _reshape,
    "Sigmoid": lambda x, _: 1 / (1 + np.exp(-x[0])),
    "Softmax": _softmax,
    "Sub": lambda x, _: x[0] - x[1],
    "Tanh": lambda x, _: np.tanh(x[0]),
    "Transpose": lambda x, given: x[0].transpose(given.get("perm")),
}
