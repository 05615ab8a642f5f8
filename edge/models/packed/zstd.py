"""General compression of what is no weight: zstandard for tensors, deflate with a dictionary for the small texts."""

from __future__ import annotations

import zlib

import zstandard

from edge.models.packed.bits import Damaged

LEVEL = 19
MOST_WINDOW = 1 << 23
"""What a zstd frame may want of history: the 8 MB that RFC 8878 (3.1.1.1.2) recommends to support."""


def squeeze(data: bytes) -> bytes:
    """One zstd frame."""
    return zstandard.ZstdCompressor(level=LEVEL, write_content_size=False).compress(data)


def unsqueeze(data: bytes | memoryview, size: int) -> bytes:
    """What one zstd frame holds, which must be `size` bytes and use up the data. Raises Damaged, and makes no more."""
    frame = bytes(data)
    try:
        told = zstandard.get_frame_parameters(frame).content_size
        if told not in (zstandard.CONTENTSIZE_UNKNOWN, size):
            raise Damaged("has a zstd frame of another size")
        coder = zstandard.ZstdDecompressor(max_window_size=MOST_WINDOW)
        plain = coder.decompress(frame, max_output_size=size, allow_extra_data=False)
    except zstandard.ZstdError as fault:
        raise Damaged(f"has a zstd frame that cannot be read: {fault}") from None
    if len(plain) != size:
        raise Damaged("has a zstd frame of another size")
    return plain


def deflate(data: bytes, dictionary: bytes) -> bytes:
    """A raw deflate stream (RFC 1951) that may refer to a dictionary."""
    coder = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_DEFAULT_STRATEGY, dictionary)
    return coder.compress(data) + coder.flush()


def inflate(data: bytes | memoryview, size: int, dictionary: bytes) -> bytes:
    """What `deflate` made, which must be `size` bytes and use up the data. Raises Damaged."""
    try:
        coder = zlib.decompressobj(-15, dictionary)
        plain = coder.decompress(data, size + 1)
    except zlib.error as fault:
        raise Damaged(f"cannot be inflated: {fault}") from None
    if len(plain) != size or not coder.eof or coder.unused_data:
        raise Damaged("does not inflate to its size")
    return plain
