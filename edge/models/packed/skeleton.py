"""What an ONNX skeleton leaves to be filled: its large initializers, which it declares external.

Each of them is at the location `w`, which is no file and is never opened; a skeleton that names any other place, or one
by anything but an initializer of the main graph, is refused. The field numbers are those of onnx/onnx.proto.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from edge.errors import ModelError
from edge.models.packed.limits import TENSORS
from edge.models.packed.protobuf import BYTES, VARINT, Budget, Field, fields, varint

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
ORT = b"ORTM"
"""What ONNX Runtime knows its own format by, at byte 4: a file may be both, and the other model would run."""
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
AXES = 32
DEEPEST = 100
"""Messages within messages; protobuf's own limit."""


class Declared(NamedTuple):
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


class Frame(NamedTuple):
    """Where the only graph of a skeleton is, and what is to be filled in. begin: of its field; start, end: its own."""

    begin: int
    start: int
    end: int
    declared: tuple[Declared, ...]


def frame_of(skeleton: bytes) -> Frame:
    """Read a skeleton. Raises ModelError: it is no ONNX file, or names data anywhere else."""
    if len(skeleton) > LARGEST:
        raise ModelError(f"{len(skeleton)} bytes are no ONNX file")
    if skeleton[4:8] == ORT:
        raise ModelError("a file of ONNX Runtime's own format is no ONNX file")
    budget = Budget()
    found = (field for field in fields(skeleton, 0, len(skeleton), budget) if field.number == GRAPH)
    graphs = list(itertools.islice(found, 2))
    if len(graphs) != 1 or graphs[0].kind != BYTES:
        raise ModelError(f"an ONNX file has one graph, this one {'none' if not graphs else 'more'}")
    graph = graphs[0]
    tensors = (field for field in fields(skeleton, graph.start, graph.end, budget) if field.number == INITIALIZER)
    external = (one for one in (_declared(skeleton, tensor, budget) for tensor in tensors) if one is not None)
    declared = tuple(itertools.islice(external, TENSORS + 1))
    if len(declared) > TENSORS:
        raise ModelError(f"more than {TENSORS} initializers are external")
    if len({one.name for one in declared}) != len(declared):
        raise ModelError("two external initializers have one name")
    # Whatever names data has the key in it; where no other bytes spell it, there is nothing to be searched for.
    if skeleton.count(KEY) != len(declared) and _externals(skeleton, budget) != len(declared):
        raise ModelError("data outside of the file is named by what is no initializer of the main graph")
    return Frame(graph.begin, graph.start, graph.end, declared)


def _declared(data: bytes, tensor: Field, budget: Budget) -> Declared | None:
    """An initializer if it is external; None for one with its data in it."""
    if tensor.kind != BYTES:
        raise ModelError(f"the initializer at byte {tensor.begin} is none")
    if not _outside(data, tensor.start, tensor.end, budget):
        return None
    found = list(itertools.islice(fields(data, tensor.start, tensor.end, budget), AXES + 5))
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
        while field.kind == BYTES and at < field.end and len(sides) <= AXES:
            side, at = varint(data, at, field.end)
            sides.append(side)
    if len(sides) > AXES or any(side > LARGEST for side in sides):
        raise ModelError("an external initializer has a shape that no array has")
    return tuple(sides)


def _text(data: bytes, field: Field) -> str:
    if field.kind != BYTES:
        raise ModelError(f"what should be a text at byte {field.begin} is none")
    try:
        return data[field.start : field.end].decode()
    except UnicodeDecodeError:
        raise ModelError(f"the text at byte {field.begin} is not UTF-8") from None


def _outside(data: bytes, start: int, end: int, budget: Budget) -> bool:
    """Whether a tensor names data outside of the file."""
    return any(field.number in (EXTERNAL_DATA, DATA_LOCATION) for field in fields(data, start, end, budget))


def _externals(data: bytes, budget: Budget) -> int:
    """How many tensors anywhere in a file name data outside of it."""
    count = 0
    below = [("model", 0, len(data), 0)]
    while below:
        message, start, end, depth = below.pop()
        if message == "tensor":
            count += _outside(data, start, end, budget)
            continue
        if depth > DEEPEST:
            raise ModelError("messages within messages without end")
        within = WITHIN[message]
        for field in fields(data, start, end, budget):
            if field.number in within and field.kind == BYTES:
                below.append((within[field.number], field.start, field.end, depth + 1))
    return count
