"""Status and events as they change, by server-sent events (WHATWG HTML, 9.2): one look a second for all pages.

A page needs no memory: each connection first gets everything, then what changed. `gap` in an events message says that
older rows may be missing between it and the last, so that the page starts its list anew.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any

import anyio
import anyio.to_thread

from edge.web.house import House

EVERY_S = 1.0
ROWS = 60
"""Newest messages that a page starts with, and the most that one look can find new."""
FEEDS = 16
log = logging.getLogger(__name__)


class Feed:
    """The look at the house that all pages share; nobody looks while no page is open. Lives on the event loop."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._readers: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None
        self._status: dict[str, Any] = {}
        self._rows: list[dict[str, Any]] = []
        self._looked = -EVERY_S

    async def status(self) -> dict[str, Any]:
        """The status, at most a second old."""
        if time.monotonic() - self._looked >= EVERY_S:
            self._status = await anyio.to_thread.run_sync(self._house.status)
            self._looked = time.monotonic()
        return self._status

    def stale(self) -> None:
        """Somebody changed something: the next look is a new one, and it is now."""
        self._looked = -EVERY_S

    async def messages(self, welcome: Callable[[], bool]) -> AsyncGenerator[bytes, None]:
        """The event stream, until `welcome()` is False (asked once a second) or the reader leaves."""
        wake = asyncio.Event()
        self._readers.add(wake)
        known: dict[str, str] | None = None
        try:
            yield b"retry: 2000\n\n"
            while welcome():
                if self._task is None or self._task.done():
                    self._task = asyncio.create_task(self._look())
                    self._task.add_done_callback(_say_why)
                with anyio.move_on_after(4 * EVERY_S):
                    await wake.wait()
                if not wake.is_set():
                    continue
                wake.clear()
                yield _message("status", self._status)
                rows, known, gap = _news(self._rows, known)
                if rows or gap:
                    yield _message("events", {"gap": gap, "rows": rows})
        finally:
            self._readers.discard(wake)
            if not self._readers and self._task is not None:
                self._task.cancel()

    async def _look(self) -> None:
        while True:
            self._looked = -EVERY_S
            await self.status()
            self._rows = await anyio.to_thread.run_sync(self._house.events, ROWS, None)
            for reader in self._readers:
                reader.set()
            await asyncio.sleep(EVERY_S)


def _news(
    rows: list[dict[str, Any]], known: dict[str, str] | None
) -> tuple[list[dict[str, Any]], dict[str, str], bool]:
    """Rows that are new or of which something changed later, what is known now, and whether some were missed."""
    now = {str(row["uid"]): _changing(row) for row in rows}
    if known is None:
        return rows, now, True
    changed = [row for row in rows if known.get(str(row["uid"])) != _changing(row)]
    missed = bool(known) and bool(rows) and not now.keys() & known.keys()
    return (rows if missed else changed), now, missed


def _changing(row: dict[str, Any]) -> str:
    """What may change in a message that was told: how far it is delivered, and the owner's word on its object."""
    return f"{row.get('state')} {row['after'].get('false_positive')}"


def _message(kind: str, data: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def _say_why(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("the page's feed failed", exc_info=task.exception())
