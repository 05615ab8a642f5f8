"""The layers of an ONNX model as matrices, and the second moments of what they are fed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Feeds
from edge.tools import graph
from edge.tools.patches import drawn, patches
from edge.tools.tap import tap

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

F64 = NDArray[np.float64]
PATCHES = 1024
"""Places of a feed that a layer is looked at."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A weight that one node multiplies with its input.

    name: of the weight
    given: the input's name
    shape: of the weight as the file has it
    groups: of a convolution
    turned: whether the file has inputs first (a MatMul)
    bias: name of the bias; empty where there is none
    """

    name: str
    given: str
    shape: tuple[int, ...]
    groups: int
    turned: bool
    bias: str
    node: NodeProto = field(repr=False, compare=False)

    def rows(self, weight: NDArray[Any]) -> NDArray[Any]:
        """The weight as (groups, filters of a group, values of a filter)."""
        if self.turned:
            return np.asarray(weight.T[None])
        return np.asarray(weight.reshape(self.groups, self.shape[0] // self.groups, -1))

    def back(self, rows: NDArray[Any]) -> NDArray[Any]:
        """The inverse of `rows`."""
        made: NDArray[Any] = np.ascontiguousarray(rows[0].T) if self.turned else rows.reshape(self.shape)
        return made

    @property
    def axis(self) -> int:
        """Of the weight, the axis of filters."""
        return 1 if self.turned else 0


def layers(model: ModelProto) -> dict[str, Layer]:
    """The float layers of the main graph by their weight, in the graph's order; weights that two nodes share are left
    out, and so is what is no Conv, Gemm or MatMul.
    """
    held = graph.weights(model)
    used = graph.consumers(model)
    found: dict[str, Layer] = {}
    for node in model.graph.node:
        if node.op_type not in graph.PRODUCTS or len(node.input) < 2:
            continue
        name, weight = node.input[1], held.get(node.input[1])
        if weight is None or weight.dtype != np.float32 or len(used[name]) > 1:
            continue
        say = graph.attributes(node)
        if node.op_type == "Conv":
            groups, turned = int(say.get("group", 1)), False
        elif weight.ndim != 2 or say.get("transA", 0):
            continue
        else:
            groups, turned = 1, not say.get("transB", 0)
        bias = node.input[2] if len(node.input) > 2 and node.op_type != "MatMul" else ""
        found[name] = Layer(name, node.input[0], weight.shape, groups, turned, bias, node)
    return found


def moments(
    model: ModelProto,
    feeds: Feeds,
    of: Mapping[str, Layer],
    seed: int = 0,
    progress: Callable[[float], None] = lambda part: None,
) -> dict[str, F64]:
    """The mean of x x^T over what each layer is fed, float64 (groups, values, values), by weight."""
    return {name: fed.moment for name, fed in look(model, feeds, of, seed, progress).items()}


@dataclass(frozen=True, slots=True)
class Fed:
    """What a layer is fed, x.

    moment: the mean of x x^T, float64 (groups, values, values)
    mean: of x, float64 (groups, values)
    """

    moment: F64
    mean: F64

    def centred(self, share: float) -> F64:
        """The moment without a share of that of the mean."""
        return np.asarray(self.moment - share * self.mean[:, :, None] * self.mean[:, None])


def look(
    model: ModelProto,
    feeds: Feeds,
    of: Mapping[str, Layer],
    seed: int = 0,
    progress: Callable[[float], None] = lambda part: None,
) -> dict[str, Fed]:
    """What each layer is fed, by weight.

    A layer is looked at in `PATCHES` places of each feed, drawn by `seed`.
    """
    wanted = list(dict.fromkeys(layer.given for layer in of.values()))
    places = drawn(PATCHES, np.random.default_rng(seed))
    sums: dict[str, Fed] = {}
    for number, values in enumerate(tap(model, wanted, feeds)):
        for name, layer in of.items():
            x = patches(layer.node, layer.shape, values[layer.given], places).astype(np.float64)
            moment = x.transpose(0, 2, 1) @ x / (x.shape[1] * len(feeds))
            mean = x.mean(axis=1) / len(feeds)
            sums[name] = Fed(sums[name].moment + moment, sums[name].mean + mean) if name in sums else Fed(moment, mean)
        progress((number + 1) / len(feeds))
    return sums
