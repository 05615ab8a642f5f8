"""Float16 for float32 (IEEE 754 binary16): half the bytes, and on GPUs the faster arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from edge.tools.graph import subgraphs
from edge.tools.quantize.net import Net, prepared

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

FEWEST = 64
"""Values of an initializer that is worth it where weights alone are converted."""
MOST = float(np.finfo(np.float16).max)
FLOAT, FLOAT16 = 1, 10
"""Of onnx.TensorProto.DataType."""
FLOAT_ONLY = {"Resize": (1, 2), "Upsample": (1,)}
"""Inputs that stay float32 whatever the first input is: regions of interest and scales."""


def half(model: ModelProto, compute: Literal["float32", "float16"] = "float32") -> ModelProto:
    """A copy with its weights in float16. Weights beyond float16's span are clipped to it.

    compute: `float32` puts a Cast behind each weight, which engines fold while they load: half the bytes, and the same
        speed and memory; `float16` makes the tensors between inputs and outputs float16 too, for GPUs. Inputs and
        outputs stay as they are, between a Cast each. A model with sub-graphs is computed in float32 either way.

    Raises:
        ModelError: no ONNX model, or one whose opset cannot be raised.
    """
    net = prepared(model)
    nested = any(subgraphs(node) for node in net.graph.node)
    if compute == "float16" and not nested:
        _everything(net)
    else:
        _weights(net)
    return net.model()


def _weights(net: Net) -> None:
    casts: dict[str, NodeProto] = {}
    for layer in net.layers():
        for name in (layer.weight, layer.bias):
            if name is not None and name not in casts and net.values[name].size >= FEWEST:
                casts[name] = _halved(net, name)
    nodes = list(net.graph.node)
    for node in nodes:
        node.input[:] = [casts[name].output[0] if name in casts else name for name in node.input]
    net.set_nodes([*casts.values(), *nodes])


def _halved(net: Net, name: str) -> NodeProto:
    short, whole = net.free(f"{name}_half"), net.free(f"{name}_whole")
    net.values[short] = net.values[name].clip(-MOST, MOST).astype(np.float16)
    return net.node("Cast", [short], [whole], to=FLOAT)


def _everything(net: Net) -> None:
    """Float16 from a Cast behind each float input to one before each float output."""
    exact = {node.input[k] for node in net.graph.node for k in FLOAT_ONLY.get(node.op_type, ()) if k < len(node.input)}
    for name, array in net.values.items():
        if array.dtype == np.float32 and name not in exact:
            net.values[name] = array.clip(-MOST, MOST).astype(np.float16)
    floats = {value.name for value in net.graph.input if value.type.tensor_type.elem_type == FLOAT}
    outputs = {value.name for value in net.graph.output if value.type.tensor_type.elem_type == FLOAT}
    short = {name: net.free(f"{name}_half") for name in (*net.inputs, *net.outputs) if name in floats | outputs}
    nodes = list(net.graph.node)
    for node in nodes:
        node.input[:] = [short.get(name, name) for name in node.input]
        node.output[:] = [short.get(name, name) for name in node.output]
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == FLOAT:
                attribute.i = FLOAT16
            if attribute.HasField("t") and attribute.t.data_type == FLOAT:
                attribute.t.CopyFrom(net.numpy_helper.from_array(net.numpy_helper.to_array(attribute.t).astype("f2")))
    first = [net.node("Cast", [name], [short[name]], to=FLOAT16) for name in net.inputs if name in floats]
    last = [net.node("Cast", [short[name]], [name], to=FLOAT) for name in net.outputs if name in outputs]
    del net.graph.value_info[:]
    net.set_nodes([*first, *nodes, *last])
