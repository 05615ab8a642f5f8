"""A small classifier with random weights, as ONNX, and what compression wants beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

SIDE = 16
MANIFEST = f"""name = "small"
task = "classify"
decoder = "classes"

[input]
name = "data"
width = {SIDE}
height = {SIDE}
layout = "NCHW"
dtype = "float32"
scale = 0.01

[outputs]
scores = "scores"
"""


def small_cnn(seed: int = 0, opset: int = 13) -> ModelProto:
    """conv 3x3, depthwise 3x3, conv 1x1, each with ReLU, mean, product: ten scores of a 16 x 16 picture."""
    random = np.random.default_rng(seed)

    def draw(*shape: int) -> NDArray[np.float32]:
        return (random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)

    arrays = {
        "w1": draw(16, 3, 3, 3),
        "b1": draw(16),
        "w2": draw(16, 1, 3, 3),
        "b2": draw(16),
        "w3": draw(24, 16, 1, 1),
        "w4": draw(24, 10),
    }
    nodes = [
        helper.make_node("Conv", ["data", "w1", "b1"], ["c1"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"], group=16, auto_pad="SAME_UPPER"),
        helper.make_node("Relu", ["c2"], ["r2"]),
        helper.make_node("Conv", ["r2", "w3"], ["c3"]),
        helper.make_node("Relu", ["c3"], ["r3"]),
        helper.make_node("GlobalAveragePool", ["r3"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w4"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("data", onnx.TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("scores", onnx.TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def small_feeds(count: int, seed: int = 1) -> list[dict[str, NDArray[Any]]]:
    """Noise for it."""
    random = np.random.default_rng(seed)
    return [{"data": random.uniform(0, 2.55, (1, 3, SIDE, SIDE)).astype(np.float32)} for _ in range(count)]


def write_small(folder: Path) -> Path:
    """`small.onnx` with its manifest, and `samples.npz` to calibrate on."""
    path = folder / "small.onnx"
    path.write_bytes(small_cnn().SerializeToString())
    path.with_suffix(".toml").write_text(MANIFEST)
    np.savez(folder / "samples.npz", data=np.concatenate([feed["data"] for feed in small_feeds(12)]))
    return path
