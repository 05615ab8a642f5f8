"""Channel shuffles as one Gather.

A shuffle (Zhang et al. 2018, ShuffleNet) is exported as Reshape, Transpose, Reshape, which ties the number of channels
to a grid: hardly any could be cut. As a choice of channels by index it is free of that, and one copy instead of two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import need
from edge.tools.filters.net import add_constant, constants_of, shapes_of
from edge.tools.graph import INSTALL, attributes, captured, consumers

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

MOVES = ("Reshape", "Transpose", "Gather", "Squeeze", "Unsqueeze", "Flatten", "Identity")
MOST_VALUES = 1 << 24
"""Of a tensor whose shuffle is looked into."""
INDEX = "/channels"


def shuffles_to_gathers(model: ModelProto) -> ModelProto:
    """A copy in which what rearranges the channels of a tensor (n, c, ...) is a Gather; it gives the same bits.

    What such a chain of nodes does is computed on the indices of a tensor of that size, so it need not look like any
    exporter's. A chain of which one end is no choice of channels stays.
    """
    made = type(model)()
    made.CopyFrom(model)
    shapes, constants, readers = shapes_of(model), constants_of(model), consumers(model)
    outputs = {value.name for value in model.graph.output}
    for node in model.graph.node:
        source = node.input[0] if node.input else ""
        shape = shapes.get(source, ())
        if all(node.output[0] not in left.output for left in made.graph.node if left.op_type == node.op_type):
            continue  # it went with one before it
        if (
            node.op_type != "Reshape"
            or len(shape) < 3
            or None in shape
            or not 1 < math.prod(_known(shape)) < MOST_VALUES
        ):
            continue
        ends = _ends(node, _known(shape), constants, readers, outputs)
        chosen = {name: _choice(table, _known(shape)) for name, table in ends.items()}
        found = {name: choice for name, choice in chosen.items() if choice is not None}
        if found and source not in ends and len(found) == len(ends) and not _same(found, shape[1] or 0):
            _rewrite(made, source, found)
    return made


def _known(shape: tuple[int | None, ...]) -> tuple[int, ...]:
    return tuple(size or 0 for size in shape)


def _ends(
    first: NodeProto,
    shape: tuple[int, ...],
    constants: Mapping[str, NDArray[Any]],
    readers: Mapping[str, list[NodeProto]],
    outputs: set[str],
) -> dict[str, NDArray[np.int64]]:
    """What moves, and only moves, end in: for each last tensor, where in the source its values come from."""
    found: dict[str, NDArray[np.int64]] = {}
    left = [(first, np.arange(math.prod(shape)).reshape(shape))]
    while left:
        node, table = left.pop()
        moved = _moved(node, table, constants)
        if moved is None:
            found[node.input[0]] = table
            continue
        name = node.output[0]
        after = readers.get(name, [])
        if name in outputs or not after or any(r.op_type not in MOVES or r.input[0] != name for r in after):
            found[name] = moved
        else:
            left += [(reader, moved) for reader in after]
    return found


def _moved(
    node: NodeProto, table: NDArray[np.int64], constants: Mapping[str, NDArray[Any]]
) -> NDArray[np.int64] | None:
    given = [constants.get(name) for name in node.input[1:]]
    set_up = attributes(node)
    if any(value is None for value in given):
        return None
    value = given[0] if given else None
    if node.op_type == "Reshape" and value is not None and not set_up.get("allowzero", 0):
        sizes = [table.shape[k] if size == 0 else int(size) for k, size in enumerate(value)]
        return np.asarray(table.reshape(sizes), np.int64)
    if node.op_type == "Transpose":
        return np.asarray(table.transpose(tuple(set_up.get("perm", range(table.ndim)[::-1]))), np.int64)
    if node.op_type == "Gather" and value is not None:
        return np.asarray(np.take(table, value, axis=set_up.get("axis", 0)))
    if node.op_type == "Squeeze":
        return np.asarray(np.squeeze(table, None if value is None else tuple(value.tolist())))
    if node.op_type == "Unsqueeze" and value is not None:
        return np.expand_dims(table, tuple(value.tolist()))
    if node.op_type == "Flatten":
        return table.reshape((math.prod(table.shape[: set_up.get("axis", 1)]), -1))
    return table if node.op_type == "Identity" else None


def _choice(table: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[np.int64] | None:
    """The channels that a tensor of indices into one of this shape consists of; None if it is no choice of channels."""
    if table.ndim != len(shape) or table.shape[0] != shape[0] or table.shape[2:] != shape[2:]:
        return None
    area = math.prod(shape[2:])
    chosen: NDArray[np.int64] = table[0].reshape(table.shape[1], -1)[:, 0] // area
    wanted = np.take(np.arange(math.prod(shape)).reshape(shape), chosen % shape[1], axis=1)
    return chosen if chosen.size and chosen.max() < shape[1] and np.array_equal(wanted, table) else None


def _same(found: Mapping[str, NDArray[np.int64]], channels: int) -> bool:
    return all(np.array_equal(choice, np.arange(channels)) for choice in found.values())


def _rewrite(model: ModelProto, source: str, found: Mapping[str, NDArray[np.int64]]) -> None:
    helper = need("onnx", INSTALL).helper
    nodes = list(model.graph.node)
    made = []
    for name, choice in found.items():
        add_constant(model, name + INDEX, choice)
        made.append(helper.make_node("Gather", [source, name + INDEX], [name], name=name, axis=1))
    at = max(k for k, node in enumerate(nodes) if source in node.output) + 1 if _made(nodes, source) else 0
    kept = [*nodes[:at], *made, *(n for n in nodes[at:] if not set(n.output) & set(found))]
    del model.graph.node[:]
    model.graph.node.extend(_used(kept, model))


def _made(nodes: list[NodeProto], name: str) -> bool:
    return any(name in node.output for node in nodes)


def _used(nodes: list[NodeProto], model: ModelProto) -> list[NodeProto]:
    """Without those that nobody reads any more, in the same order."""
    wanted = {value.name for value in model.graph.output} | captured(model)
    kept = []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(node.input)
            kept.append(node)
    return kept[::-1]
