"""Servo and speed controller on a PCA9685, 16 channels of pulses over I2C.

Source: NXP, PCA9685 product data sheet, rev. 4, 7.3 (registers) and 7.3.5 (PRE_SCALE).
"""

from __future__ import annotations

import fcntl
import importlib
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from edge.errors import MissingError, PartError
from edge.steer.actuators.pulses import Pulses
from edge.types import NEUTRAL, Steering

MODE1, MODE2, LED0, PRE_SCALE = 0x00, 0x01, 0x06, 0xFE
SLEEP, AUTO_INCREMENT, TOTEM_POLE = 0x10, 0x20, 0x04
OSCILLATOR_HZ = 25e6
STEPS = 4096
I2C_TIMEOUT, TIMEOUT = 0x0702, 5
"""The bus's own time-out, in 10 ms: the kernel's second is too long for a car. Source: linux/i2c-dev.h."""
WAKE_S = 0.0005
"""The oscillator's start."""


class Bus(Protocol):
    """What is used of smbus2's SMBus."""

    def write_byte_data(self, i2c_addr: int, register: int, value: int) -> None:
        """One register."""
        ...

    def read_byte_data(self, i2c_addr: int, register: int) -> int:
        """One register."""
        ...

    def write_i2c_block_data(self, i2c_addr: int, register: int, data: Sequence[int]) -> None:
        """Registers in a row."""
        ...

    def close(self) -> None:
        """Give the device back."""
        ...


class Pca9685:
    """One board. One thread; a command takes about 1 ms at the bus's usual 100 kHz.

    The board keeps the last pulse if this process dies: `ExecStopPost=` of the unit has it neutralised.
    """

    def __init__(
        self, bus: Bus, address: int, hz: float, channels: tuple[int, int], steering: Pulses, throttle: Pulses
    ) -> None:
        """Wake the board, at neutral. channels: of the steering and the throttle. Raises PartError: it is not there."""
        self._bus, self._address, self._channels = bus, address, channels
        self._pulses = (steering, throttle)
        self._scale = min(max(round(OSCILLATOR_HZ / (STEPS * hz)) - 1, 3), 255)
        self._awake = False
        self.give(NEUTRAL)

    def give(self, command: Steering) -> None:
        """Set both pulses. PartError: the board is away, or has lost its settings; the next call tries again."""
        try:
            if not self._awake:
                self._wake()
            for channel, pulses, value in zip(
                self._channels, self._pulses, (command.steering, command.throttle), strict=True
            ):
                self.pulse(channel, pulses.of(value))
            if self._bus.read_byte_data(self._address, MODE1) & SLEEP:
                self._awake = False
                raise PartError(f"the PCA9685 at {self._address:#x} was reset: is its supply too weak?")
        except OSError as fault:
            self._awake = False
            raise PartError(f"the PCA9685 at {self._address:#x} does not answer: {fault.strerror or fault}") from None

    def pulse(self, channel: int, microseconds: float) -> None:
        """One channel's pulse. Raises OSError."""
        hz = OSCILLATOR_HZ / (STEPS * (self._scale + 1))
        off = min(round(microseconds * hz * STEPS / 1e6), STEPS - 1)
        self._bus.write_i2c_block_data(self._address, LED0 + 4 * channel, [0, 0, off & 0xFF, off >> 8])

    def close(self) -> None:
        """Neutral; the board goes on sending it, since a servo without pulses turns freely."""
        try:
            self.give(NEUTRAL)
        except PartError:
            return
        finally:
            self._bus.close()

    def _wake(self) -> None:
        # PRE_SCALE is only taken while the oscillator sleeps (data sheet, 7.3.5).
        write = self._bus.write_byte_data
        write(self._address, MODE1, SLEEP | AUTO_INCREMENT)
        write(self._address, PRE_SCALE, self._scale)
        write(self._address, MODE2, TOTEM_POLE)
        write(self._address, MODE1, AUTO_INCREMENT)
        time.sleep(WAKE_S)
        self._awake = True


def open_pca9685(
    *,
    bus: int,
    address: int,
    hz: float,
    steering_channel: int,
    throttle_channel: int,
    steering_us: Sequence[int],
    throttle_us: Sequence[int],
) -> Pca9685:
    """Open the board as `[steer.pca9685]` has it. Raises MissingError: the library or the bus is not here."""
    try:
        smbus2: Any = importlib.import_module("smbus2")
    except ImportError:
        raise MissingError("the PCA9685 needs smbus2: pip install 'edge-runtime[steer]'") from None
    try:
        opened: Bus = smbus2.SMBus(bus)
    except OSError as fault:
        away = "switch I2C on with raspi-config; `steer.pca9685.bus` says which bus"
        hint = "be in the group `i2c`" if isinstance(fault, PermissionError) else away
        raise MissingError(f"/dev/i2c-{bus}: {fault.strerror or fault}; {hint}") from None
    if (fd := getattr(opened, "fd", None)) is not None:
        with suppress(OSError):
            fcntl.ioctl(fd, I2C_TIMEOUT, TIMEOUT)
    channels = (steering_channel, throttle_channel)
    try:
        return Pca9685(opened, address, hz, channels, Pulses(*steering_us), Pulses(*throttle_us))
    except PartError as fault:
        opened.close()
        raise MissingError(f"{fault}; `i2cdetect -y {bus}` shows who does") from None
