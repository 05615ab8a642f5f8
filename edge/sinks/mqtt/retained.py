"""What a broker holds for us, remembered over restarts: a camera that is gone must not stay `online` there for good."""

from __future__ import annotations

import json
from collections.abc import Iterable, Set

from edge.errors import StorageError
from edge.memory import Memory

KEY = "mqtt_retained"
UNKNOWN = "?"
"""The terms of a picture that was noted before terms were."""


class Retained:
    """Full topics under which something of ours may be retained. Owned by the sink's thread; never waits for the disk.

    memory: keeps the list
    terms: what pictures are told under, such as what is hidden in them. One that was told under others goes away: it
        may show what is to be shown no more
    """

    def __init__(self, memory: Memory, terms: str = "") -> None:
        self._memory, self._terms = memory, terms
        self._topics: dict[str, str] = {}
        self._known = False
        self._changed = False

    def told(self, topics: Iterable[str]) -> None:
        """These are published, retained."""
        before = len(self._topics)
        for topic in topics:
            # Not over other terms: what a broker held before may stay until it has answered that it is cleared.
            self._topics.setdefault(topic, self._terms if _is_picture(topic) else "")
        self._changed |= len(self._topics) != before

    def cleared(self, topics: Iterable[str], current: Set[str]) -> None:
        """What was retained under these is not any more, or is nothing that we could change. current: those under which
        something of the running system follows."""
        for topic in topics:
            self._changed |= self._topics.pop(topic, None) is not None
            if topic in current:
                self.told([topic])

    def stale(self, current: Set[str]) -> list[str]:
        """Topics that are to be cleared: of earlier runs, those that the running system does not have; and pictures
        that were told under other terms. current: those that it has.

        The last picture below a topic that it has is a true one still, though this run has not made one yet.
        """
        self._recall()
        gone = {topic for topic in self._topics if topic not in current and topic.rpartition("/")[0] not in current}
        return sorted(gone | {topic for topic, terms in self._topics.items() if self._is_outdated(topic, terms)})

    def _is_outdated(self, topic: str, terms: str) -> bool:
        return _is_picture(topic) and terms != self._terms

    def _recall(self) -> None:
        if self._known:
            return
        try:
            kept = self._memory.recall(KEY)
        except StorageError:
            return  # at the next connection
        self._known = True
        earlier = _parse(kept)
        self._changed |= not self._topics.keys() <= earlier.keys()
        self._topics |= earlier

    def keep(self) -> None:
        """Have the list stored if it has changed."""
        if self._known and self._changed:
            self._changed = False
            self._memory.note(KEY, json.dumps(self._topics, sort_keys=True))


def _is_picture(topic: str) -> bool:
    return topic.endswith("/snapshot")


def _parse(kept: str | None) -> dict[str, str]:
    """Topics with the terms of each; a list of topics alone is of a time when no terms were noted."""
    try:
        found = json.loads(kept or "{}")
    except ValueError:
        return {}
    if isinstance(found, list):
        found = {topic: UNKNOWN if _is_picture(topic) else "" for topic in found if isinstance(topic, str)}
    table = found if isinstance(found, dict) else {}
    return {topic: terms for topic, terms in table.items() if topic and isinstance(terms, str)}
