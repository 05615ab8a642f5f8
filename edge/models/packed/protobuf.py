"""The wire format of protobuf, as far as an ONNX file is taken apart and put together: no schema, no recursion.

Source: https://protobuf.dev/programming-guides/encoding
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from edge.errors import ModelError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED = {FIXED64: 8, FIXED32: 4}
LARGEST_FIELD = (1 << 29) - 1
FIELDS = 1 << 20
"""That are looked at in one file at most, which bounds the time that a hostile one takes."""


class Budget:
    """How many fields may still be looked at."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = FIELDS


class Field(NamedTuple):
    """One field of a message.

    kind: `VARINT`, `FIXED64`, `BYTES` or `FIXED32`
    value: of a varint
    begin: of the field's key
    start, end: of its content
    """

    number: int
    kind: int
    value: int
    begin: int
    start: int
    end: int


def fields(data: bytes, start: int, end: int, budget: Budget) -> Iterator[Field]:
    """The fields of the message in data[start:end]. Raises ModelError where it is none, or the budget is spent."""
    at = start
    while at < end:
        begin = at
        budget.left -= 1
        if budget.left < 0:
            raise ModelError(f"more than {FIELDS} fields, which no model has")
        key = data[at]
        if key < 0x80:  # of one byte, as nearly all are
            at += 1
        else:
            key, at = varint(data, at, end)
        number, kind, value, start = key >> 3, key & 7, 0, at
        if kind == VARINT:
            value, at = varint(data, at, end)
        elif kind == BYTES:
            length, start = varint(data, at, end)
            at = start + length
        elif kind in FIXED:
            at += FIXED[kind]
        else:
            raise ModelError(f"wire type {kind} at byte {begin}")
        if not 0 < number <= LARGEST_FIELD:
            raise ModelError(f"field number {number} at byte {begin}")
        if at > end:
            raise ModelError(f"the field at byte {begin} goes beyond its message's end")
        yield Field(number, kind, value, begin, start, at)


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """An unsigned number of 64 bits at most, and where it ends."""
    value = shift = 0
    if at < end and data[at] < 0x80:
        return data[at], at + 1
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                break
            return value, at
        shift += 7
        if shift > 63:
            break
    raise ModelError(f"a number without end before byte {at}")


def number(value: int) -> bytes:
    """A varint."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def head(field: int, length: int) -> bytes:
    """What stands before the content of a field of bytes."""
    return number(field << 3 | BYTES) + number(length)
