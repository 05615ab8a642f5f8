"""What every sink is, what it needs of the outbox, and the few things that all of them do alike."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from edge.clock import Clock
from edge.memory import Memory

START_S = 30.0
"""A sink's thread shows its first sign of life within this."""

Phase = Literal["connecting", "up", "back_off", "fault", "stopped"]


class Message(Protocol):
    """One stored event on its way out; the outbox's `Message` is one."""

    @property
    def id(self) -> int:
        """Its place in the outbox."""
        ...

    @property
    def payload(self) -> Mapping[str, Any]:
        """The stored JSON object of the MQTT contract."""
        ...

    @property
    def replaces(self) -> tuple[int, ...]:
        """Seqs that it stands for."""
        ...

    @property
    def fresh_until(self) -> float:
        """Monotonic time after which it is old news."""
        ...

    @property
    def snapshot(self) -> Path | None:
        """Its picture."""
        ...


class Queue(Protocol):
    """What a sink needs of the outbox. All of it returns at once."""

    def pending(self, sink: str, limit: int, after_id: int = 0) -> Sequence[Message]:
        """The oldest waiting messages behind `after_id`. Raises StorageError."""
        ...

    def told_by(self, sink: str, event_id: int) -> Sequence[Mapping[str, Any]]:
        """The payloads of those that this waiting message replaces, oldest first. Raises StorageError."""
        ...

    def pictures(self, object_id: str) -> Sequence[Path]:
        """The pictures that are kept of an object now, at most three, in the order in which they were taken."""
        ...

    def delivered(self, sink: str, ids: Sequence[int], told_by: int | None = None) -> None:
        """These are at the far end, or need not go there: the waiting message `told_by` tells about them too."""
        ...

    def refused(self, sink: str, event_id: int, reason: str) -> bool:
        """The far end will not have this one; True if it is parked now, False if it may be tried again."""
        ...

    def subscribe(self, sink: str, callback: Callable[[], None]) -> None:
        """Have `callback()` called when something new waits; it must not block."""
        ...


class Archive(Queue, Memory, Protocol):
    """The outbox as a whole."""

    def passed(self, sink: str, ids: Sequence[int]) -> None:
        """These are over for the sink without having gone anywhere: its rules do not ask for them. Returns at once."""
        ...


@dataclass(frozen=True, slots=True)
class SinkState:
    """How a sink is doing, for people: one line says why it is not `up`. since: Unix time."""

    phase: Phase
    reason: str
    since: float


class Sink(Protocol):
    """A way out of the device. `run` has a thread of its own; all else may be asked from any thread."""

    @property
    def name(self) -> str:
        """Its name in the outbox."""
        ...

    @property
    def status(self) -> Status:
        """Its state and its pulse."""
        ...

    def run(self, stop: threading.Event) -> None:
        """Send until `stop` is set; then send what can be sent within about a second and return."""
        ...

    def wake(self) -> None:
        """Look at `stop` and the outbox now rather than at the next tick."""
        ...

    def flush(self, timeout: float) -> bool:
        """Wait until nothing is left to send; False if something is."""
        ...


class Status:
    """State, pulse and flush of one sink: written by its thread, read by any."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._change = threading.Condition()
        self._state = SinkState("connecting", "not started yet", clock.wall())
        self._asked = 0
        self._answered = 0
        self.beat = clock.monotonic()
        self.deadline = self.beat + START_S

    @property
    def state(self) -> SinkState:
        """How the sink is doing now."""
        return self._state

    def set(self, phase: Phase, reason: str = "") -> None:
        """Write the state; `since` moves only when the phase changes."""
        old = self._state
        self._state = SinkState(phase, reason, old.since if old.phase == phase else self._clock.wall())
        if phase == "stopped":
            self.deadline = float("inf")

    def waiting(self, seconds: float) -> None:
        """A sign of life; the next one comes within `seconds`, else the watchdog may call the sink wedged."""
        self.beat = self._clock.monotonic()
        self.deadline = self.beat + seconds

    def asked(self) -> int:
        """The number to hand to `idle` if nothing is left to send, taken before looking."""
        with self._change:
            return self._asked

    def idle(self, asked: int) -> None:
        """Nothing was left to send when `asked` was taken."""
        with self._change:
            self._answered = asked
            self._change.notify_all()

    def flush(self, wake: Callable[[], None], timeout: float) -> bool:
        """Have the sink look again and wait until it finds nothing left; False if that takes longer."""
        with self._change:
            self._asked += 1
            mine = self._asked
        wake()
        with self._change:
            return self._change.wait_for(lambda: self._answered >= mine, timeout)


def encode(payload: Mapping[str, Any]) -> bytes:
    """JSON in UTF-8 on one line, as every sink writes it."""
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def stamped(message: Message, clock: Clock) -> dict[str, Any]:
    """The payload as it leaves now: when, what it stands for, and whether it is old news."""
    return {
        **message.payload,
        "replaces": list(message.replaces),
        "published_at": round(clock.wall(), 3),
        "replayed": bool(message.payload["replayed"]) or clock.monotonic() > message.fresh_until,
    }
