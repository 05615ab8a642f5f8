"""QuantizeLinear and DequantizeLinear into a graph; weights and biases as integers behind a DequantizeLinear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

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
    real = {name: net.free(f"{name}_real") for name in ranges if name not in net.outputs}
    front = [node for name in net.inputs if name in real for node in _pair(net, name, name, real[name], ranges[name])]
    nodes: list[NodeProto] = []
    weights: dict[str, str] = {}
    by_name = {layer.name: layer for layer in layers}
    for node in net.graph.node:
        layer = by_name.get(node.output[0])
        node.input[:] = [real.get(name, name) for name in node.input]
        if layer is not None:
            nodes += _weight(net, layer, node, grids[layer.weight], weights)
            if integer_bias and layer.bias is not None and layer.data in ranges:
                nodes.append(_bias(net, layer, node, grids[layer.weight], ranges[layer.data]))
        nodes.append(node)
        for place, name in enumerate(node.output):
            if name in real:
                nodes += _pair(net, name, name, real[name], ranges[name])
            elif name in ranges:
                node.output[place] = net.free(f"{name}_exact")
                nodes += _pair(net, name, node.output[place], name, ranges[name])
    net.set_nodes(front + nodes)


def _pair(net: Net, name: str, source: str, target: str, span: Range) -> list[NodeProto]:
    scale, zero, codes = (net.free(f"{name}_{part}") for part in ("scale", "zero", "codes"))
    net.values[scale] = np.array(span.scale, np.float32)
    net.values[zero] = np.array(span.zero, span.dtype)
    return [
        net.node("QuantizeLinear", [source, scale, zero], [codes]),
        net.node("DequantizeLinear", [codes, scale, zero], [target]),
    ]


def _weight(net: Net, layer: Layer, node: NodeProto, grid: Grid, known: dict[str, str]) -> list[NodeProto]:
    """What makes the weights real, unless another layer has the same ones and it is there."""
    if layer.weight in known:
        node.input[1] = known[layer.weight]
        return []
    made = _dequantize(net, layer.weight, grid.codes.astype(np.int8), grid.scales, layer.axis)
    if layer.node.op_type != "Conv":
        # ONNX Runtime's integer Gemm and MatMul want it said that the zero point is 0; its Conv takes it for granted.
        zero = net.free(f"{layer.weight}_zero")
        net.values[zero] = np.zeros(() if grid.scales.size == 1 else grid.scales.shape, np.int8)
        made.input.append(zero)
    node.input[1] = known[layer.weight] = made.output[0]
    return [made]


def _bias(net: Net, layer: Layer, node: NodeProto, grid: Grid, data: Range) -> NodeProto:
    scales = (grid.scales.astype(np.float64) * data.scale).astype(np.float32)
    bias = net.values[str(layer.bias)].astype(np.float64)
    codes = np.rint(bias / scales).clip(-MOST, MOST).astype(np.int32)
    made = _dequantize(net, f"{layer.name}_bias", codes, scales, 0)
    node.input[2] = made.output[0]
    return made


def _dequantize(
    net: Net, stem: str, codes: NDArray[np.int8] | NDArray[np.int32], scales: NDArray[np.float32], axis: int
) -> NodeProto:
    name, scale, real = (net.free(f"{stem}_{part}") for part in (codes.dtype.name, "scale", "real"))
    one = scales.size == 1
    net.values[name], net.values[scale] = codes, scales.reshape(()) if one else scales
    return net.node("DequantizeLinear", [name, scale], [real], **({} if one else {"axis": axis}))
