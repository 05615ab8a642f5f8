"""Small ONNX graphs of the kinds that models are made of, in float32, float16 and quantized."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper

from tests.support.nets import onnx_file

KINDS = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "int64": TensorProto.INT64}
RANDOM = np.random.default_rng(7)


def weights(*shape: int, spread: float = 0.5) -> NDArray[np.float32]:
    """Numbers about zero, the same in every run."""
    return RANDOM.normal(0, spread, shape).astype(np.float32)


def node(kind: str, sources: str, targets: str = "y", **attributes: object) -> NodeProto:
    """An operator; inputs and outputs as words, `-` for an input left out."""
    return helper.make_node(kind, ["" if s == "-" else s for s in sources.split()], targets.split(), **attributes)


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph of one input `x`; outputs by name, with their shapes and types."""

    nodes: Sequence[NodeProto]
    takes: tuple[int, ...]
    gives: Mapping[str, tuple[tuple[int, ...], str]]
    values: Mapping[str, NDArray[Any]]

    def file(self, path: Path, dtype: str = "float32") -> Path:
        """Write it; in float16, weights and tensors are so, and integers stay."""
        floats = {name: value for name, value in self.values.items() if value.dtype == np.float32}
        return onnx_file(
            path,
            self.nodes,
            {"x": (self.takes, KINDS[dtype])},
            {name: (shape, KINDS[dtype if kind == "float32" else kind]) for name, (shape, kind) in self.gives.items()},
            {**self.values, **{name: value.astype(dtype) for name, value in floats.items()}},
        )


def one(shape: tuple[int, ...]) -> dict[str, tuple[tuple[int, ...], str]]:
    """The output `y`, float32."""
    return {"y": (shape, "float32")}


def ints(*numbers: int) -> NDArray[np.int64]:
    """A list that an operator takes as input."""
    return np.array(numbers, np.int64)


GRAPHS = {
    "convolution": Graph(
        [node("Conv", "x w b", "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]), node("Relu", "c")],
        (1, 3, 9, 9),
        one((1, 4, 5, 5)),
        {"w": weights(4, 3, 3, 3), "b": weights(4)},
    ),
    "depthwise and dilated": Graph(
        [node("Conv", "x w", kernel_shape=[3, 3], group=3, dilations=[2, 2], pads=[2, 2, 2, 2])],
        (1, 3, 8, 8),
        one((1, 3, 8, 8)),
        {"w": weights(3, 1, 3, 3)},
    ),
    "padded as TensorFlow does": Graph(
        [
            node("Conv", "x w", "c", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER"),
            node("BatchNormalization", "c scale shift mean variance"),
        ],
        (1, 3, 8, 8),
        one((1, 2, 4, 4)),
        {
            "w": weights(2, 3, 3, 3),
            "scale": weights(2),
            "shift": weights(2),
            "mean": weights(2),
            "variance": np.abs(weights(2)) + np.float32(0.5),
        },
    ),
    "classifier": Graph(
        [
            node("MaxPool", "x", "p", kernel_shape=[2, 2], strides=[2, 2]),
            node("GlobalAveragePool", "p", "g"),
            node("Flatten", "g", "f"),
            node("Gemm", "f w b", "l", transB=1),
            node("Softmax", "l", "y", axis=-1),
            node("ArgMax", "l", "best", axis=1, keepdims=0),
        ],
        (1, 4, 6, 6),
        {**one((1, 5)), "best": ((1,), "int64")},
        {"w": weights(5, 4), "b": weights(5)},
    ),
    "neck": Graph(
        [
            node("AveragePool", "x", "p", kernel_shape=[2, 2], strides=[2, 2]),
            node(
                "Resize",
                "p - factors",
                "r",
                mode="nearest",
                coordinate_transformation_mode="asymmetric",
                nearest_mode="floor",
            ),
            node("Concat", "r x", "c", axis=1),
            node("ConvTranspose", "c w", kernel_shape=[2, 2], strides=[2, 2]),
        ],
        (1, 2, 4, 4),
        one((1, 3, 8, 8)),
        {"factors": np.array([1, 1, 2, 2], np.float32), "w": weights(4, 3, 2, 2)},
    ),
    "detection head": Graph(
        [
            node("Sigmoid", "x", "s"),
            node("Tanh", "x", "t"),
            node("Concat", "s t", "c", axis=1),
            node("Reshape", "c shape", "r"),
            node("Transpose", "r", "y", perm=[0, 2, 1]),
            node("Split", "y sizes", "boxes scores", axis=2),
        ],
        (1, 3, 4, 4),
        {**one((1, 16, 6)), "boxes": ((1, 16, 4), "float32"), "scores": ((1, 16, 2), "float32")},
        {"shape": ints(1, 6, -1), "sizes": ints(4, 2)},
    ),
    "focus": Graph(
        [
            node("Slice", "x even end rows two", "a"),
            node("Slice", "x odd end rows two", "b"),
            node("Concat", "a b", "c", axis=1),
            node("LeakyRelu", "c", "l", alpha=0.1),
            node("HardSwish", "l", "h"),
            node("HardSigmoid", "h"),
        ],
        (1, 2, 4, 4),
        one((1, 4, 2, 4)),
        {"even": ints(0), "odd": ints(1), "end": ints(1 << 40), "rows": ints(2), "two": ints(2)},
    ),
    "arithmetic": Graph(
        [
            node("Mul", "x a", "m"),
            node("Sub", "m b", "s"),
            node("Div", "s a", "d"),
            node("Clip", "d low high", "c"),
            node("Exp", "c"),
        ],
        (2, 7),
        one((2, 7)),
        {
            "a": np.abs(weights(1, 7)) + np.float32(0.5),
            "b": weights(1, 7),
            "low": np.array(-1, np.float32),
            "high": np.array(1, np.float32),
        },
    ),
    "layer norm": Graph(
        [
            node("ReduceMean", "x", "m", axes=[1]),
            node("Sub", "x m", "d"),
            node("Pow", "d two", "q"),
            node("ReduceMean", "q", "v", axes=[1]),
            node("Add", "v little", "e"),
            node("Sqrt", "e", "r"),
            node("Div", "d r", "n"),
            node("Unsqueeze", "n first", "u"),
            node("Gather", "u picked", "g", axis=2),
            node("Squeeze", "g first"),
        ],
        (3, 8),
        one((3, 2)),
        {
            "two": np.array(2, np.float32),
            "little": np.array(1e-3, np.float32),
            "first": ints(0),
            "picked": ints(6, 1),
        },
    ),
}

QUANTIZED = Graph(
    [
        node("QuantizeLinear", "x step middle", "xq"),
        node("DequantizeLinear", "xq step middle", "xd"),
        node("DequantizeLinear", "wq steps middles", "wd", axis=0),
        node("Conv", "xd wd", "c", kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node("Relu", "c", "r"),
        node("QuantizeLinear", "r out middle", "rq"),
        node("DequantizeLinear", "rq out middle"),
    ],
    (1, 3, 8, 8),
    one((1, 4, 8, 8)),
    {
        "step": np.array(0.02, np.float32),
        "middle": np.array(0, np.int8),
        "wq": RANDOM.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8),
        "steps": np.array([0.004, 0.003, 0.005, 0.002], np.float32),
        "middles": np.zeros(4, np.int8),
        "out": np.array(0.05, np.float32),
    },
)
"""A convolution as quantization-aware training writes it (QDQ), weights by channel; its result is in steps of 0.05."""
