"""What a broker holds for us, remembered over restarts: a camera that is gone must not stay `online` there for good."""

from __future__ import annotations

import json
from collections.abc import Iterable, Set

from edge.errors import StorageError
from edge.sinks.base import Memory

KEY = "mqtt_retained"


class Retained:
    """Full topics under which something of ours may be retained. Owned by the sink's thread; never waits for the disk.

    memory: keeps the list
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._topics: set[str] = set()
        self._known = False
        self._changed = False

    def told(self, topics: Iterable[str]) -> None:
        """These are published, retained."""
        before = len(self._topics)
        self._topics.update(topics)
        self._changed |= len(self._topics) != before

    def cleared(self, topics: Iterable[str]) -> None:
        """Nothing is retained under these any more, or nothing that we could change."""
        before = len(self._topics)
        self._topics.difference_update(topics)
        self._changed |= len(self._topics) != before

    def stale(self, current: Set[str]) -> list[str]:
        """Topics of earlier runs that the running system does not have. current: those that it has.

        The last picture below a topic that it has is a true one still, though this run has not made one yet.
        """
        self._recall()
        return sorted(
            topic for topic in self._topics if topic not in current and topic.rpartition("/")[0] not in current
        )

    def _recall(self) -> None:
        if self._known:
            return
        try:
            kept = self._memory.recall(KEY)
        except StorageError:
            return  # at the next connection
        self._known = True
        fresh = set(self._topics)
        try:
            earlier = json.loads(kept or "[]")
        except ValueError:
            earlier = []
        self._topics.update(topic for topic in earlier if isinstance(topic, str) and topic)
        self._changed |= not fresh <= set(earlier)

    def keep(self) -> None:
        """Have the list stored if it has changed."""
        if self._known and self._changed:
            self._changed = False
            self._memory.note(KEY, json.dumps(sorted(self._topics)))
