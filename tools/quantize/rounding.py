"""Weights onto a grid so that the layer's output, rather than each weight, is near.

GPTQ (Frantar et al. 2022, arXiv:2210.17323, section 3.3 and algorithm 1): columns are rounded one by one, and the error
of each is spread over those not yet rounded by the inverse of the inputs' second moments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edge.tools.graph import attributes
from edge.tools.quantize.net import Layer, Net
from edge.tools.quantize.plan import Feed
from edge.tools.quantize.ranges import batches
from edge.tools.tap import tap

DAMPING = 0.01
"""Of the mean second moment, added to each: few feeds must not make a weight follow their noise."""
COLUMNS = 2304
"""Inputs of an output channel at most; beyond it a layer is rounded to the nearest: the cube of it takes minutes."""
POSITIONS = 4096
"""Places of a feed's tensor that are looked at, spread evenly."""


def rounded(
    net: Net,
    feeds: Sequence[Feed],
    grids: Mapping[str, NDArray[np.float32]],
    levels: Mapping[str, int],
    progress: Callable[[float], None] = lambda part: None,
) -> dict[str, NDArray[np.int16]]:
    """Codes of weights, chosen by what they do to the layer's output on the feeds.

    Args:
        net: as `prepared` makes it.
        grids: for each weight by its initializer's name the scales, float32 (1,) or (output channels,).
        levels: the largest code of each weight; the smallest is its negative.
        progress: told how far it is, 0..1.

    Returns:
        Codes by the initializer's name, int16, of the weight's shape; value = code * scale. Weights of other layers
        than Conv, Gemm and MatMul, and those that several layers share, are left out.
    """
    layers = [layer for layer in net.layers() if layer.weight in grids and _fits(net, layer)]
    model = net.model()
    codes: dict[str, NDArray[np.int16]] = {}
    groups = list(batches(model, list(dict.fromkeys(layer.data for layer in layers))))
    for number, names in enumerate(groups):
        fed = {name: [layer for layer in layers if layer.data == name] for name in names}
        moments: dict[str, NDArray[np.float64]] = {}
        for values in tap(model, names, feeds):
            for layer in (layer for name in names for layer in fed[name]):
                moments[layer.name] = moments.get(layer.name, 0) + _moments(net, layer, values[layer.data])
        for layer in (layer for name in names for layer in fed[name]):
            codes[layer.weight] = _layer(net, layer, moments.pop(layer.name), grids[layer.weight], levels[layer.weight])
        progress((number + 1) / len(groups))
    return codes


def _fits(net: Net, layer: Layer) -> bool:
    weight = net.values[layer.weight]
    columns = weight.size // weight.shape[layer.axis]
    kinds = {"Conv": weight.ndim == 4, "Gemm": True, "MatMul": True}
    return kinds.get(layer.node.op_type, False) and columns <= COLUMNS and len(net.used_by[layer.weight]) == 1


def _moments(net: Net, layer: Layer, array: NDArray[np.float32]) -> NDArray[np.float64]:
    """Second moments of what each group's rows of weights are multiplied with: (groups, columns, columns)."""
    return np.stack([(rows.T @ rows).astype(np.float64) for rows in _patches(net, layer, array)])


def _patches(net: Net, layer: Layer, array: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Per group the columns under the weights, float32 (places, columns)."""
    if layer.node.op_type != "Conv":
        yield _some(array.reshape(-1, array.shape[-1]))
        return
    kernel = net.values[layer.weight].shape[2:]
    strides = attributes(layer.node).get("strides", [1, 1])
    dilations = attributes(layer.node).get("dilations", [1, 1])
    pads = _pads(net, layer, array, kernel, strides, dilations)
    padded = np.pad(array, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    windows = sliding_window_view(padded, reach, axis=(2, 3))
    windows = windows[:, :, :: strides[0], :: strides[1], :: dilations[0], :: dilations[1]]
    places = np.stack(np.meshgrid(*(np.arange(n) for n in (windows.shape[0], *windows.shape[2:4])), indexing="ij"), -1)
    chosen = _some(places.reshape(-1, 3))
    per = array.shape[1] // layer.group
    for group in range(layer.group):
        part = windows[chosen[:, 0], group * per : (group + 1) * per, chosen[:, 1], chosen[:, 2]]
        yield part.reshape(len(chosen), -1)


def _pads(
    net: Net,
    layer: Layer,
    array: NDArray[np.float32],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> tuple[int, int, int, int]:
    auto = attributes(layer.node).get("auto_pad", "NOTSET")
    if auto == "NOTSET":
        top, left, bottom, right = attributes(layer.node).get("pads", [0, 0, 0, 0])
        return top, left, bottom, right
    if auto == "VALID":
        return 0, 0, 0, 0
    total = [
        max(0, (-(-size // s) - 1) * s + (k - 1) * d + 1 - size)
        for size, k, s, d in zip(array.shape[2:], kernel, strides, dilations, strict=True)
    ]
    small, large = [t // 2 for t in total], [t - t // 2 for t in total]
    first, last = (small, large) if auto == "SAME_UPPER" else (large, small)
    return first[0], first[1], last[0], last[1]


def _some(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    step = max(1, len(rows) // POSITIONS)
    return rows[::step]


def _layer(
    net: Net, layer: Layer, moments: NDArray[np.float64], scales: NDArray[np.float32], levels: int
) -> NDArray[np.int16]:
    weight = np.moveaxis(net.values[layer.weight], layer.axis, 0)
    rows = weight.reshape(len(weight), -1).astype(np.float64)
    steps = np.broadcast_to(scales.astype(np.float64), len(rows))
    per = len(rows) // len(moments)
    parts = [
        _columns(rows[g * per : (g + 1) * per], steps[g * per : (g + 1) * per], moments[g], levels)
        for g in range(len(moments))
    ]
    codes = np.concatenate(parts).reshape(weight.shape)
    return np.ascontiguousarray(np.moveaxis(codes, 0, layer.axis)).astype(np.int16)


def _columns(
    rows: NDArray[np.float64], steps: NDArray[np.float64], moments: NDArray[np.float64], levels: int
) -> NDArray[np.float64]:
    """Algorithm 1 with columns in the order of falling moments; rows float64 (outputs, columns)."""
    order = np.argsort(-np.diag(moments), kind="stable")
    damped = moments[np.ix_(order, order)]
    damped = damped + np.eye(len(damped)) * (DAMPING * max(np.diag(damped).mean(), 1e-12))
    spread = np.linalg.cholesky(np.linalg.inv(damped)).T
    left, codes = rows[:, order].copy(), np.empty_like(rows)
    for k in range(left.shape[1]):
        codes[:, k] = np.rint(left[:, k] / steps).clip(-levels, levels)
        error = (left[:, k] - codes[:, k] * steps) / spread[k, k]
        left[:, k + 1 :] -= np.outer(error, spread[k, k + 1 :])
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return codes[:, back]
