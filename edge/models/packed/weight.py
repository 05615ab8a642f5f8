"""A tensor on its way into a packed file."""

from __future__ import annotations

from dataclasses import dataclass
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
