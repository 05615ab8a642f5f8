"""Where each waiting message stands in this run: with a sink, settled but not committed yet, or being replaced."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence


class Books:
    """Ids by sink, shared by the writer and the sinks under `lock`.

    handed: given to a sink, so on the wire for all we know, with the refusals so far; neither replaced nor dropped
    settled: told to be over by its sink, the commit still to come; not handed out again
    claimed: being replaced or dropped by the running transaction; not handed out
    """

    def __init__(self, sinks: Sequence[str]) -> None:
        self.lock = threading.Lock()
        self._handed: dict[str, dict[int, int]] = {sink: {} for sink in sinks}
        self._settled: dict[str, set[int]] = {sink: set() for sink in sinks}
        self._claimed: dict[str, set[int]] = {sink: set() for sink in sinks}

    def available(self, sink: str, event_id: int) -> bool:
        """May this pending message be handed out? To be called with the lock held, in one go with the SELECT."""
        return event_id not in self._settled[sink] and event_id not in self._claimed[sink]

    def hand(self, sink: str, event_id: int, tries: int) -> None:
        """It goes to its sink now. To be called with the lock held, in one go with the SELECT."""
        self._handed[sink].setdefault(event_id, tries)

    def claim(self, sink: str, event_id: int) -> bool:
        """Take a message away from a sink that does not have it yet; False if it has. Writer thread."""
        with self.lock:
            if event_id in self._handed[sink] or event_id in self._settled[sink]:
                return False
            self._claimed[sink].add(event_id)
            return True

    def release_claims(self) -> None:
        """The transaction is over, one way or the other: the database tells the truth again. Writer thread."""
        with self.lock:
            for claimed in self._claimed.values():
                claimed.clear()

    def refuse(self, sink: str, event_id: int) -> int:
        """One more refusal; returns how many there were. Any thread."""
        with self.lock:
            tries = self._handed[sink].get(event_id, 0) + 1
            self._handed[sink][event_id] = tries
            return tries

    def settle(self, sink: str, ids: Iterable[int]) -> None:
        """A sink is done with these. Any thread."""
        with self.lock:
            self._settled[sink].update(ids)

    def forget(self, sink: str, ids: Iterable[int]) -> None:
        """The database knows now. Writer thread."""
        with self.lock:
            for event_id in ids:
                self._settled[sink].discard(event_id)
                self._handed[sink].pop(event_id, None)
