"""A tensor on its way into a packed file, and what is told of one that is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Grid:
    """That the values of a float tensor lie on a uniform grid: value = float32(code) * scale of its channel.

    codes: int16, shape of the tensor
    scales: float32 (1,), or (shape[axis],) for one scale a channel
    axis: of the channels
    """

    codes: NDArray[np.int16]
    scales: NDArray[np.float32]
    axis: int = 0

    def values(self) -> NDArray[np.float32]:
        """The tensor that the grid stands for, float32, exactly as a reader computes it."""
        shape = [1] * self.codes.ndim
        if self.scales.size > 1:
            shape[self.axis] = -1
        scaled: NDArray[np.float32] = self.codes.astype(np.float32) * self.scales.reshape(shape)
        return scaled


@dataclass(frozen=True, slots=True)
class Weight:
    """A tensor to be packed; what is read back is `array`, bit for bit.

    name: the carrier's name of it, unique
    array: any shape; float32, float16, int8, uint8, int16, int32, int64 or bool
    grid: where `array` equals `grid.values()` in float32 (converted to its own float type)
    at: its first byte in the plain file, for carriers that place by offset (TFLite, the .bin of an OpenVINO IR)
    """

    name: str
    array: NDArray[Any]
    grid: Grid | None = None
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Coded:
    """How a tensor of a packed file is stored.

    codec: `stored`, `zstd`, `grid`, `codebook`, `sparse` or `constant`
    bytes: of its block, all that it takes but its line in the manifest
    nonzero: how many of its values are not 0; known once it was decoded, or from the packer
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    codec: str
    bytes: int
    nonzero: int
    at: int | None = None

    @property
    def count(self) -> int:
        """How many values it has."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    @property
    def bits_per_weight(self) -> float:
        """Bits of the block a value."""
        return 8 * self.bytes / max(1, self.count)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a packed model is from, for its manifest.

    source_sha256: of the file that was compressed, lower-case hex
    version: of the model, which only grows: an installed model is replaced by a lower one only on demand
    report: quality and latency as they were measured, JSON values; small
    """

    source_sha256: str
    version: int = 1
    report: Mapping[str, Any] = field(default_factory=dict)
