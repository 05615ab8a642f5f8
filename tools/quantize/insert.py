"""QuantizeLinear and DequantizeLinear into a graph; weights and biases as integers behind a DequantizeLinear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.models.packed.weight import Grid
from edge.tools.quantize.net import Layer, Net
from edge.tools.quantize.plan import Range

if TYPE_CHECKING:
    from onnx import NodeProto

MOST = 2.0**30
"""The largest code of a bias; int32 with room for what is added to it."""


def insert(
    net: Net,
    layers: Sequence[Layer],
    grids: Mapping[str, Grid],
    ranges: Mapping[str, Range],
    integer_bias: bool = True,
) -> None:
    """Make tensors with a range, and layers' weights, integer. What the graph gives out stays float, under its name.

    Args:
        grids: of each layer's weight, by its initializer's name.
        ranges: by tensor.
    """
    front: list[NodeProto] = []
    for name in net.inputs:
        if name in ranges:
            front += _pair(net, name, name, f"{name}_real", ranges[name])
    renamed = {name: f"{name}_real" for name in ranges if name not in net.outputs}
    nodes: list[NodeProto] = []
    done: set[str] = set()  # weights that several layers share
    by_name = {layer.name: layer for layer in layers}
    for node in net.graph.node:
        layer = by_name.get(node.output[0])
        node.input[:] = [renamed.get(name, name) for name in node.input]
        if layer is not None:
            nodes += _weight(net, layer, node, grids[layer.weight], done)
            if integer_bias and layer.bias is not None and layer.data in ranges:
                nodes.append(_bias(net, layer, node, grids[layer.weight], ranges[layer.data]))
        nodes.append(node)
        for place, name in enumerate(node.output):
            if name not in ranges:
                continue
            if name in net.outputs:
                node.output[place] = f"{name}_exact"
                nodes += _pair(net, f"{name}_exact", name, name, ranges[name])
            else:
                nodes += _pair(net, name, name, renamed[name], ranges[name])
    net.set_nodes(front + nodes)


def _pair(net: Net, source: str, stem: str, target: str, span: Range) -> list[NodeProto]:
    scale, zero, codes = f"{stem}_scale", f"{stem}_zero", f"{stem}_codes"
    net.values[scale] = np.array(span.scale, np.float32)
    net.values[zero] = np.array(span.zero, span.dtype)
    return [
        net.node("QuantizeLinear", [source, scale, zero], [codes]),
        net.node("DequantizeLinear", [codes, scale, zero], [target]),
    ]


def _weight(net: Net, layer: Layer, node: NodeProto, grid: Grid, done: set[str]) -> list[NodeProto]:
    stem = layer.weight
    node.input[1] = f"{stem}_real"
    if stem in done:
        return []
    done.add(stem)
    net.values[f"{stem}_int8"] = grid.codes.astype(np.int8)
    return [_dequantize(net, f"{stem}_int8", stem, grid.scales, np.int8, layer.axis)]


def _bias(net: Net, layer: Layer, node: NodeProto, grid: Grid, data: Range) -> NodeProto:
    scales = (grid.scales.astype(np.float64) * data.scale).astype(np.float32)
    bias = net.values[str(layer.bias)].astype(np.float64)
    stem = f"{layer.name}_bias"
    net.values[f"{stem}_int32"] = np.rint(bias / scales).clip(-MOST, MOST).astype(np.int32)
    node.input[2] = f"{stem}_real"
    return _dequantize(net, f"{stem}_int32", stem, scales, np.int32, 0)


def _dequantize(net: Net, codes: str, stem: str, scales: NDArray[np.float32], dtype: Any, axis: int) -> NodeProto:
    scale, zero = f"{stem}_scale", f"{stem}_zero"
    one = scales.size == 1
    net.values[scale] = scales.reshape(()) if one else scales
    net.values[zero] = np.zeros(() if one else scales.shape, dtype)
    extra = {} if one else {"axis": axis}
    return net.node("DequantizeLinear", [codes, scale, zero], [f"{stem}_real"], **extra)
