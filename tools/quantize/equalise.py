"""Ranges evened out between layers with nothing but a ReLU between them.

Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction, 2019 (arXiv:1906.04721), section
4.1: relu(x / s) = relu(x) / s for s > 0, so a channel may be divided by s in one layer and multiplied in the next; with
s = sqrt(r1 * r2) / r2 (equation 11) both layers' weights span the same. Here a channel may have several takers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edge.tools.quantize.net import Layer, Net

if TYPE_CHECKING:
    from onnx import NodeProto

ROUNDS = 8
"""Passes over the graph; a chain settles within a few."""
MOST = 64.0
"""How much a channel is changed at most in a round, either way."""


@dataclass(frozen=True, slots=True)
class _Link:
    """A convolution and all that take its channels."""

    first: Layer
    takers: tuple[Layer, ...]


def equalise(net: Net) -> int:
    """Rescale the net's weights in place; its outputs stay what they were but for rounding.

    Returns:
        How many layers hand their channels on in this way; 0: nothing was changed.
    """
    links = _links(net)
    for _ in range(ROUNDS):
        for link in links:
            _even(net, link)
    return len(links)


def _links(net: Net) -> list[_Link]:
    layers = {layer.name: layer for layer in net.layers()}
    uses: dict[str, int] = {}
    for layer in layers.values():
        for name in (layer.weight, layer.bias):
            if name is not None:
                uses[name] = max(uses.get(name, 0), len(net.used_by[name]))
    found = []
    for layer in layers.values():
        takers = [layers.get(node.output[0]) for node in _takers(net, layer.name)]
        known = tuple(taker for taker in takers if taker is not None)
        own = all(uses.get(name or "", 1) == 1 for each in (layer, *known) for name in (each.weight, each.bias))
        whole = bool(known) and len(known) == len(takers) and all(_takes_channels(net, taker) for taker in known)
        if layer.node.op_type == "Conv" and whole and own:
            found.append(_Link(layer, known))
    return found


def _takers(net: Net, name: str) -> list[NodeProto]:
    """Who takes a layer's channels, behind its ReLU if it has one; none where somebody else sees them too."""
    while True:
        takers = net.used_by.get(name, [])
        if name in net.outputs:
            return []
        if len(takers) != 1 or takers[0].op_type != "Relu":
            return takers
        name = takers[0].output[0]


def _takes_channels(net: Net, layer: Layer) -> bool:
    """Whether it is a convolution of one group, or one of its own for each channel."""
    shape = net.values[layer.weight].shape
    return layer.node.op_type == "Conv" and (layer.group == 1 or (shape[1] == 1 and shape[0] == layer.group))


def _even(net: Net, link: _Link) -> None:
    first = net.values[link.first.weight]
    given = _largest(first, 0)
    taken = np.max([_largest(net.values[t.weight], 1 if t.group == 1 else 0) for t in link.takers], axis=0)
    both = (given > 0) & (taken > 0)
    s = np.where(both, np.sqrt(given * taken) / np.where(both, taken, 1), 1).clip(1 / MOST, MOST).astype(np.float32)
    net.values[link.first.weight] = first / _along(s, first.ndim, 0)
    if link.first.bias is not None:
        net.values[link.first.bias] = net.values[link.first.bias] / s
    for taker in link.takers:
        weight = net.values[taker.weight]
        net.values[taker.weight] = weight * _along(s, weight.ndim, 1 if taker.group == 1 else 0)


def _largest(weight: NDArray[np.float32], axis: int) -> NDArray[np.float64]:
    rows = np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1)
    return np.asarray(np.abs(rows).max(axis=1, initial=0.0), np.float64)


def _along(values: NDArray[np.float32], ndim: int, axis: int) -> NDArray[np.float32]:
    shape = [1] * ndim
    shape[axis] = -1
    return values.reshape(shape)
