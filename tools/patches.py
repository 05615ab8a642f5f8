"""What the filters of a layer are multiplied with, place by place (im2col)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from edge.tools.graph import attributes
from edge.types import F32

if TYPE_CHECKING:
    from onnx import NodeProto

Places: TypeAlias = "Callable[[int], NDArray[np.intp]]"
"""Which of so many places are looked at."""


def drawn(most: int, random: np.random.Generator) -> Places:
    """Some places drawn at random, in ascending order, or all where they are no more."""
    return lambda count: np.arange(count) if count <= most else np.sort(random.choice(count, most, replace=False))


def at(places: NDArray[np.intp]) -> Places:
    """These places."""
    return lambda count: places


def patches(node: NodeProto, shape: Sequence[int], given: NDArray[Any], places: Places) -> F32:
    """What each filter is multiplied with, float32 (groups, places, values of a filter).

    Args:
        node: one of `graph.PRODUCTS`; a Gemm with `transA` 0.
        shape: of its weight.
        given: its input, (batch, channels, ...) or (..., values).
        places: numbered over the batch, then as the output has them.
    """
    given = np.asarray(given, np.float32)
    if node.op_type != "Conv":
        flat = given.reshape(-1, given.shape[-1])
        return flat[places(len(flat))][None]
    say = attributes(node)
    groups, kernel = say.get("group", 1), shape[2:]
    spread = say.get("dilations") or [1] * len(kernel)
    stride = say.get("strides") or [1] * len(kernel)
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, spread, strict=True)]
    before, after = _pads(say, given.shape[2:], reach, stride)
    padded = np.pad(given, [(0, 0), (0, 0), *zip(before, after, strict=True)])
    windows = sliding_window_view(padded, reach, tuple(range(2, padded.ndim)))
    every = (slice(None), slice(None), *(slice(None, None, step) for step in (*stride, *spread)))
    windows = np.moveaxis(windows[every], 1, 1 + len(kernel))
    there = windows.shape[: 1 + len(kernel)]
    taken = windows[np.unravel_index(places(int(np.prod(there))), there)]
    return np.ascontiguousarray(taken.reshape(len(taken), groups, -1).transpose(1, 0, 2))


def _pads(
    say: Mapping[str, Any], sizes: Sequence[int], reach: Sequence[int], stride: Sequence[int]
) -> tuple[list[int], list[int]]:
    auto = say.get("auto_pad", "NOTSET")
    count = len(sizes)
    if not auto.startswith("SAME"):
        given = list(say.get("pads") or [0] * (2 * count)) if auto != "VALID" else [0] * (2 * count)
        return given[:count], given[count:]
    total = [max(0, (-(-n // s) - 1) * s + r - n) for n, r, s in zip(sizes, reach, stride, strict=True)]
    less, more = [n // 2 for n in total], [n - n // 2 for n in total]
    return (less, more) if auto == "SAME_UPPER" else (more, less)
