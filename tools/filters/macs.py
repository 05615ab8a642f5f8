"""Multiply-accumulates and parameters of each layer of a graph."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.errors import ModelError
from edge.tools.filters.net import Shape, shapes_of
from edge.tools.graph import LAYERS, attributes

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer that multiplies.

    name: of the tensor that it makes
    node: index in the main graph
    macs: multiply-accumulates for one sample
    parameters: values of its constant weight and bias
    """

    name: str
    operator: str
    node: int
    macs: int
    parameters: int


def layers(model: ModelProto) -> tuple[Layer, ...]:
    """All convolutions and matrix products of the main graph, in its order.

    An open batch size counts as one. Elementwise operators and pooling are not counted, as is usual.

    Raises:
        ModelError: a size other than the batch is open.
    """
    shapes = shapes_of(model)
    sizes = {tensor.name: math.prod(tensor.dims) for tensor in model.graph.initializer}
    found = []
    for index, node in enumerate(model.graph.node):
        if node.op_type in LAYERS and node.domain in ("", "ai.onnx"):
            held = sum(sizes.get(name, 0) for name in node.input[1:])
            found.append(Layer(node.output[0], node.op_type, index, _macs(node, shapes), held))
    return tuple(found)


def total_macs(of: Sequence[Layer]) -> int:
    """The sum over layers."""
    return sum(layer.macs for layer in of)


def parameters(model: ModelProto) -> int:
    """All values of float constants."""
    floats = (model.graph.initializer[0].FLOAT, 10, 11, 16) if model.graph.initializer else ()
    return sum(math.prod(tensor.dims) for tensor in model.graph.initializer if tensor.data_type in floats)


def _macs(node: NodeProto, shapes: dict[str, Shape]) -> int:
    given, weight, made = (_sizes(name, shapes) for name in (node.input[0], node.input[1], node.output[0]))
    if node.op_type == "Conv":
        return math.prod(made) * math.prod(weight[1:])
    if node.op_type == "ConvTranspose":
        return math.prod(given) * math.prod(weight[1:])
    if node.op_type == "Gemm" and attributes(node).get("transA", 0):
        return math.prod(made) * given[0]
    return math.prod(made) * given[-1]


def _sizes(name: str, shapes: dict[str, Shape]) -> tuple[int, ...]:
    shape = shapes.get(name)
    if shape is None or None in shape[1:]:
        raise ModelError(f"{name}: its size is open, so its work cannot be counted; fix the size of the model's input")
    return tuple(1 if size is None else size for size in shape)
