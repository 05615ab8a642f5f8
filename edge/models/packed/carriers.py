"""Tensors back into the file of an engine: pure functions over bytes, which need no vendor's package.

ONNX: the skeleton is the file with its large initializers declared external (see `skeleton`).
TFLite: the skeleton is the file with the bytes of its weights cut out; a tensor's `at` says where they were.
OpenVINO IR: the skeleton is the .xml, one zero byte, which XML has none of, and the .bin with its weights cut out.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import one_line
from edge.errors import ModelError
from edge.models.packed.protobuf import head, number
from edge.models.packed.skeleton import (
    DATA_TYPE,
    DIMS,
    DTYPES,
    GRAPH,
    INITIALIZER,
    LARGEST,
    NAME,
    RAW_DATA,
    Declared,
    frame_of,
)


def external_names(skeleton: bytes) -> tuple[Declared, ...]:
    """The initializers that an ONNX skeleton leaves to be filled, in its order.

    Raises:
        ModelError: it is no ONNX file, or names data anywhere else.
    """
    return frame_of(skeleton).declared


def matched(
    declared: Sequence[Declared], weights: Iterable[tuple[str, NDArray[Any]]]
) -> Iterator[tuple[str, NDArray[Any]]]:
    """Pass on weights that are what an ONNX skeleton declares, each once and none left out, in any order.

    Raises:
        ModelError: while iterated, where they are not.
    """
    missing = {one.name: one for one in declared}
    for name, array in weights:
        one = missing.pop(name, None)
        if one is None:
            raise ModelError(f"tensor `{one_line(name, 60)}` comes twice, or the skeleton has no place for it")
        if array.dtype != np.dtype(one.dtype) or array.shape != one.shape:
            wanted = f"the skeleton wants {one.dtype} {one.shape}"
            raise ModelError(f"tensor `{one_line(name, 60)}` is {array.dtype} {array.shape}; {wanted}")
        yield name, array
    if missing:
        raise ModelError(f"tensor `{one_line(next(iter(missing)), 60)}` is missing")


def fill_onnx(skeleton: bytes, weights: Iterable[tuple[str, NDArray[Any]]]) -> bytes:
    """The ONNX file whose external initializers are these arrays.

    Args:
        weights: by name; in the skeleton's order no more than one is held beside the file.

    Raises:
        ModelError: no skeleton, or weights that are not what it declares.
    """
    frame = frame_of(skeleton)
    heads = [_head(one) for one in frame.declared]
    grown = sum(
        len(number(len(before) + one.nbytes)) + 1 + len(before) + one.nbytes - (one.end - one.begin)
        for one, before in zip(frame.declared, heads, strict=True)
    )
    length = frame.end - frame.start + grown
    if length > LARGEST:
        raise ModelError(f"the ONNX file would have {length} bytes, which is more than protobuf holds")
    waiting: dict[str, NDArray[Any]] = {}
    coming = matched(frame.declared, weights)
    file, at = io.BytesIO(), frame.start
    file.write(skeleton[: frame.begin] + head(GRAPH, length))
    for one, before in zip(frame.declared, heads, strict=True):
        while one.name not in waiting:
            name, array = next(coming)
            waiting[name] = array
        file.write(skeleton[at : one.begin] + head(INITIALIZER, len(before) + one.nbytes) + before)
        file.write(_raw(waiting.pop(one.name)))
        at = one.end
    for _ in coming:  # what is left of it says that there is no more
        pass
    file.write(skeleton[at:])
    return file.getvalue()


def fill_holes(skeleton: bytes, size: int, pieces: Iterable[tuple[int, NDArray[Any]]]) -> bytes:
    """The file whose bytes were cut out at these offsets.

    Args:
        size: of the file, in bytes.
        pieces: offset in the file and the array whose bytes lie there; ascending.

    Raises:
        ModelError: pieces that overlap or go beyond the end, or a skeleton that does not fill what they leave.
    """
    if not 0 <= size <= LARGEST:
        raise ModelError(f"a file of {size} bytes is none of this carrier")
    file, taken = io.BytesIO(), 0
    for offset, array in pieces:
        between = offset - file.tell()
        if between < 0 or offset + array.nbytes > size:
            raise ModelError(f"the {array.nbytes} bytes at {offset} overlap others or go beyond the file's end")
        if taken + between > len(skeleton):
            raise ModelError(f"the skeleton ends before byte {offset} of the file")
        file.write(skeleton[taken : taken + between])
        file.write(_raw(array))
        taken += between
    if file.tell() + len(skeleton) - taken != size:
        raise ModelError(f"skeleton and tensors do not fill a file of {size} bytes")
    file.write(skeleton[taken:])
    return file.getvalue()


def join_ir(xml: bytes, rest: bytes) -> bytes:
    """The skeleton of an OpenVINO IR. rest: the .bin with its weights cut out. Raises ModelError."""
    if b"\0" in xml:
        raise ModelError("an .xml file with a zero byte in it is none")
    return xml + b"\0" + rest


def split_ir(skeleton: bytes) -> tuple[bytes, bytes]:
    """The .xml, and the .bin with its weights cut out. Raises ModelError."""
    xml, zero, rest = skeleton.partition(b"\0")
    if not zero:
        raise ModelError("the skeleton is none of an OpenVINO IR")
    return xml, rest


def _raw(array: NDArray[Any]) -> memoryview:
    """An array's bytes in C order, little-endian; copied only where they do not lie so."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return little.reshape(-1).view(np.uint8).data


def _head(one: Declared) -> bytes:
    """A TensorProto up to its data."""
    kind = next(code for code, dtype in DTYPES.items() if dtype == one.dtype)
    name = one.name.encode()
    parts = [number(DIMS << 3) + number(side) for side in one.shape]
    parts += [number(DATA_TYPE << 3) + number(kind), head(NAME, len(name)), name, head(RAW_DATA, one.nbytes)]
    return b"".join(parts)
