"""What an ONNX file calls its outputs, read from its protobuf wire format: old releases of OpenVINO rename some.

Source: https://protobuf.dev/programming-guides/encoding and the field numbers of onnx/onnx.proto: ModelProto.graph 7,
GraphProto.output 12, ValueInfoProto.name 1.
"""

import mmap
from pathlib import Path
from typing import Iterator, List, Tuple, Union

GRAPH, OUTPUT, NAME = 7, 12, 1
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
Value = Union[int, memoryview]


def outputs(path: str) -> List[str]:
    """The names of a graph's outputs, in its order; empty where the file is not one that can be read so."""
    try:
        with Path(path).open("rb") as file:
            # Not closed by hand: the views in a fault's frames would forbid it.
            return _outputs(memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)))
    except (OSError, ValueError, IndexError):
        return []


def _outputs(model: memoryview) -> List[str]:
    names = []
    for graph in _under(model, GRAPH):
        for output in _under(graph, OUTPUT):
            names += [bytes(name).decode() for name in _under(output, NAME)]
    return names


def _under(message: memoryview, number: int) -> Iterator[memoryview]:
    """The sub-messages and texts of a field. ValueError, IndexError: this is no protobuf."""
    for found, value in _fields(message):
        if found == number and isinstance(value, memoryview):
            yield value


def _fields(message: memoryview) -> Iterator[Tuple[int, Value]]:
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == BYTES:
            length, at = _varint(message, at)
        elif kind in (FIXED64, FIXED32):
            length = 8 if kind == FIXED64 else 4
        else:
            raise ValueError("no field of protobuf")
        if length > len(message) - at:
            raise ValueError("cut off")
        yield key >> 3, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> Tuple[int, int]:
    value = 0
    for shift in range(0, 64, 7):
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("a number without end")
