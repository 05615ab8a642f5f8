"""A car elsewhere: `<prefix>/steer/command`, QoS 0, never retained. It stands by itself when a command has expired."""

from __future__ import annotations

from typing import Any, Protocol

from edge.clock import Clock
from edge.steer.actuators.base import LinkLost
from edge.types import NEUTRAL, Steering

EXPIRES_MS = 200


class Sender(Protocol):
    """What is used of a `Radio`."""

    @property
    def up(self) -> bool:
        """Whether the broker is there."""
        ...

    def send(self, level: str, payload: dict[str, Any], *, qos: int, retain: bool) -> None:
        """Have a message sent."""
        ...


class Mqtt:
    """Commands with a growing number, so that the car throws away what comes late or twice. One thread.

    It grows from one run to the next, too: the first is the Unix time in milliseconds, and they grow more slowly.
    """

    def __init__(self, radio: Sender, clock: Clock) -> None:
        self._radio, self._clock = radio, clock
        self._seq = int(clock.wall() * 1000)

    def give(self, command: Steering) -> None:
        """Send it. LinkLost: there is no broker."""
        if not self._radio.up:
            raise LinkLost("there is no broker that the commands could go over")
        told = {
            "seq": self._seq,
            "sent_at": round(self._clock.wall(), 3),
            "expires_ms": EXPIRES_MS,
            "steering": round(command.steering, 4),
            "throttle": round(command.throttle, 4),
        }
        self._seq += 1
        self._radio.send("command", told, qos=0, retain=False)

    def close(self) -> None:
        """Neutral."""
        if self._radio.up:
            self.give(NEUTRAL)
