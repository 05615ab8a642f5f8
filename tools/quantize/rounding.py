"""Weights onto a grid so that the layer's output, rather than each weight, is near.

How: `edge.tools.rounding`, with nothing for bits. Here it is found what each layer is fed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Feeds
from edge.tools import rounding
from edge.tools.graph import PRODUCTS
from edge.tools.layers import F64
from edge.tools.patches import Places, drawn, patches
from edge.tools.quantize.net import Layer, Net
from edge.tools.quantize.ranges import batches
from edge.tools.tap import tap

DAMPING = 0.01
"""Of the mean second moment, added to each: few feeds must not make a weight follow their noise."""
COLUMNS = 2304
"""Inputs of an output channel at most; beyond it a layer is rounded to the nearest: the cube of it takes minutes."""
POSITIONS = 4096
"""Places of a feed's tensor that are looked at."""


def rounded(
    net: Net,
    feeds: Feeds,
    grids: Mapping[str, NDArray[np.float32]],
    largest_codes: Mapping[str, int],
    progress: Callable[[float], None] = lambda part: None,
) -> dict[str, NDArray[np.int16]]:
    """Codes of weights, chosen by what they do to the layer's output on the feeds.

    Args:
        net: as `prepared` makes it.
        grids: for each weight by its initializer's name the scales, float32 (1,) or (output channels,).
        largest_codes: of each weight; the smallest is its negative.
        progress: told how far it is, 0..1.

    Returns:
        Codes by the initializer's name, int16, of the weight's shape; value = code * scale. Weights of other layers
        than Conv, Gemm and MatMul, and those that several layers share, are left out.
    """
    layers = [layer for layer in net.layers() if layer.weight in grids and _fits(net, layer)]
    model = net.model()
    places = drawn(POSITIONS, np.random.default_rng(0))
    codes: dict[str, NDArray[np.int16]] = {}
    groups = list(batches(model, list(dict.fromkeys(layer.data for layer in layers))))
    for number, names in enumerate(groups):
        fed = {name: [layer for layer in layers if layer.data == name] for name in names}
        moments: dict[str, F64] = {}
        for values in tap(model, names, feeds):
            for layer in (layer for name in names for layer in fed[name]):
                moments[layer.name] = moments.get(layer.name, 0) + _moments(net, layer, values[layer.data], places)
        for layer in (layer for name in names for layer in fed[name]):
            scales, most = grids[layer.weight], largest_codes[layer.weight]
            codes[layer.weight] = _layer(net, layer, moments.pop(layer.name), scales, most)
        progress((number + 1) / len(groups))
    return codes


def _fits(net: Net, layer: Layer) -> bool:
    weight = net.values[layer.weight]
    columns = weight.size // weight.shape[layer.axis]
    return layer.node.op_type in PRODUCTS and columns <= COLUMNS and len(net.used_by[layer.weight]) == 1


def _moments(net: Net, layer: Layer, array: NDArray[np.float32], places: Places) -> F64:
    """Second moments of what each group's rows of weights are multiplied with: (groups, columns, columns)."""
    rows = patches(layer.node, net.values[layer.weight].shape, array, places)
    return np.asarray(rows.transpose(0, 2, 1) @ rows, np.float64)


def _layer(net: Net, layer: Layer, moments: F64, scales: NDArray[np.float32], largest_code: int) -> NDArray[np.int16]:
    weight = np.moveaxis(net.values[layer.weight], layer.axis, 0)
    rows = weight.reshape(len(moments), len(weight) // len(moments), -1)
    every = np.arange(-largest_code, largest_code + 1, dtype=np.float64)
    codes = rounding.rounded(rows, scales.astype(np.float64), moments, every, frugal=0.0, damp=DAMPING).codes
    return np.ascontiguousarray(np.moveaxis(codes.reshape(weight.shape), 0, layer.axis))
