"""The compressed SqueezeNet that Deep Compression's authors published, as an ONNX model.

Han, Mao, Dally: Deep Compression, 2015; Iandola et al.: SqueezeNet, 2016, table 1 (version 1.0). The file,
`compressed_SqueezeNet.net` of github.com/songhan/SqueezeNet-Deep-Compression, has no header: for all layers the number
of stored weights, uint32; then for each layer a codebook, float32 (256,), the bias, float32 (filters,), the codes,
uint8, and the gaps between stored weights, two a byte, the low four bits first. A gap of g skips g weights that are 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import need
from edge.errors import ModelError
from edge.paths import read_bounded
from edge.tools.graph import INSTALL, OPSET
from edge.types import F32

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

SUFFIX = ".net"
MOST_BYTES = 16 << 20
CLASSES = 1000
SIDE = 227
LEVELS = 256
FIRES = {2: (16, 64), 3: (16, 64), 4: (32, 128), 5: (32, 128), 6: (48, 192), 7: (48, 192), 8: (64, 256), 9: (64, 256)}
"""Of each fire module the filters that squeeze, and those of either half that expands."""
POOLED = (4, 8)
"""Fire modules that a pooling follows."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution. shape: filters, channels, height, width of its weights; pad on all sides."""

    name: str
    shape: tuple[int, int, int, int]
    stride: int = 1
    pad: int = 0


def layers() -> Iterator[Layer]:
    """The convolutions in the file's order."""
    yield Layer("conv1", (96, 3, 7, 7), stride=2)
    channels = 96
    for number, (squeezed, expanded) in FIRES.items():
        yield Layer(f"fire{number}/conv1x1_1", (squeezed, channels, 1, 1))
        yield Layer(f"fire{number}/conv1x1_2", (expanded, squeezed, 1, 1))
        yield Layer(f"fire{number}/conv3x3_2", (expanded, squeezed, 3, 3), pad=1)
        channels = 2 * expanded
    yield Layer("conv_final", (CLASSES, channels, 1, 1), pad=1)


def load(path: Path) -> ModelProto:
    """The published file as a whole ONNX model: `data` float32 (1, 3, 227, 227) to `prob` float32 (1, 1000).

    Raises:
        ModelError: another file.
        MissingError: the package `onnx` is not here.
    """
    try:
        content = read_bounded(path, MOST_BYTES)
    except OSError as fault:
        raise ModelError(f"{path}: cannot be read: {fault.strerror or fault}") from None
    try:
        return model(read(content))
    except ValueError as fault:
        raise ModelError(f"{path}: not the compressed SqueezeNet of Deep Compression: {fault}") from None


def read(content: bytes) -> dict[str, F32]:
    """Weights and biases by name, float32; ValueError for other content."""
    table = list(layers())
    if len(content) < 4 * len(table):
        raise ValueError("it is too short")
    counts = np.frombuffer(content, "<u4", len(table))
    at = counts.nbytes

    def take(dtype: str, count: int) -> NDArray[Any]:
        nonlocal at
        size = np.dtype(dtype).itemsize * count
        if at + size > len(content):
            raise ValueError("it is too short")
        array = np.frombuffer(content, dtype, count, at)
        at += size
        return array

    found: dict[str, F32] = {}
    for layer, count in zip(table, counts.tolist(), strict=True):
        size = int(np.prod(layer.shape))
        if not 0 < count <= size:
            raise ValueError(f"{layer.name} cannot have {count} weights")
        codebook, bias = take("<f4", LEVELS), take("<f4", layer.shape[0])
        codes, pairs = take("u1", count), take("u1", (count + 1) // 2)
        gaps = np.stack([pairs % 16, pairs // 16], 1).ravel()[:count]
        places = np.cumsum(gaps.astype(np.int64) + 1) - 1
        if places[-1] >= size:
            raise ValueError(f"{layer.name} has weights beyond its end")
        dense = np.full(size, codebook[0], np.float32)
        dense[places] = codebook[codes]
        found[f"{layer.name}.weight"] = dense.reshape(layer.shape)
        found[f"{layer.name}.bias"] = bias.astype(np.float32)
    if at != len(content):
        raise ValueError(f"{len(content) - at} bytes are left over")
    return found


def model(arrays: dict[str, F32]) -> ModelProto:
    """SqueezeNet 1.0 around its weights. The half that expands by 1x1 comes first in a fire module's output."""
    onnx = need("onnx", INSTALL)
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    table = {layer.name: layer for layer in layers()}
    nodes = [*_conv(helper, table["conv1"], "data", "conv1"), _pool(helper, "conv1", "pool1")]
    last = "pool1"
    for number in FIRES:
        name = f"fire{number}"
        nodes += _conv(helper, table[f"{name}/conv1x1_1"], last, f"{name}/squeeze")
        for half in ("conv1x1_2", "conv3x3_2"):
            nodes += _conv(helper, table[f"{name}/{half}"], f"{name}/squeeze", f"{name}/{half}")
        nodes.append(helper.make_node("Concat", [f"{name}/conv1x1_2", f"{name}/conv3x3_2"], [name], axis=1))
        last = name
        if number in POOLED:
            last = f"pool{number}"
            nodes.append(_pool(helper, name, last))
    nodes += _conv(helper, table["conv_final"], last, "conv_final")
    nodes.append(helper.make_node("GlobalAveragePool", ["conv_final"], ["mean"]))
    nodes.append(helper.make_node("Flatten", ["mean"], ["logits"]))
    nodes.append(helper.make_node("Softmax", ["logits"], ["prob"], axis=1))
    graph = helper.make_graph(
        nodes,
        "squeezenet",
        [helper.make_tensor_value_info("data", kind, [1, 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("prob", kind, [1, CLASSES])],
        [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    made: ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    return made


def _conv(helper: Any, layer: Layer, given: str, out: str) -> list[NodeProto]:
    """A convolution and its ReLU."""
    wanted = [given, f"{layer.name}.weight", f"{layer.name}.bias"]
    kernel, stride = list(layer.shape[2:]), [layer.stride] * 2
    conv = helper.make_node("Conv", wanted, [f"{out}+"], kernel_shape=kernel, strides=stride, pads=[layer.pad] * 4)
    return [conv, helper.make_node("Relu", [f"{out}+"], [out])]


def _pool(helper: Any, given: str, out: str) -> NodeProto:
    node: NodeProto = helper.make_node("MaxPool", [given], [out], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    return node
