"""Where parts keep what must survive a restart; the outbox is such a place."""

from __future__ import annotations

from typing import Protocol


class Memory(Protocol):
    """Texts by a key. Any thread; all of it returns at once."""

    def recall(self, key: str) -> str | None:
        """The text noted last under a key, None without one. Raises StorageError."""
        ...

    def note(self, key: str, value: str) -> None:
        """Keep a text, whole or not at all, as soon as the disk takes it."""
        ...
