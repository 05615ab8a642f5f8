"""Servo and speed controller on pins of the board, by gpiozero."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from edge.engines.base import one_line
from edge.errors import PartError
from edge.steer.actuators.pulses import Pulses
from edge.steer.pins import library, opening
from edge.types import NEUTRAL, Steering

FRAME_US = 20_000
"""Servos want a pulse every 20 ms."""


class Servo:
    """Two pins. One thread; a pulse by software jitters, use pins with hardware PWM, or a PCA9685."""

    def __init__(
        self, steering: Any, throttle: Any, pulses: tuple[Pulses, Pulses], faults: tuple[type[Exception], ...]
    ) -> None:
        """steering, throttle: gpiozero's PWMOutputDevice at 50 Hz; faults: what they raise."""
        self._devices, self._pulses, self._faults = (steering, throttle), pulses, faults
        self.give(NEUTRAL)

    def give(self, command: Steering) -> None:
        """Set both pulses. PartError: the pins cannot be written."""
        try:
            for device, pulses, value in zip(
                self._devices, self._pulses, (command.steering, command.throttle), strict=True
            ):
                device.value = pulses.of(value) / FRAME_US
        except self._faults as fault:
            pins = " and ".join(str(device.pin) for device in self._devices)
            raise PartError(f"servo on {pins}: {one_line(fault)}") from None

    def close(self) -> None:
        """Neutral, then no pulses: speed controllers stand without any."""
        try:
            if not self._devices[0].closed:
                self.give(NEUTRAL)
        except PartError:
            return
        finally:
            for device in self._devices:
                device.close()


def open_servo(
    *, steering_pin: int, throttle_pin: int, steering_us: Sequence[int], throttle_us: Sequence[int]
) -> Servo:
    """Open the pins as `[steer.servo]` has them. Raises MissingError: the library, or pins, are not here."""
    gpiozero = library("servos on pins need")
    with opening(gpiozero, f"pins {steering_pin} and {throttle_pin}"):
        devices = [
            gpiozero.PWMOutputDevice(pin, frequency=1_000_000 // FRAME_US) for pin in (steering_pin, throttle_pin)
        ]
    # gpiozero passes the errors of the library below it on as they are, and lgpio's is an Exception of its own.
    faults = (gpiozero.GPIOZeroError, OSError, getattr(sys.modules.get("lgpio"), "error", OSError))
    return Servo(devices[0], devices[1], (Pulses(*steering_us), Pulses(*throttle_us)), faults)
