"""What is true now: the board of retained states, written by the parts, read by the MQTT sink and the page.

Topics are below the prefix (`porch/motion`, `alarm/state`); one that begins with `/` is a whole topic without that
slash, of something else that is to follow us, such as a siren. A state is never queued: only its newest value counts,
and on every connect the whole board is sent again, so what a broker retains is what the running system says.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class State:
    """One value. qos is MQTT's 0 or 1. retain: False for what a broker must not keep, such as a siren's command."""

    payload: bytes
    qos: int
    retain: bool = True


class Board:
    """The newest value of every topic. Thread-safe; listeners are called in the writer's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[str, State] = {}
        self._listeners: list[Callable[[str], None]] = []

    def set(self, topic: str, payload: str | bytes | int, *, qos: int = 1, retain: bool = True) -> None:
        """Write a state; listeners hear of it only if the value changed. They must not block."""
        state = State(payload if isinstance(payload, bytes) else str(payload).encode(), qos, retain)
        with self._lock:
            if self._states.get(topic) == state:
                return
            self._states[topic] = state
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener(topic)

    def again(self, topic: str) -> None:
        """Have a value told once more though it is what it was: to whom took it for another."""
        with self._lock:
            listeners = tuple(self._listeners) if topic in self._states else ()
        for listener in listeners:
            listener(topic)

    def get(self, topic: str) -> str | None:
        """The value as text, None where nothing was written yet."""
        with self._lock:
            state = self._states.get(topic)
        return None if state is None else state.payload.decode(errors="replace")

    def snapshot(self) -> dict[str, State]:
        """All states, in the order in which their topics first appeared."""
        with self._lock:
            return dict(self._states)

    def listen(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """Have `listener(topic)` called on each change; returns what takes it off again."""
        with self._lock:
            self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)
