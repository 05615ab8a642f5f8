"""An ONNX graph run in torch, its floating-point initializers as parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import need, one_line
from edge.errors import ModelError
from edge.tools import graph
from edge.tools.train.backend import Tensor, torch
from edge.tools.train.operators import TABLE

WEIGHED = {"Conv": (1, 2), "ConvTranspose": (1, 2), "Gemm": (1, 2), "MatMul": (0, 1)}
"""Where an operator takes the weights and biases that can be pruned."""
STATISTICS = slice(3, 5)
"""Of BatchNormalization's inputs: mean and variance, which no gradient should move."""


@dataclass(frozen=True, slots=True)
class Node:
    """A step of the graph; an input left out is an empty name."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Net:
    """A graph that torch can run and differentiate.

    inputs, outputs: names; initializers are no inputs
    nodes: in an order in which each finds what it needs
    weights: float32 initial values of what is trained, by initializer
    constants: everything else that the graph holds
    prunable: of `weights`, those of convolutions and matrix products, biases among them, in the graph's order
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[Node, ...]
    weights: Mapping[str, NDArray[np.float32]]
    constants: Mapping[str, Tensor]
    prunable: tuple[str, ...]

    def run(self, feed: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The graph's outputs by name, differentiable by `weights`.

        Args:
            feed: a float32 tensor an input, first axis the batch.
            weights: a tensor for each of `self.weights`, its shape.

        Raises:
            ModelError: the graph and its input do not fit one another, or an operator is used in a way not known here.
        """
        values: dict[str, Tensor] = {"": None, **self.constants, **weights, **feed}
        for node in self.nodes:
            try:
                made = TABLE[node.op]([values[name] for name in node.inputs], node.attributes)
            except (RuntimeError, ValueError, IndexError, KeyError) as fault:
                where = f"{node.op} `{node.outputs[0]}`"
                raise ModelError(f"{where} cannot be run in torch: {one_line(fault)}") from None
            values[node.outputs[0]] = made
        return {name: values[name] for name in self.outputs}


def read_net(model: Any) -> Net:
    """The graph of an onnx.ModelProto as `edge.tools.graph.load` gives it, which is not changed.

    Raises:
        ModelError: it has an operator that is not in `operators.TABLE`, or nothing to train.
        MissingError: the packages onnx or torch are not here.
    """
    onnx = need("onnx", graph.INSTALL)
    tensors = {held.name: onnx.numpy_helper.to_array(held) for held in model.graph.initializer}
    nodes: list[Node] = []
    for node in model.graph.node:
        if not _known(node):
            raise ModelError(f"the operator {node.op_type} cannot be trained; those that can: {', '.join(TABLE)}")
        nodes.append(Node(node.op_type, tuple(node.input), tuple(node.output), graph.attributes(node)))
    trained = _trained(nodes, tensors)
    prunable = _prunable(nodes, trained)
    if not prunable:
        raise ModelError("the model has no floating-point weights of Conv, ConvTranspose, Gemm or MatMul to train")
    return Net(
        tuple(value.name for value in model.graph.input if value.name not in tensors),
        tuple(value.name for value in model.graph.output),
        tuple(nodes),
        {name: np.array(tensors[name], np.float32) for name in trained},
        {name: torch().from_numpy(np.array(tensors[name])) for name in tensors if name not in trained},
        prunable,
    )


def untrained(model: Any) -> tuple[str, ...]:
    """The operators of an onnx.ModelProto that torch does not run here, each once, in the graph's order."""
    return tuple(dict.fromkeys(node.op_type for node in model.graph.node if not _known(node)))


def _known(node: Any) -> bool:
    return node.op_type in TABLE and node.domain in ("", "ai.onnx")


def _trained(nodes: list[Node], tensors: Mapping[str, NDArray[Any]]) -> list[str]:
    """Floating-point initializers, but for the statistics of a normalization."""
    fixed = {name for node in nodes if node.op == "BatchNormalization" for name in node.inputs[STATISTICS]}
    used = {name for node in nodes for name in node.inputs}
    floats = (name for name, value in tensors.items() if value.dtype in (np.float32, np.float16))
    return [name for name in floats if name in used - fixed]


def _prunable(nodes: list[Node], trained: list[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for node in nodes:
        for place in WEIGHED.get(node.op, ()):
            if place < len(node.inputs) and node.inputs[place] in trained:
                found[node.inputs[place]] = None
    return tuple(found)
