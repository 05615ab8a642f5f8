"""A microcontroller on a serial line, told what to do in lines of text.

    $STEER,SEQ,ANGLE,THROTTLE,EXPIRES*XX

ANGLE of the front wheels in radian, + to the left; THROTTLE -1..1; EXPIRES in milliseconds, after which the controller
stands by itself, since nobody else could have it stand if this computer dies; XX the exclusive or of the bytes between
`$` and `*`, as NMEA 0183 has it.
"""

from __future__ import annotations

import errno
import importlib
import os
import termios
from contextlib import suppress
from functools import reduce
from operator import xor
from pathlib import Path
from typing import Any

from edge.engines.base import one_line
from edge.errors import MissingError, PartError
from edge.steer.actuators.base import ackermann
from edge.types import NEUTRAL, Steering

EXPIRES_MS = 200
HINTS = {
    errno.ENOENT: "is the controller plugged in? `steer.serial.port` says where",
    errno.EACCES: "be in the group `dialout`",
    errno.EAGAIN: "another program has it",
}
MOST_WAITING = 100
"""Bytes that the line may not have sent yet, some three commands: what waits longer expires too late."""


def line(seq: int, command: Steering, angle_rad: float) -> bytes:
    """One command as it goes over the line."""
    angle = ackermann(command.steering, angle_rad) + 0.0  # no minus before nought
    body = f"STEER,{seq},{angle:.4f},{command.throttle:.4f},{EXPIRES_MS}"
    return f"${body}*{reduce(xor, body.encode()):02X}\n".encode()


class Serial:
    """One line. One thread; never waits: a line that takes nothing is a fault."""

    def __init__(self, port: Any, name: str, angle_rad: float) -> None:
        """port: pyserial's Serial, open."""
        self._port, self._name, self._angle, self._seq = port, name, angle_rad, 0
        self.give(NEUTRAL)

    def give(self, command: Steering) -> None:
        """Send it. PartError: the line is gone, or takes nothing."""
        told = line(self._seq, command, self._angle)
        self._seq += 1
        try:
            waiting = self._port.out_waiting
            # Not the port's own write: it would turn in circles while the line takes nothing.
            sent = os.write(self._port.fileno(), told) if waiting <= MOST_WAITING else 0
        except BlockingIOError:
            sent = 0
        except OSError as fault:
            raise PartError(f"{self._name}: {fault.strerror or fault}") from None
        if sent < len(told):
            # A controller that reads again must not hear what the car was to do a while ago.
            with suppress(OSError, termios.error):
                self._port.reset_output_buffer()
            raise PartError(f"{self._name}: the line takes nothing, or too slowly; does the controller read it?")

    def close(self) -> None:
        """Neutral."""
        if self._port.is_open:
            try:
                self.give(NEUTRAL)
            except PartError:
                return
            finally:
                self._port.close()


def open_serial(*, port: Path, baud: int, angle_rad: float) -> Serial:
    """Open the line as `[steer.serial]` has it. Raises MissingError: the library or the device is not here."""
    try:
        serial: Any = importlib.import_module("serial")
    except ImportError:
        raise MissingError("a serial line needs pyserial: pip install 'edge-runtime[steer]'") from None
    try:
        opened = serial.Serial(str(port), baud, timeout=0, exclusive=True)
    except serial.SerialException as fault:
        # Its own text has the path twice more.
        said = os.strerror(fault.errno) if fault.errno else one_line(fault)
        raise MissingError(f"{port}: {said}; {HINTS.get(fault.errno, 'is it a serial line?')}") from None
    return Serial(opened, str(port), angle_rad)
