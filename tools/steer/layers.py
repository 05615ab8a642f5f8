"""A convolution network as a list of layers: what `network.onnx` and `flatbuffer.tflite` write to their formats.

Arrays are channels-last throughout: pictures (rows, columns, channels), filters (rows, columns, in, out), of a dense
layer (in, out). A layer's weights go by its name, what it adds by the name and `_b`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Literal, TypeAlias

Shape: TypeAlias = tuple[int, ...]
"""Of what one layer gives: (rows, columns, channels), or (channels,) once it is flat. One picture at a time."""
Activation = Literal["", "elu", "relu", "tanh", "softmax"]


@dataclass(frozen=True, slots=True)
class Scale:
    """x / by - less: bytes to -1..1."""

    by: float = 127.5
    less: float = 1.0


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution with a bias. side: of the square filters; same: zeros around, so that stride 1 keeps the size."""

    name: str
    side: int
    filters: int
    stride: int = 1
    same: bool = False
    then: Activation = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """The largest of each square; only squares that lie within."""

    side: int
    stride: int


@dataclass(frozen=True, slots=True)
class Fork:
    """Branches of the same input, their channels one behind the other. A fire module is a `Conv` and a `Fork`."""

    branches: tuple[tuple[Layer, ...], ...]


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean of each channel over all places: (channels,)."""


@dataclass(frozen=True, slots=True)
class Flatten:
    """Every value in a row, rows first, channels last."""


@dataclass(frozen=True, slots=True)
class Dense:
    """Each output a weighted sum of all inputs, and a bias; of flat inputs."""

    name: str
    outputs: int
    then: Activation = ""


@dataclass(frozen=True, slots=True)
class Active:
    """An activation; softmax over the channels."""

    kind: Activation


@dataclass(frozen=True, slots=True)
class Concat:
    """The end of a `Fork`; only in a `Step`."""


Layer: TypeAlias = Scale | Conv | Pool | Fork | Mean | Flatten | Dense | Active
Single: TypeAlias = Scale | Conv | Pool | Concat | Mean | Flatten | Dense | Active


@dataclass(frozen=True, slots=True)
class Net:
    """A network of one input and one output, float32.

    shape: of the input, (rows, columns, channels)
    given, gives: names of input and output
    """

    name: str
    shape: tuple[int, int, int]
    layers: tuple[Layer, ...]
    given: str
    gives: str


@dataclass(frozen=True, slots=True)
class Step:
    """One operator: forks are laid out one branch after the other, activations stand alone.

    takes: tensors; gives: the tensor that it makes
    before, after: shape of the first that it takes, and of what it gives
    """

    layer: Single
    takes: tuple[str, ...]
    gives: str
    before: Shape
    after: Shape


def steps(net: Net) -> tuple[Step, ...]:
    """The operators in an order in which they can run; inner tensors are called `0`, `1` and so on.

    Raises:
        ValueError: a layer does not fit what it gets.
    """
    made = list(_through(net.layers, net.given, net.shape, map(str, count())))
    if not made:
        raise ValueError(f"network {net.name}: it has no layers")
    last = made[-1]
    return (*made[:-1], Step(last.layer, last.takes, net.gives, last.before, last.after))


def parameters(net: Net) -> dict[str, Shape]:
    """The shape of every weight by name, in the order of the layers."""
    found: dict[str, Shape] = {}
    for step in steps(net):
        layer = step.layer
        if isinstance(layer, Conv):
            found |= {layer.name: (layer.side, layer.side, step.before[-1], layer.filters)}
            found |= {f"{layer.name}_b": (layer.filters,)}
        elif isinstance(layer, Dense):
            found |= {layer.name: (step.before[-1], layer.outputs), f"{layer.name}_b": (layer.outputs,)}
    return found


def padding(side: int, stride: int, length: int) -> tuple[int, int]:
    """Zeros before and after a `same` convolution's rows or columns, of which the odd one lies behind."""
    wanted = max((math.ceil(length / stride) - 1) * stride + side - length, 0)
    return wanted // 2, wanted - wanted // 2


def _through(layers: tuple[Layer, ...], given: str, shape: Shape, names: Iterator[str]) -> Iterator[Step]:
    for layer in layers:
        if isinstance(layer, Fork):
            ends: list[Step] = []
            for branch in layer.branches:
                made = list(_through(branch, given, shape, names))
                yield from made
                ends.append(made[-1])
            first = ends[0].after
            step = Step(
                Concat(),
                tuple(end.gives for end in ends),
                next(names),
                first,
                (*first[:-1], sum(end.after[-1] for end in ends)),
            )
        else:
            step = Step(layer, (given,), next(names), shape, _after(layer, shape))
        yield step
        given, shape = step.gives, step.after
        if isinstance(layer, Conv | Dense) and layer.then:
            step = Step(Active(layer.then), (given,), next(names), shape, shape)
            yield step
            given = step.gives


def _after(layer: Single, shape: Shape) -> Shape:
    if isinstance(layer, Dense):
        if len(shape) != 1:
            raise ValueError(f"layer {layer.name}: it wants flat values, not {shape}")
        return (layer.outputs,)
    if isinstance(layer, Flatten):
        return (math.prod(shape),)
    if isinstance(layer, Mean):
        return shape[-1:]
    if not isinstance(layer, Conv | Pool):
        return shape
    if len(shape) != 3 or (min(shape[:2]) < layer.side and not (isinstance(layer, Conv) and layer.same)):
        raise ValueError(f"{layer}: it does not fit {shape}")
    if isinstance(layer, Conv):
        sides = (math.ceil(n / layer.stride) if layer.same else (n - layer.side) // layer.stride + 1 for n in shape[:2])
        return (*sides, layer.filters)
    return (*((n - layer.side) // layer.stride + 1 for n in shape[:2]), shape[2])
