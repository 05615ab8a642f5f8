"""Arrays of numbers out of an `.npz`, which may come from anyone: sizes and headers are read before any array is.

Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import math
import re
import struct
import zlib
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import numpy as np
from numpy.typing import NDArray

from edge.errors import SourceError
from edge.paths import is_file, unreadable

MOST_BYTES = 4 << 30
"""Of all arrays of a file together, inflated."""
MOST_HEADER = 1 << 12
BLOCK = 1 << 20
MAGIC = b"\x93NUMPY"
HEADER = re.compile(
    rb"\{\s*'descr':\s*'(?P<dtype>[<>|=]?[biufcSU]\d{1,4}|\?)',\s*'fortran_order':\s*(?P<order>True|False),\s*"
    rb"'shape':\s*\((?P<shape>[\d\sL,]*)\),?\s*\}\s*"
)
"""What NumPy writes of an array of numbers or text; objects and records are not matched."""
FAULTS = (OSError, ValueError, BadZipFile, EOFError, NotImplementedError, RuntimeError, OverflowError, struct.error)


def arrays(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz` by name, each with one axis at least.

    Raises:
        SourceError: it is not there, is no `.npz` as `numpy.savez` writes it, is damaged or encrypted, has objects in
            it, or more than `MOST_BYTES`.
    """
    if problem := unreadable(path) or (None if is_file(path) else "is no plain file"):
        raise SourceError(f"{path}: {problem}; an .npz of arrays is wanted")
    try:
        with ZipFile(path) as file:
            members = [member for member in file.infolist() if member.filename.endswith(".npy")]
            _check(path, members)
            return {member.filename.removesuffix(".npy"): _array(path, file, member) for member in members}
    except (*FAULTS, zlib.error):
        raise SourceError(f"{path}: not an .npz of arrays, as `numpy.savez` writes it, or damaged") from None


def _check(path: Path, members: list[ZipInfo]) -> None:
    if not all(member.filename.isprintable() for member in members):
        raise ValueError
    if any(member.flag_bits & 1 for member in members):
        raise SourceError(f"{path}: is encrypted; write it anew without a password")
    if any(member.compress_type not in (ZIP_STORED, ZIP_DEFLATED) for member in members):
        raise SourceError(f"{path}: is packed in a way that `numpy.savez` does not use")
    if sum(member.file_size for member in members) > MOST_BYTES:
        raise SourceError(f"{path}: its arrays take more than {MOST_BYTES >> 20} MB; give fewer samples")


def _array(path: Path, file: ZipFile, member: ZipInfo) -> NDArray[Any]:
    with file.open(member) as opened:
        dtype, shape, turned, begin = _header(path, opened, member)
        count = math.prod(shape)
        if count * dtype.itemsize != member.file_size - begin:
            raise SourceError(f"{path}: {member.filename} is {member.file_size} bytes, its shape {shape} wants others")
        made = np.empty(count, dtype)
        content = made.view(np.uint8)
        at = 0
        while at < len(content):
            block = opened.read(min(BLOCK, len(content) - at))
            if not block:
                raise EOFError
            content[at : at + len(block)] = np.frombuffer(block, np.uint8)
            at += len(block)
        opened.read(1)  # the end, where the sum is compared
    return np.atleast_1d(made.reshape(shape[::-1]).T if turned else made.reshape(shape))


def _header(path: Path, opened: IO[bytes], member: ZipInfo) -> tuple[np.dtype[Any], tuple[int, ...], bool, int]:
    """Element type, shape, whether it is in Fortran's order, and where the values begin."""
    start = opened.read(len(MAGIC) + 2)
    if start[: len(MAGIC)] != MAGIC:
        raise ValueError
    wide = start[len(MAGIC)] > 1
    size = int.from_bytes(opened.read(4 if wide else 2), "little")
    found = HEADER.fullmatch(opened.read(size)) if size <= MOST_HEADER else None
    if found is None:
        raise SourceError(f"{path}: {member.filename} is no array of numbers")
    shape = tuple(int(side.strip(b" L")) for side in found["shape"].split(b",") if side.strip())
    return np.dtype(found["dtype"].decode()), shape, found["order"] == b"True", len(start) + (4 if wide else 2) + size
