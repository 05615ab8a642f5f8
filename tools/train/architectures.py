"""Built-in networks for small grey pictures, as ONNX models whose weights are yet to be trained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import need
from edge.models.manifest import Manifest
from edge.preprocess import Input
from edge.tools.graph import INSTALL

if TYPE_CHECKING:
    from onnx import ModelProto

SIDE, CLASSES = 28, 10
INPUT, OUTPUT = "x", "y"
OPSET, IR = 17, 9


@dataclass(slots=True)
class _Chain:
    """A network under construction: each layer takes what the last one gave."""

    draw: np.random.Generator
    nodes: list[Any] = field(default_factory=list)
    weights: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    last: str = INPUT

    def add(self, op: str, *shapes: tuple[int, ...], **attributes: int | Sequence[int]) -> None:
        """A node; its weights are drawn for rectified inputs (He et al. 2015, arXiv:1502.01852), its biases 0."""
        helper = need("onnx", INSTALL).helper
        names = [f"{letter}{len(self.weights) // 2}" for letter in "wb"][: len(shapes)]
        for name, shape in zip(names, shapes, strict=True):
            spread = 0.0 if len(shape) == 1 else np.sqrt(2 / np.prod(shape[1:]))
            self.weights[name] = np.asarray(self.draw.normal(0, 1, shape) * spread, np.float32)
        given, self.last = self.last, f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [given, *names], [self.last], **attributes))

    def conv(self, taken: int, given: int, side: int, pad: int = 0) -> None:
        """A square convolution of stride 1."""
        self.add("Conv", (given, taken, side, side), (given,), kernel_shape=[side, side], pads=[pad] * 4)

    def pool(self) -> None:
        """The largest of 2 x 2."""
        self.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])

    def dense(self, taken: int, given: int) -> None:
        """A fully connected layer."""
        self.add("Gemm", (given, taken), (given,), transB=1)


def _lenet_300_100(net: _Chain) -> None:
    net.add("Flatten")
    net.dense(784, 300)
    net.add("Relu")
    net.dense(300, 100)
    net.add("Relu")
    net.dense(100, CLASSES)


def _lenet_5(net: _Chain) -> None:
    net.conv(1, 20, 5)
    net.pool()
    net.conv(20, 50, 5)
    net.pool()
    net.add("Flatten")
    net.dense(800, 500)
    net.add("Relu")
    net.dense(500, CLASSES)


def _convnet(net: _Chain) -> None:
    net.conv(1, 32, 3, pad=1)
    net.add("Relu")
    net.pool()
    net.conv(32, 64, 3, pad=1)
    net.add("Relu")
    net.conv(64, 128, 3, pad=1)
    net.add("Relu")
    net.pool()
    net.add("Flatten")
    net.dense(128 * 7 * 7, CLASSES)


TABLE: Mapping[str, Callable[[_Chain], None]] = {
    "lenet-300-100": _lenet_300_100,
    "lenet-5": _lenet_5,
    "convnet": _convnet,
}
"""LeNet-300-100 (LeCun et al. 1998, section III.C.4, with ReLU), LeNet-5 as in Caffe's example, and a small convnet."""


def build(name: str, seed: int) -> ModelProto:
    """A network of `TABLE` with weights drawn by seed: pictures `x` (n, 1, 28, 28) to logits `y` (n, 10)."""
    onnx = need("onnx", INSTALL)
    net = _Chain(np.random.default_rng(seed))
    TABLE[name](net)
    net.nodes[-1].output[0] = OUTPUT
    kind = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        net.nodes,
        name,
        [onnx.helper.make_tensor_value_info(INPUT, kind, ["n", 1, SIDE, SIDE])],
        [onnx.helper.make_tensor_value_info(OUTPUT, kind, ["n", CLASSES])],
        [onnx.numpy_helper.from_array(value, key) for key, value in net.weights.items()],
    )
    model: ModelProto = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=IR
    )
    return model


def manifest(name: str) -> Manifest:
    """How a network of `TABLE` is fed and read: pixels of 0..255 as 0..1, logits of the digits."""
    return Manifest(
        name=name,
        task="classify",
        decoder="classes",
        input=Input(INPUT, SIDE, SIDE, "NCHW", "GRAY", "float32", scale=1 / 255, resize="area"),
        outputs={"scores": OUTPUT},
        labels=tuple(str(digit) for digit in range(CLASSES)),
        min_score=0.0,
        softmax=True,
        engines=("onnxruntime",),
    )
