"""The mean error of a layer's rounded weights, taken back in its bias.

Nagel et al. 2019 (arXiv:1906.04721), section 4.2: E[y] - E[y'] = -E[(W' - W) x]. The mean over positions and feeds is
taken of the layer itself, fed what the float model feeds it, so padding and strides count as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Feeds
from edge.models.packed.weight import Grid
from edge.tools.evaluate import run
from edge.tools.graph import to_bytes
from edge.tools.quantize.net import Layer, Net


def correct(net: Net, layers: Sequence[Layer], grids: Mapping[str, Grid], feeds: Feeds) -> None:
    """Change the net's biases in place; a convolution or Gemm without one gets one, a MatMul stays as it is."""
    found = mean_errors(net, layers, grids, feeds)
    for layer in layers:
        if layer.name not in found:
            continue
        bias = net.values[layer.bias] if layer.bias is not None else np.float32(0)
        name = net.free(f"{layer.name}_corrected")
        net.values[name] = (bias - found[layer.name]).astype(np.float32)
        node = net.made_by[layer.name]
        del node.input[2:]
        node.input.append(name)
    net.wire()


def mean_errors(
    net: Net, layers: Sequence[Layer], grids: Mapping[str, Grid], feeds: Feeds
) -> dict[str, NDArray[np.float32]]:
    """The mean error of each output channel by layer, float32 (channels,)."""
    model = net.model()
    helper = net.numpy_helper
    names = {}
    for number, layer in enumerate(layers):
        if layer.node.op_type not in ("Conv", "Gemm") or net.values[layer.weight].ndim not in (2, 4):
            continue
        error = grids[layer.weight].values() - net.values[layer.weight]
        weight, output = net.free(f"error_{number}_weight"), net.free(f"error_{number}_output")
        model.graph.initializer.append(helper.from_array(error, weight))
        node = model.graph.node.add()
        node.CopyFrom(layer.node)
        node.name, node.output[0] = output, output
        del node.input[1:]
        node.input.append(weight)
        mean = output
        if layer.node.op_type == "Conv":
            mean = net.free(f"error_{number}_mean")
            model.graph.node.append(net.node("GlobalAveragePool", [output], [mean]))
        model.graph.output.add(name=mean).type.tensor_type.elem_type = 1
        names[layer.name] = mean
    if not names:
        return {}
    outputs = run(to_bytes(model), feeds)
    return {
        layer: np.mean([given[mean].reshape(-1, given[mean].shape[1]).mean(axis=0) for given in outputs], axis=0)
        for layer, mean in names.items()
    }
