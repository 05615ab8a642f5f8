"""What a packed file tells of itself and of each tensor in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
