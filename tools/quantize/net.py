"""A model as quantization works on it: a copy of its graph with its constants, its layers and who feeds whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import need
from edge.tools.graph import INSTALL, LAYERS, attributes, captured, consumers, load, name_nodes, producers, to_bytes

if TYPE_CHECKING:
    from onnx import GraphProto, ModelProto, NodeProto


@dataclass(frozen=True, slots=True)
class Layer:
    """A node with constant weights.

    name: of its first output's tensor
    data: the tensor that it is fed
    weight, bias: initializers; the bias may be absent
    axis: of the weight's output channels
    group: of a convolution, 1 for others
    """

    name: str
    node: NodeProto
    data: str
    weight: str
    bias: str | None
    axis: int
    group: int


class Net:
    """A copy of a model that may be changed; opset 13 at least, no Constant nodes, no initializer an input.

    values: initializers as arrays; what is put there is written back by `model`
    made_by, used_by: the node that makes a tensor, and those that take it; as they were when `wire` was last called
    """

    def __init__(self, model: ModelProto) -> None:
        """Raises ModelError where the model is broken or its opset cannot be raised."""
        self._model = load(to_bytes(model))
        self.values: dict[str, NDArray[Any]] = {
            tensor.name: self.numpy_helper.to_array(tensor) for tensor in self.graph.initializer
        }
        self.inputs = tuple(value.name for value in self.graph.input)
        self.outputs = tuple(value.name for value in self.graph.output)
        self.wire()

    @property
    def graph(self) -> GraphProto:
        """The graph, whose nodes may be changed."""
        return self._model.graph

    @property
    def numpy_helper(self) -> Any:
        """Arrays to tensors and back."""
        return need("onnx", INSTALL).numpy_helper

    def copy(self) -> Net:
        """Another one, independent of this one."""
        made = Net.__new__(Net)
        made._model = type(self._model)()
        made._model.CopyFrom(self._model)
        made.values, made.inputs, made.outputs = dict(self.values), self.inputs, self.outputs
        made.wire()
        return made

    def wire(self) -> None:
        """Look again who makes and takes what, after nodes were changed."""
        self.made_by = producers(self._model)
        self.used_by = consumers(self._model)
        self._taken = {*self.values, *self.inputs, *self.made_by, *captured(self._model)}

    def free(self, name: str) -> str:
        """This name for a new tensor, or one like it that nothing has yet."""
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def model(self) -> ModelProto:
        """The model as it is now, without initializers that no node takes."""
        made: ModelProto = type(self._model)()
        made.CopyFrom(self._model)
        name_nodes(made, anew=True)  # what made a tensor may have got another output, and a new node this one
        taken = {name for node in made.graph.node for name in node.input} | set(self.outputs)
        taken |= captured(made)
        del made.graph.initializer[:]
        made.graph.initializer.extend(
            self.numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
            for name, array in self.values.items()
            if name in taken
        )
        return made

    def node(self, kind: str, inputs: list[str], outputs: list[str], **attributes: object) -> NodeProto:
        """A new node, not yet in the graph."""
        made: NodeProto = need("onnx", INSTALL).helper.make_node(kind, inputs, outputs, **attributes)
        return made

    def set_nodes(self, nodes: list[NodeProto]) -> None:
        """Replace all nodes, in an order in which each comes after those that feed it."""
        copies = [type(node).FromString(node.SerializeToString()) for node in nodes]
        del self.graph.node[:]
        self.graph.node.extend(copies)
        self.wire()

    def layers(self) -> list[Layer]:
        """Nodes with constant float weights, in the graph's order."""
        return list(self._layers())

    def _layers(self) -> Iterator[Layer]:
        for node in self.graph.node:
            if node.op_type not in LAYERS or node.domain not in ("", "ai.onnx"):
                continue
            array = self.values.get(node.input[1])
            if array is None or array.dtype != np.float32 or array.ndim < 2:
                continue
            bias = node.input[2] if len(node.input) > 2 and node.input[2] else None
            if not self._plain(node, array, bias):
                continue
            yield Layer(
                node.output[0],
                node,
                node.input[0],
                node.input[1],
                bias,
                _axis(node),
                attributes(node).get("group", 1),
            )

    def _plain(self, node: NodeProto, weight: NDArray[Any], bias: str | None) -> bool:
        """Whether it is a product of a matrix with constant weights, and a bias for each output channel or none."""
        if node.op_type in ("MatMul", "Gemm") and weight.ndim != 2:
            return False
        say = attributes(node)
        if any(say.get(name, usual) != usual for name, usual in (("alpha", 1.0), ("beta", 1.0), ("transA", 0))):
            return False
        return bias is None or (bias in self.values and self.values[bias].ndim == 1 and self.values[bias].size > 1)


def prepared(model: ModelProto) -> Net:
    """A net with its batch norms folded into the convolutions before them."""
    net = Net(model)
    left: list[NodeProto] = []
    for node in net.graph.node:
        before = net.made_by.get(node.input[0]) if node.op_type == "BatchNormalization" else None
        if before is None or not _fold(net, before, node):
            left.append(node)
    net.set_nodes(left)
    return net


def _axis(node: NodeProto) -> int:
    if node.op_type == "Gemm":
        return 0 if attributes(node).get("transB", 0) else 1
    return 0 if node.op_type == "Conv" else 1


def _fold(net: Net, conv: NodeProto, norm: NodeProto) -> bool:
    """y = gain * (conv(x) - mean) + shift, with gain and shift moved into the convolution's weights and bias."""
    alone = len(net.used_by.get(conv.output[0], ())) == 1 and conv.output[0] not in net.outputs
    own = all(len(net.used_by.get(name, ())) == 1 for name in conv.input[1:] if name)
    constant = all(name in net.values for name in (*conv.input[1:], *norm.input[1:]) if name)
    if conv.op_type != "Conv" or not (alone and own and constant):
        return False
    scale, shift, mean, variance = (net.values[name].astype(np.float64) for name in norm.input[1:5])
    gain = scale / np.sqrt(variance + attributes(norm).get("epsilon", 1e-5))
    weight = net.values[conv.input[1]]
    bias = net.values[conv.input[2]] if len(conv.input) > 2 and conv.input[2] else np.zeros(len(weight), np.float32)
    net.values[conv.input[1]] = (weight * gain.reshape(-1, *[1] * (weight.ndim - 1))).astype(np.float32)
    name = net.free(f"{conv.input[1]}_bias")
    net.values[name] = ((bias - mean) * gain + shift).astype(np.float32)
    del conv.input[2:]
    conv.input.append(name)
    conv.output[0] = norm.output[0]
    return True
