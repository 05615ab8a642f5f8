"""A network of `layers` in torch. Weights by the same names, filters in torch's order (out, in, rows, columns)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edge.tools.steer.layers import (
    Active,
    Concat,
    Conv,
    Dense,
    Flatten,
    Mean,
    Net,
    Pool,
    Scale,
    Step,
    padding,
    parameters,
    steps,
)
from edge.tools.train.backend import Tensor, functional, torch
from edge.types import F32

Held = dict[str, Tensor]
"""Weights by name in torch's order, each wanting a gradient."""


def drawn(net: Net, rng: np.random.Generator) -> Held:
    """Weights within the square root of 1 / inputs, as torch draws them."""
    held: Held = {}
    bound = 1.0
    for name, shape in parameters(net).items():
        if not name.endswith("_b"):
            bound = float(np.prod(shape[:-1])) ** -0.5
        array = rng.uniform(-bound, bound, _order(shape)).astype(np.float32)
        held[name] = torch().from_numpy(array).requires_grad_()
    return held


def run(net: Net, held: Mapping[str, Tensor], seen: Tensor, dropout: float = 0.0) -> dict[str, Tensor]:
    """Every tensor of the network by name, the last `net.gives`.

    Args:
        seen: (n, channels, rows, columns), bytes or floats of 0..255
        dropout: of what enters a mean or becomes a row of values; 0 but while it learns
    """
    made = {net.given: seen.float()}
    for step in steps(net):
        taken = [made[name] for name in step.takes]
        if dropout and isinstance(step.layer, Mean | Flatten):
            taken = [functional().dropout(taken[0], dropout)]
        made[step.gives] = _one(step, taken, held)
    return made


def weights_of(held: Mapping[str, Tensor]) -> dict[str, F32]:
    """The weights as `layers` shapes them."""
    return {name: _back(part.detach().numpy().copy()) for name, part in held.items()}


def _one(step: Step, taken: list[Tensor], held: Mapping[str, Tensor]) -> Tensor:
    f, layer, x = functional(), step.layer, taken[0]
    match layer:
        case Scale():
            return x / layer.by - layer.less
        case Conv():
            if layer.same and layer.side > 1:
                (top, bottom), (left, right) = (padding(layer.side, layer.stride, n) for n in step.before[:2])
                x = f.pad(x, (left, right, top, bottom))
            return f.conv2d(x, held[layer.name], held[f"{layer.name}_b"], stride=layer.stride)
        case Pool():
            return f.max_pool2d(x, layer.side, layer.stride)
        case Concat():
            return torch().cat(taken, 1)
        case Mean():
            return x.mean((2, 3))
        case Flatten():
            return x.permute(0, 2, 3, 1).flatten(1)
        case Dense():
            return f.linear(x, held[layer.name], held[f"{layer.name}_b"])
        case Active():
            return f.softmax(x, 1) if layer.kind == "softmax" else getattr(f, layer.kind)(x)


def _order(shape: tuple[int, ...]) -> tuple[int, ...]:
    """torch's order of a weight's shape."""
    return (shape[3], shape[2], *shape[:2]) if len(shape) == 4 else shape[::-1]


def _back(array: F32) -> F32:
    """From torch's order to channels last."""
    return np.ascontiguousarray(array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T)
