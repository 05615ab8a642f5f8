"""Commands that come over MQTT: what is none is counted, said once, and does nothing; no bytes can do harm."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

from edge.errors import EdgeError, UserError
from edge.text import printable

log = logging.getLogger(__name__)

LARGEST = 4096
"""Bytes of a command; ours have a few dozen."""
WORDS = {b"ON": True, b"OFF": False}
Kind: TypeAlias = Literal["retained", "oversized", "unknown", "malformed", "refused", "failed"]
KINDS: tuple[Kind, ...] = ("retained", "oversized", "unknown", "malformed", "refused", "failed")
Handler: TypeAlias = Callable[[bytes], object]
"""Does what a payload says; False, or a ValueError that says why, where it is none of its words. May raise UserError
(refused) or another EdgeError."""


class Inbox:
    """Takes commands by their topic below the prefix. Any thread.

    Args:
        whole: by topic, such as `alarm/set`
        switch: switches `(camera, name, on)`, for `<camera>/<name>/set`; may raise UserError
    """

    def __init__(self, whole: Mapping[str, Handler], switch: Callable[[str, str, bool], object]) -> None:
        self._whole = dict(whole)
        self._switch = switch
        self._counting = threading.Lock()
        self._counts: Counter[Kind] = Counter()

    def counts(self) -> dict[str, int]:
        """How many commands were not done, by reason."""
        return {kind: self._counts[kind] for kind in KINDS}

    def heard(self, topic: str, payload: bytes) -> bool:
        """Do what a command says; whether it was done. Raises nothing."""
        if len(payload) > LARGEST:
            self._ignore("oversized", topic, f"{len(payload)} bytes are more than {LARGEST}")
            return False
        try:
            handler = self._handler(topic)
            if handler is None:
                self._ignore("unknown", topic, "no such command")
            elif handler(payload) is False:
                self._ignore("malformed", topic, "not a word of this command")
            else:
                return True
        except ValueError as fault:
            self._ignore("malformed", topic, str(fault))
        except UserError as fault:
            self._ignore("refused", topic, str(fault))
        except EdgeError as fault:
            self._ignore("failed", topic, str(fault))
        return False

    def failed(self, topic: str, why: str) -> None:
        """A command could not be done."""
        self._ignore("failed", topic, why)

    def retained(self, topic: str) -> None:
        """A command came that the broker retains: it is old, and nobody knows how old."""
        self._ignore("retained", topic, "commands are never retained; clear it on the broker")

    def _handler(self, topic: str) -> Handler | None:
        if topic in self._whole:
            return self._whole[topic]
        levels = topic.split("/")
        if len(levels) != 3 or levels[2] != "set":
            return None
        camera, name, _ = levels
        return lambda payload: self._turn(camera, name, payload)

    def _turn(self, camera: str, name: str, payload: bytes) -> bool:
        if payload not in WORDS:
            return False
        self._switch(camera, name, WORDS[payload])
        return True

    def _ignore(self, kind: Kind, topic: str, why: str) -> None:
        """The first of a kind is worth a line; a thousand of them are worth a number."""
        with self._counting:
            self._counts[kind] += 1
            first = self._counts[kind] == 1
        level = logging.WARNING if first else logging.DEBUG
        log.log(level, "MQTT: a command on %s was ignored: %s", printable(topic[:128]), printable(why))
