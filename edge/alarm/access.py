"""Who may give an order: codes judged, refusals counted, logged and told."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from edge.alarm.codes import Lockout, Verdict
from edge.alarm.keeping import TRIES, Keeping
from edge.alarm.settings import AlarmSettings
from edge.alarm.world import World
from edge.errors import AlarmRefused, StorageError

log = logging.getLogger(__name__)


class Access:
    """The door to the orders. Thread-safe.

    Args:
        recall: gives the tries that were kept
        keeping: writes refusals down
        locked: told which source is locked, when that begins
        unkept: told that `kept` is to be stored later
    """

    def __init__(
        self,
        settings: AlarmSettings,
        world: World,
        recall: Callable[[str], str | None],
        keeping: Keeping,
        locked: Callable[[str], None],
        unkept: Callable[[], None],
    ) -> None:
        self._codes, self._clock, self._keeping = settings.codes, world.clock, keeping
        self._told, self._unkept = locked, unkept
        self._lock = threading.Lock()
        self._lockout = Lockout(settings.codes, world.boot, recall(TRIES), self._clock.monotonic())

    @property
    def renewed(self) -> bool:
        """Whether what is kept is to be kept anew, since it is of another boot."""
        return self._lockout.renewed

    def allow(self, what: str, code: str | None, by: str) -> str | None:
        """The name behind a right code, None where there are no codes. Raises AlarmRefused for all else."""
        if not self._codes:
            return None
        now = self._clock.monotonic()
        with self._lock:
            verdict = self._lockout.check(code, by, now)
            tries = self._lockout.dump(now)
        if verdict.name is not None:
            return verdict.name
        self._put_down(what, by, verdict, tries)
        if verdict.missing:
            raise AlarmRefused("The code is needed.")
        if verdict.locked_s:
            raise AlarmRefused(f"Too many wrong codes. Wait {verdict.locked_s:.0f} seconds.", verdict.locked_s)
        raise AlarmRefused("That is not the code.")

    def refuse(self, what: str, by: str, why: str) -> None:
        """Write down what no code would allow now."""
        self._keeping.refusal(what, by, why, None)

    def note(self, what: str, by: str, name: str | None) -> None:
        """Write down what was done beside the orders."""
        self._keeping.note(what, name, by)

    def kept(self) -> dict[str, str]:
        """What is to be kept over a restart."""
        now = self._clock.monotonic()
        with self._lock:
            return {TRIES: self._lockout.dump(now)}

    def locked_s(self) -> float:
        """How long the source that has to wait longest has to wait, 0 for none."""
        with self._lock:
            return self._lockout.locked_s(self._clock.monotonic())

    def locked(self) -> str | None:
        """That source, None for none."""
        with self._lock:
            return self._lockout.locked(self._clock.monotonic())

    def _put_down(self, what: str, by: str, verdict: Verdict, tries: str) -> None:
        """Write a refusal down before it is answered, so that no power cut gives tries for free. Of a locked source
        only the lock itself is written: a guesser must not push out what the log holds."""
        if verdict.locked_s and not verdict.begun:
            return
        why = "no code" if verdict.missing else "wrong code"
        try:
            self._keeping.refusal(what, by, why, None if verdict.missing else tries)
        except StorageError:
            self._unkept()
        if verdict.begun:
            log.warning("alarm: %s is locked for %.0f s", by, verdict.locked_s)
            self._keeping.record("lockout", None, by, f"{verdict.locked_s:.0f} s")
            self._told(by)
