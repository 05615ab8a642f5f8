"""A PCA9685 on a bus that several processes share: its registers are the bytes of the file that EDGE_TEST_BUS names.

Found instead of the real smbus2 by who has this folder first in PYTHONPATH. A file `FILE.away` takes the board away.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

FILE = Path(os.environ.get("EDGE_TEST_BUS", "/nonexistent"))
AWAY = FILE.with_name(f"{FILE.name}.away")


class SMBus:
    """The board answers at 0x40."""

    def __init__(self, bus: int) -> None:
        self._file = os.open(FILE, os.O_RDWR)

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        self.write_i2c_block_data(i2c_addr, register, [value])

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        self._check()
        return os.pread(self._file, 1, register)[0]

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: Sequence[int]) -> None:
        self._check()
        os.pwrite(self._file, bytes(data), register)

    def close(self) -> None:
        os.close(self._file)

    def _check(self) -> None:
        if AWAY.exists():
            raise OSError(121, "Remote I/O error")
