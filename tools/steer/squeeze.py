"""MainSqueeze in NumPy: the oracle, and a pilot that needs no engine.

A SqueezeNet (Iandola et al., arXiv 1602.07360) of one fire module and 52 parameters. Weights by name, as channels-last
arrays: `conv1` (3, 3, 1, 2), `squeeze` (1, 1, 2, 1), `expand1` (1, 1, 1, 2), `expand3` (3, 3, 1, 2), `dense` (4, 1),
and the same with `_b` for what is added.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from edge.tools.steer.layers import Conv, Dense, Fork, Mean, Net, Pool, Scale
from edge.tools.steer.sim.drive import Pilot
from edge.types import F32, U8

TOP, BOTTOM, SIDE = 70, 140, 64
"""Rows of a frame that are seen, and the side of the square that they become."""
NET = Net(
    "mainsqueeze",
    (SIDE, SIDE, 1),
    (
        Scale(),
        Conv("conv1", 3, 2, stride=2, then="elu"),
        Pool(3, 2),
        Conv("squeeze", 1, 1, then="elu"),
        Fork(((Conv("expand1", 1, 2, then="elu"),), (Conv("expand3", 3, 2, same=True, then="elu"),))),
        Mean(),
        Dense("dense", 1),
    ),
    given="saturation",
    gives="steering",
)
NOTES = "Where to steer, by the saturation of rows 70 to 139 of 160; `edge steer imitate`."
LAYERS = ("conv1", "squeeze", "expand1", "expand3", "dense")
PUBLISHED = {
    "conv1": "conv1__conv1",
    "squeeze": "fire2__squeeze1x1__fire2__squeeze1x1",
    "expand1": "fire2__expand1x1__fire2__expand1x1",
    "expand3": "fire2__expand3x3__fire2__expand3x3",
    "dense": "loss__loss",
}
"""What the layers are called in the published file, before `_W_0` and `_b_0`."""


def saturation(frame: U8) -> U8:
    """What the network sees of a BGR frame (160, 320, 3): HSV saturation, uint8 (64, 64)."""
    seen = cv2.resize(frame[TOP:BOTTOM], (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(seen, cv2.COLOR_BGR2HSV)[:, :, 1], np.uint8)


def steering(weights: Mapping[str, F32], seen: U8) -> float:
    """What the network says of a saturation, uint8 (64, 64); not clipped."""
    x = seen[..., None].astype(np.float32) / 127.5 - 1
    x = _elu(_conv(x, weights, "conv1", 2))
    x = sliding_window_view(x, (3, 3), (0, 1))[::2, ::2].max((-2, -1))
    x = _elu(_conv(x, weights, "squeeze"))
    wide = _elu(_conv(np.pad(x, ((1, 1), (1, 1), (0, 0))), weights, "expand3"))
    x = np.concatenate([_elu(_conv(x, weights, "expand1")), wide], -1).mean((0, 1))
    return float((x @ weights["dense"] + weights["dense_b"])[0])


def pilot(weights: Mapping[str, F32]) -> Pilot:
    """A pilot of these weights."""
    return lambda frame: steering(weights, saturation(frame))


def published(arrays: Mapping[str, F32]) -> dict[str, F32]:
    """The weights of `mez52.npz` under our names."""
    named = {layer: arrays[f"{long}_W_0"] for layer, long in PUBLISHED.items()}
    return named | {f"{layer}_b": arrays[f"{long}_b_0"] for layer, long in PUBLISHED.items()}


def _conv(x: F32, weights: Mapping[str, F32], layer: str, stride: int = 1) -> F32:
    """A convolution over (rows, columns, channels), only where the filter lies within."""
    filters = weights[layer]
    windows = sliding_window_view(x, filters.shape[:2], (0, 1))[::stride, ::stride]
    rows, columns = windows.shape[:2]
    flat = filters.transpose(2, 0, 1, 3).reshape(-1, filters.shape[-1])
    return np.asarray((windows.reshape(rows * columns, -1) @ flat).reshape(rows, columns, -1) + weights[f"{layer}_b"])


def _elu(x: F32) -> F32:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
