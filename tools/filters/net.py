"""An ONNX graph in the form that channels are followed through."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import need
from edge.tools.graph import INSTALL, LAYERS, attributes, captured, inferred

if TYPE_CHECKING:
    from onnx import AttributeProto, ModelProto, NodeProto

Shape = tuple[int | None, ...]
ADDED = "/bias0"
"""What the names of biases end on that were added, all zero."""
COPIED = "/use"
"""What stands before the number of a further user in the name of a constant that was copied for it."""


@dataclass(frozen=True, slots=True)
class Net:
    """A model and what is known of its tensors.

    model: own copy; every constant but a weight has one user, every Conv and Gemm a bias, every Split its sizes
    shapes: of tensors; None for a size that is not known; a tensor without an entry has no known rank
    constants: the initializers
    captured: tensors that sub-graphs read
    """

    model: ModelProto
    shapes: dict[str, Shape]
    constants: dict[str, NDArray[Any]]
    captured: frozenset[str]

    @property
    def nodes(self) -> list[NodeProto]:
        """The nodes of the main graph, in its order."""
        return list(self.model.graph.node)


def net_of(model: ModelProto) -> Net:
    """Bring a model, as `edge.tools.graph.load` gives it, into that form; the model itself stays as it is."""
    made = type(model)()
    made.CopyFrom(model)
    shapes = shapes_of(made)
    _add_biases(made)
    _add_split_sizes(made, shapes)
    _own_constants(made)
    return Net(made, shapes_of(made), constants_of(made), captured(made))


def shapes_of(model: ModelProto) -> dict[str, Shape]:
    """The shapes of all tensors, initializers among them, as far as they follow from the graph."""
    found: dict[str, Shape] = {}
    graph = inferred(model).graph
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.type.tensor_type.HasField("shape"):
            dims = value.type.tensor_type.shape.dim
            found[value.name] = tuple(d.dim_value if d.HasField("dim_value") else None for d in dims)
    for tensor in graph.initializer:
        found[tensor.name] = tuple(tensor.dims)
    return found


def constants_of(model: ModelProto) -> dict[str, NDArray[Any]]:
    """The values of all initializers by name."""
    to_array = need("onnx", INSTALL).numpy_helper.to_array
    return {tensor.name: to_array(tensor) for tensor in model.graph.initializer}


def add_constant(model: ModelProto, name: str, value: NDArray[Any]) -> None:
    """One more initializer."""
    model.graph.initializer.append(need("onnx", INSTALL).numpy_helper.from_array(value, name))


def tidy(model: ModelProto) -> None:
    """Undo, in place, what `net_of` added and nobody needs: zero biases, copies of constants that are still equal."""
    values = constants_of(model)
    idle = {name for name, value in values.items() if name.endswith(ADDED) and not value.any()}
    seen: dict[tuple[str, str, tuple[int, ...], bytes], str] = {}
    again: dict[str, str] = {}
    for name, value in values.items():
        origin = name.split(COPIED)[0]
        key = (origin, value.dtype.str, value.shape, value.tobytes())
        again[name] = seen.setdefault(key, name)
    for node in model.graph.node:
        node.input[:] = ["" if name in idle else again.get(name, name) for name in node.input]
        while node.input and not node.input[-1]:
            node.input.pop()
    used = {name for node in model.graph.node for name in node.input} | captured(model)
    used |= {value.name for value in model.graph.output}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def _add_biases(model: ModelProto) -> None:
    values = constants_of(model)
    for node in model.graph.node:
        weight = (
            values.get(node.input[1]) if node.op_type in ("Conv", "ConvTranspose", "Gemm") and not node.domain else None
        )
        if weight is None or (len(node.input) > 2 and node.input[2]):
            continue
        set_up = attributes(node)
        count = weight.shape[0]
        if node.op_type == "ConvTranspose":
            count = weight.shape[1] * set_up.get("group", 1)
        elif node.op_type == "Gemm" and not set_up.get("transB", 0):
            count = weight.shape[1]
        name = node.output[0] + ADDED
        add_constant(model, name, np.zeros(count, weight.dtype))
        node.input[:] = [*node.input[:2], name]


def _add_split_sizes(model: ModelProto, shapes: dict[str, Shape]) -> None:
    for node in model.graph.node:
        if node.op_type != "Split" or node.domain or (len(node.input) > 1 and node.input[1]):
            continue
        axis = attributes(node).get("axis", 0)
        sizes = [shape[axis] if (shape := shapes.get(name)) else None for name in node.output]
        if None in sizes:
            continue
        name = node.output[0] + COPIED
        add_constant(model, name, np.array(sizes, np.int64))
        node.input[:] = [node.input[0], name]
        kept: list[AttributeProto] = [given for given in node.attribute if given.name != "num_outputs"]
        del node.attribute[:]
        node.attribute.extend(kept)


def _own_constants(model: ModelProto) -> None:
    """A copy of each constant for each further user, since what one user loses another one may need."""
    values = constants_of(model)
    shared = captured(model) | {value.name for value in model.graph.output}
    users: Counter[str] = Counter({name: 1 for name in shared})
    for node in model.graph.node:
        for slot, name in enumerate(node.input):
            if name not in values or (node.op_type in LAYERS and slot == 1):
                continue
            users[name] += 1
            if users[name] > 1:
                node.input[slot] = f"{name}{COPIED}{users[name]}"
                add_constant(model, node.input[slot], values[name])
