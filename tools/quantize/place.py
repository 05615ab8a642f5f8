"""Which tensors become integers, and which of them share a grid.

ONNX Runtime computes a node in integers when DequantizeLinear stands before all of its inputs and QuantizeLinear behind
its output, and drops a ReLU before a QuantizeLinear that cuts off below 0 (its `qdq_transformer`). So integers are
wanted around every node that it has an integer kernel for, as long as they reach a layer. OpenVINO fuses what follows a
layer into it, in floats, and takes integers at layers' inputs alone; it moves them back through pooling and
concatenation by itself once the grids agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.tools.graph import PRODUCTS, attributes
from edge.tools.quantize.net import Layer, Net
from edge.tools.quantize.plan import Plan

if TYPE_CHECKING:
    from onnx import NodeProto

SAME = ("MaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Slice", "Resize", "Identity")
"""Nodes whose output has the very values of their input, and so its grid."""
FUSED = ("Relu", "Clip")
"""Nodes that are but a bound of the grid behind them."""
MATH = ("Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "Sigmoid", "LeakyRelu")
"""Nodes with integer kernels in ONNX Runtime whose grids differ."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What becomes integer.

    layers: that compute in integers
    tensors: those that get a QuantizeLinear and a DequantizeLinear; a group of them shares its grid, and is named by
        its first tensor
    """

    layers: tuple[Layer, ...]
    tensors: dict[str, str]


def place(net: Net, plan: Plan, outside: frozenset[str], near: Callable[[str, str], bool]) -> Placement:
    """Choose.

    Args:
        outside: outputs of the nodes that stay float.
        near: whether two tensors span so much alike that the inputs of a Concat may share a grid.
    """
    layers = [
        layer
        for layer in net.layers()
        if layer.node.op_type in PRODUCTS and layer.name not in outside | plan.keep_float
    ]
    groups = _Groups()
    if plan.target in ("openvino", "tensorrt"):
        for layer in layers:
            _back(net, layer.data, groups)
    else:
        _around(net, layers, outside | plan.keep_float, groups, near)
    return Placement(tuple(layers), groups.named())


def _back(net: Net, tensor: str, groups: _Groups) -> None:
    """Want integers at a tensor, or before the nodes that only move values to it; they share a grid."""
    left, first = [tensor], ""
    while left:
        name = left.pop()
        node = net.made_by.get(name)
        if node is not None and _moves(net, node):
            left += reversed(node.input if node.op_type == "Concat" else node.input[:1])
        else:
            first = first or name
            groups.join(first, name)


def _moves(net: Net, node: NodeProto) -> bool:
    if node.op_type == "Concat":
        return all(name not in net.values for name in node.input)
    return node.op_type in SAME and _exact(node)


def _exact(node: NodeProto) -> bool:
    return node.op_type != "Resize" or attributes(node).get("mode", "nearest") == "nearest"


def _around(
    net: Net, layers: list[Layer], outside: frozenset[str], groups: _Groups, near: Callable[[str, str], bool]
) -> None:
    integer = _integer_nodes(net, {layer.name for layer in layers}, outside)
    for node in net.graph.node:
        if node.output[0] not in integer:
            continue
        sources = [name for name in node.input if name and name not in net.values]
        if node.op_type in (*PRODUCTS, *SAME):
            sources = sources[:1]
        target = _bounded(net, node)
        for name in (*sources, target):
            groups.add(name)
        if node.op_type in SAME:
            groups.join(sources[0], target)
    # Afterwards, since a tensor's neighbours in other nodes have then been joined to it.
    for node in net.graph.node:
        if node.op_type == "Concat" and node.output[0] in integer:
            for name in node.input:
                if near(name, node.output[0]):
                    groups.join(name, node.output[0])


def _integer_nodes(net: Net, layers: set[str], outside: frozenset[str]) -> set[str]:
    """First outputs of the nodes to compute in integers: layers, and what lies between them."""
    able = set(net.inputs)
    integer = set()
    for node in net.graph.node:
        name = node.output[0]
        sources = [source for source in node.input if source and source not in net.values]
        if name in layers:
            integer.add(name)
        elif name in outside or not sources or len(node.output) > 1:
            continue
        elif node.op_type in SAME and _exact(node):
            if sources[0] not in able:
                continue
            integer.add(name)
        elif node.op_type in MATH:
            if not all(source in able for source in sources) or len(sources) < len([i for i in node.input if i]):
                continue
            integer.add(name)
        else:
            continue
        able.add(_bounded(net, node))
    return _reaching(net, integer, layers)


def _reaching(net: Net, integer: set[str], layers: set[str]) -> set[str]:
    """Without the nodes behind which no layer computes in integers: floats are exact and there."""
    wanted: set[str] = set()
    for node in reversed(net.graph.node):
        name = node.output[0]
        if name not in integer:
            continue
        takers = [taker.output[0] for taker in net.used_by.get(_bounded(net, node), ())]
        if name in layers or any(taker in wanted for taker in takers):
            wanted.add(name)
    return wanted


def _bounded(net: Net, node: NodeProto) -> str:
    """Where a node's integers come out: behind the ReLU that is its only taker, if any."""
    name: str = node.output[0]
    takers = net.used_by.get(name, ())
    if len(takers) == 1 and takers[0].op_type in FUSED and name not in net.outputs and node.op_type not in SAME:
        return str(takers[0].output[0])
    return name


class _Groups:
    """Disjoint sets of tensors, in the order in which they came."""

    def __init__(self) -> None:
        self._root: dict[str, str] = {}

    def add(self, name: str) -> None:
        self._root.setdefault(name, name)

    def join(self, a: str, b: str) -> None:
        self.add(a)
        self.add(b)
        self._root[self._find(b)] = self._find(a)

    def named(self) -> dict[str, str]:
        return {name: self._find(name) for name in self._root}

    def _find(self, name: str) -> str:
        while self._root[name] != name:
            name = self._root[name]
        return name
