"""Small float networks of the kinds that quantization meets, and what they are fed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Feeds = list[dict[str, NDArray[np.float32]]]


class Draft:
    """A graph on `x` (1, 3, 12, 12) that grows node by node; weights are the same in every run."""

    def __init__(self, seed: int = 3) -> None:
        self.random = np.random.default_rng(seed)
        self.nodes: list[onnx.NodeProto] = []
        self.values: dict[str, NDArray[np.float32]] = {}

    def add(self, kind: str, sources: str | Sequence[str], target: str, **attributes: object) -> str:
        """A node without weights."""
        names = [sources] if isinstance(sources, str) else list(sources)
        self.nodes.append(helper.make_node(kind, names, [target], **attributes))
        return target

    def conv(self, source: str, target: str, shape: tuple[int, ...], group: int = 1, **more: object) -> str:
        """A convolution that keeps a 3 x 3 kernel's picture its size."""
        pad = shape[-1] // 2
        self.values[f"{target}.w"] = self.random.normal(0, 1 / np.sqrt(np.prod(shape[1:])), shape).astype("f4")
        self.values[f"{target}.b"] = self.random.normal(0, 0.1, shape[0]).astype("f4")
        return self.add("Conv", [source, f"{target}.w", f"{target}.b"], target, group=group, pads=[pad] * 4, **more)

    def gemm(self, source: str, target: str, outputs: int, inputs: int) -> str:
        """A fully connected layer, weights (outputs, inputs)."""
        self.values[f"{target}.w"] = self.random.normal(0, 1 / np.sqrt(inputs), (outputs, inputs)).astype("f4")
        self.values[f"{target}.b"] = self.random.normal(0, 0.1, outputs).astype("f4")
        return self.add("Gemm", [source, f"{target}.w", f"{target}.b"], target, transB=1)

    def model(self, output: str, rank: int = 4, opset: int = 13) -> onnx.ModelProto:
        """The network; its output is float32 of any sizes."""
        graph = helper.make_graph(
            self.nodes,
            "tiny",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 12, 12])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, [None] * rank)],
            [numpy_helper.from_array(value, name) for name, value in self.values.items()],
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def classifier(opset: int = 13) -> onnx.ModelProto:
    """Conv, ReLU, pooling twice, then a fully connected layer."""
    draft = Draft()
    draft.add("Relu", draft.conv("x", "c1", (8, 3, 3, 3)), "r1")
    draft.add("MaxPool", "r1", "p1", kernel_shape=[2, 2], strides=[2, 2])
    draft.add("Relu", draft.conv("p1", "c2", (16, 8, 3, 3)), "r2")
    draft.add("MaxPool", "r2", "p2", kernel_shape=[2, 2], strides=[2, 2])
    draft.add("Flatten", "p2", "f")
    draft.gemm("f", "y", 10, 144)
    return draft.model("y", rank=2, opset=opset)


def depthwise() -> onnx.ModelProto:
    """A depthwise convolution between two dense ones, ReLU between them."""
    draft = Draft()
    draft.add("Relu", draft.conv("x", "c1", (8, 3, 3, 3)), "r1")
    draft.add("Relu", draft.conv("r1", "c2", (8, 1, 3, 3), group=8), "r2")
    draft.conv("r2", "y", (6, 8, 1, 1))
    return draft.model("y")


def silu() -> onnx.ModelProto:
    """Two convolutions with x * sigmoid(x) between them."""
    draft = Draft()
    draft.add("Sigmoid", draft.conv("x", "c1", (8, 3, 3, 3)), "s1")
    draft.add("Mul", ["c1", "s1"], "m1")
    draft.conv("m1", "y", (6, 8, 3, 3))
    return draft.model("y")


def residual() -> onnx.ModelProto:
    """A residual block: what goes in is added, then ReLU."""
    draft = Draft()
    draft.add("Relu", draft.conv("x", "c1", (8, 3, 3, 3)), "r1")
    draft.conv("r1", "c2", (8, 8, 3, 3))
    draft.add("Add", ["c2", "r1"], "a")
    draft.add("Relu", "a", "r2")
    draft.conv("r2", "y", (6, 8, 1, 1))
    return draft.model("y")


def fire() -> onnx.ModelProto:
    """A fire module: two convolutions of one tensor, concatenated."""
    draft = Draft()
    draft.add("Relu", draft.conv("x", "s", (4, 3, 1, 1)), "rs")
    draft.add("Relu", draft.conv("rs", "e1", (8, 4, 1, 1)), "r1")
    draft.add("Relu", draft.conv("rs", "e3", (8, 4, 3, 3)), "r3")
    draft.add("Concat", ["r1", "r3"], "cat", axis=1)
    draft.conv("cat", "y", (6, 16, 1, 1))
    return draft.model("y")


def detector() -> onnx.ModelProto:
    """Boxes of some hundred pixels and scores below 1 in one output, from two last convolutions."""
    draft = Draft()
    draft.add("Relu", draft.conv("x", "c1", (8, 3, 3, 3)), "r1")
    draft.values["c1.w"] *= 0.5
    draft.conv("r1", "boxes", (4, 8, 1, 1))
    draft.values["boxes.w"] *= 300
    draft.add("Sigmoid", draft.conv("r1", "logits", (2, 8, 1, 1)), "scores")
    draft.add("Concat", ["boxes", "scores"], "y", axis=1)
    return draft.model("y")


def normed() -> onnx.ModelProto:
    """A convolution without bias, batch norm, ReLU, another convolution."""
    draft = Draft()
    draft.conv("x", "c1", (8, 3, 3, 3))
    del draft.nodes[-1].input[2], draft.values["c1.b"]
    for name, array in (("gain", draft.random.uniform(0.5, 2, 8)), ("shift", draft.random.normal(0, 1, 8))):
        draft.values[name] = array.astype("f4")
    draft.values["mean"] = draft.random.normal(0, 0.2, 8).astype("f4")
    draft.values["variance"] = draft.random.uniform(0.5, 2, 8).astype("f4")
    draft.add("BatchNormalization", ["c1", "gain", "shift", "mean", "variance"], "n1")
    draft.add("Relu", "n1", "r1")
    draft.conv("r1", "y", (6, 8, 3, 3))
    return draft.model("y")


KINDS = {
    "classifier": classifier,
    "depthwise": depthwise,
    "silu": silu,
    "residual": residual,
    "fire": fire,
    "detector": detector,
    "normed": normed,
}


def feeds(count: int = 12, seed: int = 5) -> Feeds:
    """Pictures of blobs, 0..1."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0, 1, (count, 1, 3, 4, 4)).astype("f4")
    return [{"x": np.ascontiguousarray(picture.repeat(3, 2).repeat(3, 3))} for picture in coarse]


def values(model: onnx.ModelProto) -> dict[str, NDArray[np.generic]]:
    """Initializers by name."""
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
