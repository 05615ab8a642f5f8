"""JSON of a server: its objects, and the tensors in it, of which nothing is believed."""

from __future__ import annotations

import json
import math
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import TensorSpec
from edge.engines.kserve_http import Odd

DEEPEST = 32
"""Lists within lists; as many as an array may have axes in every release of NumPy."""

LEAVES: dict[str, set[type]] = {"f": {int, float}, "b": {bool}, "i": {int}, "u": {int}}
"""What may stand for an element, by NumPy's kind of its type."""


def parse(body: bytes | bytearray) -> dict[str, Any]:
    """A JSON object; Odd for anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise Odd("its answer is not JSON") from None
    if not isinstance(value, dict):
        raise Odd("its answer is not a JSON object")
    return value


def from_json(data: Any, shape: tuple[int, ...], spec: TensorSpec) -> NDArray[Any]:
    """An output from its numbers, nested or flat; Odd where they are others than its type and shape say."""
    wanted = np.dtype(spec.dtype)
    flat = _flat(data)
    # Looked at before NumPy sees it, which gives every text in a list the room of the longest.
    if flat is None or len(flat) != math.prod(shape) or not set(map(type, flat)) <= LEAVES[wanted.kind]:
        raise Odd(f"output `{spec.name}` holds other data than {spec.dtype} of shape {shape}")
    try:
        if wanted.kind in "iu" and flat and not np.iinfo(wanted).min <= min(flat) <= max(flat) <= np.iinfo(wanted).max:
            raise OverflowError
        array: NDArray[Any] = np.fromiter(flat, "float64" if wanted.kind == "f" else wanted, len(flat))
    except OverflowError:
        raise Odd(f"output `{spec.name}` holds numbers beyond {spec.dtype}") from None
    with np.errstate(over="ignore"):
        return array.astype(wanted, copy=False).reshape(shape)


def _flat(data: Any) -> list[Any] | None:
    """What is in lists nested evenly, row by row; None where they are not so."""
    items: list[Any] | None = data if isinstance(data, list) else None
    for _ in range(DEEPEST):
        if not items or set(map(type, items)) != {list}:
            return items
        items = list(chain.from_iterable(items)) if len(set(map(len, items))) == 1 else None
    return None
