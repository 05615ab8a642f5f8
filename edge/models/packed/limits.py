"""What a packed file may ask of the device that reads it. Whatever is larger is refused before it is allocated."""

from __future__ import annotations

FILE_BYTES = 1 << 29
MANIFEST_BYTES = 1 << 20
SKELETON_BYTES = 1 << 25
TENSORS = 4096
AXES = 8
DECODED_BYTES = 1 << 30
RATIO = 400
"""Decoded bytes for each byte of the file, beyond `SMALL_BYTES`."""
SMALL_BYTES = 1 << 24
WINDOW = 1 << 21
"""Symbols that are decoded together; a larger tensor is a window of its own."""
CHUNK = 1024
"""Symbols of a lane of the entropy coder, where the tensor's symbols carry enough bits for so many lanes."""
STEPS = 2 * CHUNK
"""Symbols of a lane at most, which bounds the time of decoding; more than CHUNK / 2 unless there is one lane alone,
which bounds the memory: lanes of one window lie side by side."""
LANES = (1 << 16) - 1
STREAMS = 1 << 14
"""Entropy-coded streams of a file: a tensor has a few, one that is split and pruned some tens. Each takes some time
whatever it holds."""
ALPHABET = 256
CLASSES = 8


def decoded_limit(file_bytes: int) -> int:
    """How many bytes a file of this size may decode to, all tensors together."""
    return min(DECODED_BYTES, max(SMALL_BYTES, RATIO * file_bytes))
