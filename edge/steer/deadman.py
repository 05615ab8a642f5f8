"""The dead-man input: while nobody holds it, the car does not drive."""

from __future__ import annotations

from typing import Protocol

from edge.steer.pins import library, opening

HOLD_S = 0.3
"""A word `HOLD` counts for so long; who holds says it again before."""


class DeadMan(Protocol):
    """Asked in every cycle."""

    def held(self, now: float) -> bool:
        """Whether somebody holds it. now: monotonic seconds."""
        ...

    def hold(self, now: float) -> None:
        """The word `HOLD` has come."""
        ...


class Nobody:
    """None is wanted."""

    def held(self, now: float) -> bool:
        """Always."""
        return True

    def hold(self, now: float) -> None:
        """Of no use."""


class Words:
    """Held while `HOLD` is said again and again: by `edge steer hold`, the page, or over MQTT."""

    def __init__(self) -> None:
        self._until = 0.0

    def held(self, now: float) -> bool:
        """Whether it was said within `HOLD_S`."""
        return now < self._until

    def hold(self, now: float) -> None:
        """It is said."""
        self._until = now + HOLD_S


class Switch:
    """A push button between a GPIO pin and ground; a wire that breaks lets it go.

    Args:
        pin: BCM number

    Raises:
        MissingError: the library, or the pin, is not here.
    """

    def __init__(self, pin: int) -> None:
        gpiozero = library("the dead-man switch needs")
        with opening(gpiozero, f"the dead-man switch on pin {pin}"):
            self._button = gpiozero.Button(pin)

    def held(self, now: float) -> bool:
        """Whether it is pressed now."""
        return bool(self._button.is_pressed)

    def hold(self, now: float) -> None:
        """Words do not count beside a switch."""


def open_deadman(name: str) -> DeadMan:
    """`none`, `hold`, or `gpio:PIN`. Raises MissingError: the library for pins is not here."""
    if name == "none":
        return Nobody()
    return Words() if name == "hold" else Switch(int(name.partition(":")[2]))
