"""MainSqueeze into a model file that every engine runs, packed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.engines.base import need
from edge.models.manifest import Manifest
from edge.models.packed.coded import Origin
from edge.models.packed.pack import pack
from edge.models.packed.weight import Weight
from edge.preprocess.input import Input
from edge.tools.graph import INSTALL, skeleton
from edge.tools.steer.squeeze import LAYERS, SIDE
from edge.types import F32

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET, IR = 13, 8
INPUT, OUTPUT = "saturation", "steering"
_HALF = {"half": np.float32(127.5), "one": np.float32(1.0)}


def onnx(weights: Mapping[str, F32]) -> ModelProto:
    """The network around its weights, by the names of `squeeze`, filters in ONNX's order."""
    package = need("onnx", INSTALL)
    helper, kind = package.helper, package.TensorProto.FLOAT

    def conv(name: str, given: str, **how: Any) -> list[Any]:
        made = helper.make_node("Conv", [given, name, f"{name}_b"], [f"{name}+"], **how)
        return [made, helper.make_node("Elu", [f"{name}+"], [f"{name}:"])]

    nodes = [
        helper.make_node("Transpose", [INPUT], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Div", ["planes", "half"], ["halves"]),
        helper.make_node("Sub", ["halves", "one"], ["centred"]),
        *conv("conv1", "centred", strides=[2, 2]),
        helper.make_node("MaxPool", ["conv1:"], ["pooled"], kernel_shape=[3, 3], strides=[2, 2]),
        *conv("squeeze", "pooled"),
        *conv("expand1", "squeeze:"),
        *conv("expand3", "squeeze:", pads=[1, 1, 1, 1]),
        helper.make_node("Concat", ["expand1:", "expand3:"], ["wide"], axis=1),
        helper.make_node("GlobalAveragePool", ["wide"], ["means"]),
        helper.make_node("Flatten", ["means"], ["flat"]),
        helper.make_node("Gemm", ["flat", "dense", "dense_b"], [OUTPUT]),
    ]
    arrays = {**weights, **_HALF}
    graph = helper.make_graph(
        nodes,
        "mainsqueeze",
        [helper.make_tensor_value_info(INPUT, kind, [1, SIDE, SIDE, 1])],
        [helper.make_tensor_value_info(OUTPUT, kind, [1, 1])],
        [package.numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )
    made: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    return made


def manifest(name: str, notes: str) -> Manifest:
    """What the network takes and gives."""
    return Manifest(
        name=name,
        task="values",
        decoder="values",
        input=Input(INPUT, SIDE, SIDE, layout="NHWC", colour="HSV-S", dtype="float32"),
        outputs={"values": OUTPUT},
        labels=("steering",),
        licence="Apache-2.0",
        notes=notes,
    )


def packed(weights: Mapping[str, F32], name: str, report: Mapping[str, Any]) -> bytes:
    """A packed file of weights as `squeeze` names and shapes them.

    Args:
        report: what was measured, for the file
    """
    turned = _turned(weights)
    made = onnx(turned)
    plain = hashlib.sha256(made.SerializeToString()).hexdigest()
    coded = [Weight(key, array) for key, array in turned.items()]
    described = manifest(name, "Where to steer, by the saturation of rows 70 to 139 of 160; `edge steer imitate`.")
    return pack("onnx", skeleton(made, turned), coded, described, Origin(plain, report=report))


def plain(weights: Mapping[str, F32]) -> bytes:
    """The ONNX file of weights as `squeeze` names and shapes them."""
    content: bytes = onnx(_turned(weights)).SerializeToString()
    return content


def _turned(weights: Mapping[str, F32]) -> dict[str, F32]:
    """Filters in ONNX's order."""
    return {
        key: np.ascontiguousarray(array.transpose(3, 2, 0, 1)) if key in LAYERS and key != "dense" else array
        for key, array in weights.items()
    }
