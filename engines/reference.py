"""The oracle: small ONNX graphs computed by NumPy in the plainest way, for tests to hold the real engines against.

Slow and far from complete on purpose; its operators are in `reference_ops`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import (
    EngineOptions,
    Feed,
    ModelFile,
    TensorSpec,
    Unpacked,
    Unsupported,
    check_feed,
    fits,
    need,
    one_line,
    path_of,
    plain_buffer,
)
from edge.engines.reference_ops import OPERATORS, Array, Attributes, Operator
from edge.errors import EngineError, FeedError, MissingError, ModelError

INSTALL = "pip install 'edge-runtime[tools]'"
FAULTS = (ValueError, LookupError, TypeError, ArithmeticError, AttributeError)
"""What NumPy and a graph that is none for these inputs raise."""


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
        self._steps = [_step(node, onnx) for node in graph.node]

    def run(self, feed: Feed) -> dict[str, Array]:
        """Infer once, node by node."""
        wrong = check_feed(self.inputs, feed)
        if wrong:
            raise FeedError(f"reference: {wrong}")
        values: dict[str, Any] = {"": None, **self._weights, **feed}
        try:
            for operator, sources, attributes, targets in self._steps:
                made = operator([values[source] for source in sources], attributes)
                values.update(zip(targets, made if isinstance(made, tuple) else (made,), strict=True))
            return {spec.name: np.array(values[spec.name]) for spec in self.outputs}
        except FAULTS as fault:
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


def load(model: ModelFile, options: EngineOptions) -> Reference:
    """Parse and check an ONNX file."""
    onnx = need("onnx", INSTALL)
    if options.device not in (None, "CPU"):
        raise MissingError(f"reference has no device {options.device} here; it has CPU")
    if options.precision != "f32":
        raise MissingError(f"reference computes in the precision of the file, not in {options.precision}")
    decode_error = need("google.protobuf.message", INSTALL).DecodeError
    try:
        parsed = onnx.load_from_string(model.plain()) if isinstance(model, Unpacked) else onnx.load(str(model))
        onnx.checker.check_model(parsed)
    except (decode_error, onnx.checker.ValidationError, ValueError, OSError) as fault:
        raise ModelError(f"{path_of(model)}: not a model that reference can read: {one_line(fault)}") from None
    unknown = sorted({node.op_type for node in parsed.graph.node} - OPERATORS.keys() - {"Constant", "Cast"})
    if unknown:
        raise Unsupported(f"reference has no operator {', '.join(unknown)}")
    try:
        return Reference(parsed.graph, options)
    except FAULTS as fault:
        raise ModelError(f"{path_of(model)}: not a model that reference can read: {one_line(fault)}") from None


def _step(node: Any, onnx: Any) -> tuple[Operator, list[str], Attributes, list[str]]:
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    attributes.setdefault("num_outputs", len(node.output))
    if node.op_type == "Constant":
        value = onnx.numpy_helper.to_array(attributes["value"])
        return lambda x, given: value, [], attributes, list(node.output)
    if node.op_type == "Cast":
        dtype = onnx.helper.tensor_dtype_to_np_dtype(attributes["to"])
        return lambda x, given: x[0].astype(dtype), list(node.input), attributes, list(node.output)
    return OPERATORS[node.op_type], list(node.input), attributes, list(node.output)


def _spec(node: Any, dtypes: Callable[[int], Any], given: tuple[int | None, ...] | None) -> TensorSpec:
    kind = node.type.tensor_type
    shape = tuple(d.dim_value if d.HasField("dim_value") else None for d in kind.shape.dim)
    return TensorSpec(
        node.name, given if given and fits(shape, given) else shape, np.dtype(dtypes(kind.elem_type)).name
    )
