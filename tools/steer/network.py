"""A network of `layers` as an ONNX file, which every engine but LiteRT runs, and packed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import need
from edge.models.manifest import Manifest
from edge.models.packed.coded import Origin
from edge.models.packed.pack import pack
from edge.models.packed.weight import Weight
from edge.preprocess.input import Input
from edge.tools.graph import INSTALL, skeleton
from edge.tools.steer.layers import Active, Concat, Conv, Dense, Flatten, Mean, Net, Pool, Scale, Step, padding, steps
from edge.types import F32

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET, IR = 13, 8
SEEN = (0.4375, 0.875)
"""Rows of the road: 70 to 139 of 160. Above is sky, below the car."""


def onnx(net: Net, weights: Mapping[str, F32]) -> ModelProto:
    """A network around its weights, as `layers` names and shapes them.

    Raises:
        MissingError: the package `onnx` is not here.
        ValueError: a layer does not fit what it gets.
    """
    package = need("onnx", INSTALL)
    helper, kind = package.helper, package.TensorProto.FLOAT
    order = steps(net)
    nodes = [helper.make_node("Transpose", [net.given], ["planes"], perm=[0, 3, 1, 2])]
    arrays: dict[str, NDArray[Any]] = _turned(net, weights)
    for step in order:
        takes = tuple("planes" if name == net.given else name for name in step.takes)
        for operator, given, gives, how in _nodes(step, takes, arrays):
            nodes.append(helper.make_node(operator, given, [gives], **how))
    graph = helper.make_graph(
        nodes,
        net.name,
        [helper.make_tensor_value_info(net.given, kind, [1, *net.shape])],
        [helper.make_tensor_value_info(net.gives, kind, [1, *order[-1].after])],
        [package.numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    made: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    return made


def manifest(net: Net, name: str, notes: str) -> Manifest:
    """What a network takes that sees the saturation and gives one value."""
    rows, columns, _ = net.shape
    return Manifest(
        name=name,
        task="values",
        decoder="values",
        input=Input(net.given, columns, rows, layout="NHWC", colour="HSV-S", dtype="float32", rows=SEEN),
        outputs={"values": net.gives},
        labels=("steering",),
        licence="Apache-2.0",
        notes=notes,
    )


def packed(net: Net, weights: Mapping[str, F32], described: Manifest, report: Mapping[str, Any]) -> bytes:
    """A packed file of a network.

    Args:
        report: what was measured, for the file
    """
    turned = _turned(net, weights)
    made = onnx(net, weights)
    whole = hashlib.sha256(made.SerializeToString()).hexdigest()
    coded = [Weight(key, array) for key, array in turned.items()]
    return pack("onnx", skeleton(made, turned), coded, described, Origin(whole, report=report))


def plain(net: Net, weights: Mapping[str, F32]) -> bytes:
    """The ONNX file of a network."""
    content: bytes = onnx(net, weights).SerializeToString()
    return content


Node = tuple[str, list[str], str, dict[str, Any]]
"""Operator, what it takes, what it gives, attributes."""


def _nodes(step: Step, takes: tuple[str, ...], arrays: dict[str, NDArray[Any]]) -> list[Node]:
    """What a step becomes; constants other than weights are put into `arrays`."""
    layer, gives, given = step.layer, step.gives, list(takes)
    match layer:
        case Scale():
            by, less, part = f"{gives}/", f"{gives}-", f"{gives}:"
            arrays |= {by: np.array(layer.by, np.float32), less: np.array(layer.less, np.float32)}
            return [("Div", [*given, by], part, {}), ("Sub", [part, less], gives, {})]
        case Conv():
            how: dict[str, Any] = {"strides": [layer.stride] * 2} if layer.stride > 1 else {}
            if layer.same and layer.side > 1:
                ends = [padding(layer.side, layer.stride, length) for length in step.before[:2]]
                how["pads"] = [end[k] for k in (0, 1) for end in ends]
            return [("Conv", [*given, layer.name, f"{layer.name}_b"], gives, how)]
        case Pool():
            return [("MaxPool", given, gives, {"kernel_shape": [layer.side] * 2, "strides": [layer.stride] * 2})]
        case Concat():
            return [("Concat", given, gives, {"axis": 1})]
        case Mean():
            part = f"{gives}:"
            return [("GlobalAveragePool", given, part, {}), ("Flatten", [part], gives, {})]
        case Flatten():
            part = f"{gives}:"
            return [("Transpose", given, part, {"perm": [0, 2, 3, 1]}), ("Flatten", [part], gives, {})]
        case Dense():
            return [("Gemm", [*given, layer.name, f"{layer.name}_b"], gives, {})]
        case Active():
            return [(_ACTIVE[layer.kind], given, gives, {"axis": 1} if layer.kind == "softmax" else {})]


_ACTIVE = {"elu": "Elu", "relu": "Relu", "tanh": "Tanh", "softmax": "Softmax"}


def _turned(net: Net, weights: Mapping[str, F32]) -> dict[str, NDArray[Any]]:
    """A network's weights in its order, filters in ONNX's order (out, in, rows, columns)."""
    turned: dict[str, NDArray[Any]] = {}
    for step in steps(net):
        layer = step.layer
        if isinstance(layer, Conv | Dense):
            array = weights[layer.name]
            turned[layer.name] = np.ascontiguousarray(array.transpose(3, 2, 0, 1)) if array.ndim == 4 else array
            turned[f"{layer.name}_b"] = weights[f"{layer.name}_b"]
    return turned
