"""A clock that a test moves, and a memory without a disk."""

from __future__ import annotations


class Hands:
    """A clock that stands still until a test, or who sleeps by it, moves it."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Memory:
    """What survives a restart."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def recall(self, key: str) -> str | None:
        return self.kept.get(key)

    def note(self, key: str, value: str) -> None:
        self.kept[key] = value
