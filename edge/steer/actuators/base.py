"""What the parent process owns: the one thing that moves the car."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from edge.errors import PartError, UserError
from edge.types import NEUTRAL, Steering

TABLE = {
    "null": "edge.steer.actuators.null:open_null",
    "pca9685": "edge.steer.actuators.pca9685:open_pca9685",
    "servo": "edge.steer.actuators.servo:open_servo",
    "serial": "edge.steer.actuators.serial:open_serial",
}
"""Each opener takes its keyword arguments as the configuration's table of the same name has them."""


FAREWELLS, FAREWELL_S = 10, 0.02
"""How often neutral is tried at the end, and the seconds between."""


class LinkLost(PartError):
    """The way to the car is gone: nobody can stop it from here, so it is disarmed, not only at fault."""


class Actuator(Protocol):
    """Moves the car. Opened, given to and closed by one thread; never blocks for longer than some milliseconds."""

    def give(self, command: Steering) -> None:
        """Do this until the next command, within the device's own time limit where it has one. PartError: it cannot."""
        ...

    def close(self) -> None:
        """Leave the car at neutral; safe to call twice."""
        ...


def open_actuator(name: str, settings: Mapping[str, Any]) -> Actuator:
    """Open one, at neutral.

    Raises:
        UserError: nothing is called that.
        MissingError: its device, or the library that it needs, is not here.
    """
    if name not in TABLE:
        raise UserError(f"no actuator is called `{name}`; there are: {', '.join(TABLE)}")
    module, _, attribute = TABLE[name].partition(":")
    opener: Callable[..., Actuator] = getattr(importlib.import_module(module), attribute)
    return opener(**settings)


def leave(actuator: Actuator) -> None:
    """Neutral at last, and closed: tried again for a while where the device hesitates, since nobody comes after us.

    Raises:
        PartError: it took none of them.
    """
    try:
        for left in reversed(range(FAREWELLS)):
            try:
                actuator.give(NEUTRAL)
                break
            except PartError:
                if not left:
                    raise
                time.sleep(FAREWELL_S)
    finally:
        actuator.close()


def ackermann(steering: float, most_rad: float) -> float:
    """The angle of the front wheels in radian, + to the LEFT, of a steering -1..1, + to the right.

    The only place where the sign turns: drivers count to the right, robots counter-clockwise seen from above.
    Source: ROS REP 103 and ackermann_msgs/AckermannDrive.
    """
    return -steering * most_rad


def from_ackermann(angle_rad: float, most_rad: float) -> float:
    """The steering -1..1, + to the right, of an angle in radian, + to the left; the inverse of `ackermann`."""
    return -angle_rad / most_rad
