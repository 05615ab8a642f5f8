"""Random small nets of everything that channels are followed through, on one input (1, 3, 8, 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

SIDE = 8


@dataclass
class Net:
    """A graph that grows: `channels` of each tensor (1, c, 8, 8) made so far."""

    seed: int = 0
    nodes: list[NodeProto] = field(default_factory=list)
    weights: dict[str, NDArray[np.generic]] = field(default_factory=dict)
    channels: dict[str, int] = field(default_factory=lambda: {"x": 3})

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def weight(self, *shape: int) -> str:
        """A new constant of random values."""
        return self.constant((self.random.normal(size=shape) / np.sqrt(max(1, np.prod(shape[1:])))).astype(np.float32))

    def constant(self, value: NDArray[np.generic]) -> str:
        """A new constant."""
        name = f"w{len(self.weights)}"
        self.weights[name] = value
        return name

    def add(self, operator: str, inputs: list[str], outputs: int = 1, **attributes: object) -> list[str]:
        """A new node; the names of what it makes."""
        made = [f"t{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, made, name=made[0], **attributes))
        return made

    def conv(self, source: str, filters: int, kernel: int = 3, group: int = 1, *, bias: bool = True) -> str:
        """A convolution that keeps the size."""
        inputs = [source, self.weight(filters, self.channels[source] // group, kernel, kernel)]
        inputs += [self.weight(filters)] if bias else []
        pads = [kernel // 2] * 4
        (name,) = self.add("Conv", inputs, group=group, kernel_shape=[kernel, kernel], pads=pads)
        self.channels[name] = filters
        return name

    def plain(self, operator: str, inputs: list[str], **attributes: object) -> str:
        """A node that keeps the channels of its first input."""
        (name,) = self.add(operator, inputs, **attributes)
        self.channels[name] = self.channels[inputs[0]]
        return name

    def model(self, output: str, shape: list[int]) -> ModelProto:
        """The finished model."""
        graph = helper.make_graph(
            self.nodes,
            "net",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, SIDE, SIDE])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
            [numpy_helper.from_array(value, name) for name, value in self.weights.items()],
        )
        made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(made, full_check=True)
        return made


def shuffled(net: Net, name: str) -> str:
    """A channel shuffle in two groups, as PyTorch exports it."""
    count = net.channels[name]
    grid = net.constant(np.array([1, 2, count // 2, SIDE, SIDE], np.int64))
    flat = net.constant(np.array([1, count, SIDE, SIDE], np.int64))
    (a,) = net.add("Reshape", [name, grid])
    (b,) = net.add("Transpose", [a], perm=[0, 2, 1, 3, 4])
    (c,) = net.add("Reshape", [b, flat])
    net.channels[c] = count
    return c


def halves(net: Net, name: str) -> list[str]:
    """Two pieces of the channels, by Split or by Slice."""
    count = net.channels[name]
    if net.random.random() < 0.5:
        sizes = [net.constant(np.array([count // 2, count - count // 2], np.int64))] if count % 2 else []
        made = net.add("Split", [name, *sizes], 2, axis=1)
    else:
        bounds = [(0, count // 2), (count // 2, 1 << 40)]
        made = [net.add("Slice", [name, *(net.constant(np.array([v], np.int64)) for v in (*b, 1))])[0] for b in bounds]
    net.channels.update({made[0]: count // 2, made[1]: count - count // 2})
    return made


def normalized(net: Net, name: str) -> str:
    """A batch normalization."""
    count = net.channels[name]
    constants = [net.weight(count), net.weight(count), net.weight(count)]
    spread = net.constant(net.random.uniform(0.5, 2, count).astype(np.float32))
    return net.plain("BatchNormalization", [name, *constants, spread])


def stacked(net: Net, names: list[str]) -> str:
    """Tensors behind each other."""
    (made,) = net.add("Concat", names, axis=1)
    net.channels[made] = sum(net.channels[name] for name in names)
    return made


def gated(net: Net, name: str) -> str:
    """Squeeze and excite: a channel scaled by what all channels say."""
    count = net.channels[name]
    (pooled,) = net.add("ReduceMean", [name], axes=[2, 3], keepdims=1)
    net.channels[pooled] = count
    gate = net.plain("Sigmoid", [net.conv(net.conv(pooled, 4, 1), count, 1)])
    return net.plain("Mul", [name, gate])


def resized(net: Net, name: str) -> str:
    """Twice as large and back."""
    count = net.channels[name]
    wanted = net.constant(np.array([1, count, 2 * SIDE, 2 * SIDE], np.int64))
    large = net.plain("Resize", [name, "", "", wanted], mode="nearest")
    return net.plain("MaxPool", [large], kernel_shape=[2, 2], strides=[2, 2])


def deepened(net: Net, name: str) -> str:
    """Places to channels and back again, with a convolution between."""
    (deep,) = net.add("SpaceToDepth", [name], blocksize=2)
    net.channels[deep] = 4 * net.channels[name]
    (back,) = net.add("DepthToSpace", [net.conv(deep, 16, 1)], blocksize=2, mode="CRD")
    net.channels[back] = 4
    return back


def turned(net: Net, name: str) -> str:
    """Channels last, scaled, and back."""
    scale = net.weight(net.channels[name])
    last = net.plain("Transpose", [name], perm=[0, 2, 3, 1])
    return net.plain("Transpose", [net.plain("Mul", [last, scale])], perm=[0, 3, 1, 2])


def upsampled(net: Net, name: str) -> str:
    """A transposed convolution, as large as its input."""
    count = net.channels[name]
    (made,) = net.add("ConvTranspose", [name, net.weight(count, 6, 3, 3)], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    net.channels[made] = 6
    return made


def padded(net: Net, name: str) -> str:
    """A border, and a pooling that takes it away again."""
    (pads,) = [net.constant(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64))]
    wide = net.plain("Pad", [name, pads])
    return net.plain("AveragePool", [wide], kernel_shape=[3, 3])


def scaled(net: Net, name: str) -> str:
    """A slope and a constant for each channel."""
    slope = net.weight(net.channels[name], 1, 1)
    return net.plain("Add", [net.plain("PRelu", [name, slope]), net.weight(1, net.channels[name], 1, 1)])


Grow = Callable[[Net, str], str]
ONE: list[Grow] = [normalized, gated, resized, deepened, turned, upsampled, padded, scaled]
"""What makes one tensor of another."""


@st.composite
def models(draw: st.DrawFn) -> ModelProto:
    """A net of up to eight parts with a dense end."""
    net = Net(draw(st.integers(0, 1 << 16)))
    last = net.plain("Relu", [net.conv("x", draw(st.sampled_from([4, 6, 8])))])
    seen = [last]
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(
            st.sampled_from(["conv", "depthwise", "group", "add", "concat", "split", "shuffle", "twice", "one"])
        )
        last = _grown(net, kind, last, draw(st.sampled_from(seen)), draw)
        if draw(st.booleans()):
            last = net.plain(draw(st.sampled_from(["Relu", "Sigmoid", "Tanh", "HardSwish"])), [last])
        seen.append(last)
    return _ended(net, last, draw(st.sampled_from(["gemm", "matmul", "pool", "conv"])))


def _grown(net: Net, kind: str, last: str, other: str, draw: st.DrawFn) -> str:
    count = net.channels[last]
    if kind == "depthwise":
        return net.conv(last, count * draw(st.sampled_from([1, 2])), 3, count, bias=draw(st.booleans()))
    if kind == "group" and count % 2 == 0:
        return net.conv(last, 6, 3, 2)
    if kind == "add":
        return net.plain("Add", [last, other if net.channels[other] == count else net.conv(other, count, 1)])
    if kind == "concat":
        return stacked(net, [last, other])
    if kind == "twice":
        return stacked(net, [last, last])
    if kind == "split" and count > 1:
        a, b = halves(net, last)
        return stacked(net, [net.plain("Relu", [b]), a, net.conv(a, 2)])
    if kind == "shuffle" and count % 2 == 0:
        return shuffled(net, last)
    if kind == "one":
        return draw(st.sampled_from(ONE))(net, last)
    return net.conv(last, draw(st.sampled_from([4, 6, 8])), draw(st.sampled_from([1, 3])), bias=draw(st.booleans()))


def _ended(net: Net, last: str, kind: str) -> ModelProto:
    count = net.channels[last]
    if kind == "conv":
        return net.model(net.conv(last, 2), [1, 2, SIDE, SIDE])
    if kind == "pool":
        (flat,) = net.add("Flatten", net.add("GlobalAveragePool", [last]))
        width = count
    else:
        (flat,) = net.add("Reshape", [last, net.constant(np.array([1, -1], np.int64))])
        width = count * SIDE * SIDE
    if kind == "matmul":
        (hidden,) = net.add("MatMul", [flat, net.weight(width, 6)])
        (biased,) = net.add("Add", [hidden, net.weight(6)])
    else:
        (biased,) = net.add("Gemm", [flat, net.weight(6, width), net.weight(6)], transB=1)
    (output,) = net.add("Gemm", [*net.add("Relu", [biased]), net.weight(6, 2), net.weight(2)])
    return net.model(output, [1, 2])
