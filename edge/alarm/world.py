"""What the alarm needs of the daemon around it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from edge.clock import Clock, SystemClock
from edge.types import AuditEntry, Event

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Underway(Protocol):
    """Something on its way to the disk."""

    @property
    def settled(self) -> bool:
        """Whether it is known how that went."""
        ...

    def wait(self, timeout: float) -> bool:
        """Wait for that; False if it is not known by then."""
        ...

    @property
    def fault(self) -> str | None:
        """Why it was not stored, once settled; None if it was."""
        ...


class Journal(Protocol):
    """Where the state and the audit log are kept together; the outbox is one. Any thread."""

    def recall(self, key: str) -> str | None:
        """The value stored last under a key, None without one. Raises StorageError."""
        ...

    def remember_all(self, values: Mapping[str, str], entry: AuditEntry | None = None) -> object:
        """Store all of it or nothing; returns once it is on the disk, raises StorageError if it cannot be."""
        ...

    def begin(self, values: Mapping[str, str], entry: AuditEntry | None = None) -> Underway:
        """Have it stored, all or nothing, behind what was to be stored before; only queues."""
        ...

    def record(self, entry: AuditEntry) -> None:
        """Store a line of the log as soon as the disk takes it; only queues."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """The daemon as the alarm sees it.

    clock_ok: whether the wall clock is synchronised; the schedule waits for that
    boot: names the boot of the machine, within which the monotonic clock goes on; empty where nobody knows
    boot_id: of this run of the daemon, for the ids of events
    emit: takes the alarm's events; must not block
    sound: gives a siren's topic its payload; must not block
    """

    clock: Clock = field(default_factory=SystemClock)
    clock_ok: Callable[[], bool] = lambda: False
    boot: str = ""
    boot_id: str = ""
    emit: Callable[[Event], object] = lambda event: None
    sound: Callable[[str, str], None] = lambda topic, payload: None

    def sure_wall(self) -> float | None:
        """Unix time, None from a clock that is not synchronised."""
        return self.clock.wall() if self.clock_ok() else None


def machine_boot(path: Path = BOOT_ID) -> str:
    """The kernel's name of this boot (random(4)); where it tells none, one that no other run has."""
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return secrets.token_hex(8)
