"""Tensors back into the file of an engine: pure functions over bytes, which need no vendor's package.

ONNX: the skeleton is the file with its large initializers declared external, each at the location `w`, which is no file
and is never opened; a skeleton that names any other is refused. The field numbers are those of onnx/onnx.proto.
TFLite: the skeleton is the file with the bytes of its weights cut out; a tensor's `at` says where they were.
OpenVINO IR: the skeleton is the .xml, one zero byte, which XML has none of, and the .bin with its weights cut out.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.errors import ModelError
from edge.models.packed.protobuf import BYTES, VARINT, Field, fields, head, number, varint

KEY = b"location"
ENTRY = b"\x0a\x08location\x12\x01w"
"""The only StringStringEntryProto of an external initializer, as protobuf writes it: key 1, value 2."""
LARGEST = (1 << 31) - 1
"""Bytes of a file: protobuf and flatbuffers end here."""
DTYPES = {
    1: "float32",
    2: "uint8",
    3: "int8",
    4: "uint16",
    5: "int16",
    6: "int32",
    7: "int64",
    9: "bool",
    10: "float16",
    11: "float64",
    12: "uint32",
    13: "uint64",
}
"""NumPy's names of the element types by TensorProto.DataType, as far as raw_data holds them as NumPy does."""
GRAPH, INITIALIZER = 7, 5
"""ModelProto.graph, GraphProto.initializer."""
DIMS, DATA_TYPE, NAME, RAW_DATA, EXTERNAL_DATA, DATA_LOCATION = 1, 2, 8, 9, 13, 14
"""Of TensorProto."""
WITHIN = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
"""By which fields a message holds others, as far as a tensor may lie within."""
DEEPEST = 100
"""Messages within messages; protobuf's own limit."""


@dataclass(frozen=True, slots=True)
class Declared:
    """An initializer that a skeleton leaves to be filled. begin, end: of its field in the skeleton."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    begin: int
    end: int

    @property
    def nbytes(self) -> int:
        """Of its data."""
        size = np.dtype(self.dtype).itemsize
        for side in self.shape:
            size *= side
        return size


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the only graph of a skeleton is, and what is to be filled in. begin: of its field; start, end: its own."""

    begin: int
    start: int
    end: int
    declared: tuple[Declared, ...]


def external_names(skeleton: bytes) -> tuple[Declared, ...]:
    """The initializers that an ONNX skeleton leaves to be filled, in its order.

    Raises:
        ModelError: it is no ONNX file, or names data anywhere else.
    """
    return _frame(skeleton).declared


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
            raise ModelError(f"tensor `{name[:60]}` comes twice, or the skeleton has no place for it")
        if array.dtype != np.dtype(one.dtype) or array.shape != one.shape:
            raise ModelError(
                f"tensor `{name[:60]}` is {array.dtype} {array.shape}; the skeleton wants {one.dtype} {one.shape}"
            )
        yield name, array
    if missing:
        raise ModelError(f"tensor `{next(iter(missing))[:60]}` is missing")


def fill_onnx(skeleton: bytes, weights: Iterable[tuple[str, NDArray[Any]]]) -> bytes:
    """The ONNX file whose external initializers are these arrays.

    Args:
        weights: by name; in the skeleton's order no more than one is held beside the file.

    Raises:
        ModelError: no skeleton, or weights that are not what it declares.
    """
    frame = _frame(skeleton)
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


def _frame(skeleton: bytes) -> Frame:
    if len(skeleton) > LARGEST:
        raise ModelError(f"{len(skeleton)} bytes are no ONNX file")
    graphs = [found for found in fields(skeleton, 0, len(skeleton)) if found.number == GRAPH]
    if len(graphs) != 1 or graphs[0].kind != BYTES:
        raise ModelError(f"an ONNX file has one graph, this one {len(graphs)}")
    graph = graphs[0]
    tensors = [found for found in fields(skeleton, graph.start, graph.end) if found.number == INITIALIZER]
    read = [_declared(skeleton, tensor) for tensor in tensors]
    declared = tuple(one for one in read if one is not None)
    if len({one.name for one in declared}) != len(declared):
        raise ModelError("two external initializers have one name")
    # Whatever names data has the key in it; where no other bytes spell it, there is nothing to be searched for.
    if skeleton.count(KEY) != len(declared) and _externals(skeleton) != len(declared):
        raise ModelError("data outside of the file is named by what is no initializer of the main graph")
    return Frame(graph.begin, graph.start, graph.end, declared)


def _declared(data: bytes, tensor: Field) -> Declared | None:
    """An initializer if it is external; None for one with its data in it."""
    if tensor.kind != BYTES:
        raise ModelError(f"the initializer at byte {tensor.begin} is none")
    found = list(fields(data, tensor.start, tensor.end))
    if not any(field.number in (EXTERNAL_DATA, DATA_LOCATION) for field in found):
        return None
    names, kinds, locations, entries = (
        [field for field in found if field.number == wanted]
        for wanted in (NAME, DATA_TYPE, DATA_LOCATION, EXTERNAL_DATA)
    )
    dims = [field for field in found if field.number == DIMS]
    if not len(names) == len(kinds) == len(locations) == len(entries) == 1 or len(dims) + 4 != len(found):
        raise ModelError(f"the external initializer at byte {tensor.begin} has other fields than it should have")
    if locations[0].kind != VARINT or locations[0].value != 1 or kinds[0].kind != VARINT:
        raise ModelError(f"the external initializer at byte {tensor.begin} is not external, or of no type")
    if kinds[0].value not in DTYPES:
        raise ModelError(f"the external initializer at byte {tensor.begin} has element type {kinds[0].value}")
    if entries[0].kind != BYTES or data[entries[0].start : entries[0].end] != ENTRY:
        raise ModelError(f"the external initializer at byte {tensor.begin} names a file")
    made = Declared(_text(data, names[0]), _sides(data, dims), DTYPES[kinds[0].value], tensor.begin, tensor.end)
    if made.nbytes > LARGEST:
        raise ModelError(f"the external initializer at byte {tensor.begin} has {made.nbytes} bytes")
    return made


def _sides(data: bytes, dims: list[Field]) -> tuple[int, ...]:
    """A shape, whose sizes are written one a field or packed into one."""
    sides: list[int] = []
    for field in dims:
        if field.kind == VARINT:
            sides.append(field.value)
            continue
        at = field.start
        while field.kind == BYTES and at < field.end:
            side, at = varint(data, at, field.end)
            sides.append(side)
    if len(sides) > 32 or any(side > LARGEST for side in sides):
        raise ModelError("an external initializer has a shape that no array has")
    return tuple(sides)


def _text(data: bytes, field: Field) -> str:
    if field.kind != BYTES:
        raise ModelError(f"what should be a text at byte {field.begin} is none")
    try:
        return data[field.start : field.end].decode()
    except UnicodeDecodeError:
        raise ModelError(f"the text at byte {field.begin} is not UTF-8") from None


def _externals(data: bytes) -> int:
    """How many tensors anywhere in a file name data outside of it."""
    count = 0
    below = [("model", 0, len(data), 0)]
    while below:
        message, start, end, depth = below.pop()
        if message == "tensor":
            count += any(field.number in (EXTERNAL_DATA, DATA_LOCATION) for field in fields(data, start, end))
            continue
        if depth > DEEPEST:
            raise ModelError("messages within messages without end")
        within = WITHIN[message]
        below += [
            (within[field.number], field.start, field.end, depth + 1)
            for field in fields(data, start, end)
            if field.number in within and field.kind == BYTES
        ]
    return count
