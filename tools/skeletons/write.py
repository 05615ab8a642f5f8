"""A trained network into a model file that every engine runs, its weights on grids of a few bits, packed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from edge.engines.base import need
from edge.models.manifest import Manifest
from edge.models.packed.coded import Origin
from edge.models.packed.pack import pack
from edge.models.packed.weight import Grid, Weight
from edge.posture.temporal import INPUT, JOINTS, OUTPUT, STEPS
from edge.preprocess.input import Input
from edge.tools.graph import INSTALL, skeleton
from edge.tools.skeletons.learn import BITS, FAR
from edge.tools.skeletons.measure import HIPS, LEAST, MEAN, PARTS
from edge.types import F32

if TYPE_CHECKING:
    from onnx import ModelProto

OPSET, IR = 13, 8
_GIVEN = {
    "least": np.float32(-FAR),
    "most": np.float32(FAR),
    "mean": MEAN,
    "unseen": LEAST,
    "two and one": np.array([2, 1], np.int64),
    "hips from": np.array([HIPS], np.int64),
    "hips to": np.array([HIPS + 1], np.int64),
    "axis two": np.array([2], np.int64),
    "as rows": np.array([1, 1, 2 * PARTS + 2, STEPS], np.int64),
}


def model(weights: Mapping[str, F32]) -> ModelProto:
    """The network around its weights, by the names of `learn`; what it does first is `measure`."""
    onnx = need("onnx", INSTALL)
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT

    def conv(name: str, given: str) -> list[Any]:
        wide = weights[f"{name}.weight"].shape[-1]
        wanted = [given, f"{name}.weight", f"{name}.bias"]
        pads = [0, wide // 2, 0, wide // 2]
        made = helper.make_node("Conv", wanted, [f"{name}+"], strides=[1, 2], pads=pads)
        return [made, helper.make_node("Relu", [f"{name}+"], [name])]

    def layer(name: str, given: str, out: str) -> Any:
        return helper.make_node("Gemm", [given, f"{name}.weight", f"{name}.bias"], [out], transB=1)

    nodes = [
        *_measured(helper),
        helper.make_node("Clip", ["rows", "least", "most"], ["near"]),
        *conv("first", "near"),
        *conv("second", "first"),
        helper.make_node("Flatten", ["second"], ["flat"]),
        layer("third", "flat", "third+"),
        helper.make_node("Relu", ["third+"], ["third"]),
        layer("last", "third", "logits"),
        helper.make_node("Sigmoid", ["logits"], [OUTPUT]),
    ]
    graph = helper.make_graph(
        nodes,
        "temporal",
        [helper.make_tensor_value_info(INPUT, kind, [1, 3, JOINTS, STEPS])],
        [helper.make_tensor_value_info(OUTPUT, kind, [1, 2])],
        [onnx.numpy_helper.from_array(array, name) for name, array in (*weights.items(), *_GIVEN.items())],
    )
    made: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    return made


def _measured(helper: Any) -> list[Any]:
    """`measure.measured`, node by node, from the input to `rows`."""
    return [
        helper.make_node("Split", [INPUT, "two and one"], ["places", "scores"], axis=1),
        helper.make_node("Add", ["scores", "unseen"], ["weight"]),
        helper.make_node("Mul", ["places", "weight"], ["weighted"]),
        helper.make_node("MatMul", ["mean", "weighted"], ["sums"]),
        helper.make_node("MatMul", ["mean", "weight"], ["score"]),
        helper.make_node("Div", ["sums", "score"], ["middles"]),
        helper.make_node("Slice", ["middles", "hips from", "hips to", "axis two"], ["hips"]),
        helper.make_node("ReduceMean", ["hips"], ["middle"], axes=[3]),
        helper.make_node("Sub", ["middles", "middle"], ["centred"]),
        helper.make_node("ReduceMax", ["places"], ["highest"], axes=[2]),
        helper.make_node("ReduceMin", ["places"], ["lowest"], axes=[2]),
        helper.make_node("Sub", ["highest", "lowest"], ["span"]),
        helper.make_node("Concat", ["centred", "span"], ["both"], axis=2),
        helper.make_node("Reshape", ["both", "as rows"], ["lengths"]),
        helper.make_node("Concat", ["lengths", "score"], ["rows"], axis=2),
    ]


def manifest(name: str, notes: str) -> Manifest:
    """What the network takes and gives: its window is a picture of three colours to the runtime."""
    fed = Input(INPUT, STEPS, JOINTS, layout="NCHW", colour="RGB", dtype="float32")
    return Manifest(
        name=name,
        task="values",
        decoder="values",
        input=fed,
        outputs={"values": OUTPUT},
        labels=("fall", "lies"),
        licence="Apache-2.0",
        notes=notes,
    )


def packed(weights: Mapping[str, F32], name: str, report: Mapping[str, Any]) -> bytes:
    """A packed file: weights rounded to 2^BITS levels an output, biases as they are. It is its own plain model's whole.

    Args:
        report: what was measured, for the file.
    """
    coded = [_weight(key, array) for key, array in weights.items()]
    made = model({weight.name: weight.array for weight in coded})
    plain = hashlib.sha256(made.SerializeToString()).hexdigest()
    described = manifest(name, "Whether seconds of a person's joints hold a fall; made by `edge train-posture`.")
    arrays = {weight.name: weight.array for weight in coded}
    return pack("onnx", skeleton(made, arrays), coded, described, Origin(plain, report=report))


def _weight(name: str, array: F32) -> Weight:
    if not name.endswith(".weight"):
        return Weight(name, array.astype(np.float16).astype(np.float32))
    top = (1 << (BITS - 1)) - 1
    scales = np.maximum(np.abs(array).reshape(len(array), -1).max(axis=1), 1e-8).astype(np.float32) / top
    codes = np.rint(array / scales.reshape(-1, *[1] * (array.ndim - 1))).astype(np.int16)
    grid = Grid(codes, scales.astype(np.float32), 0)
    return Weight(name, grid.values(), grid)
