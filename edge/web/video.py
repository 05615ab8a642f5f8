"""A clip as browsers want it: in ranges, so that they can seek (RFC 9110, 14)."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from typing import BinaryIO

import anyio.to_thread
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

CHUNK = 64 * 1024
_ONE_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


def video(path: Path) -> Response | None:
    """The answer with a clip; None if the file has gone. Opens it: what is deleted meanwhile is sent to its end."""
    try:
        return Video(path.open("rb"))
    except OSError:
        return None


class Video(Response):
    """A file that is open already, whole or one range of it.

    Several ranges in one request are answered with the whole file, as RFC 9110, 14.2 allows: no player asks for them.
    """

    media_type = "video/mp4"

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._about = os.fstat(file.fileno())
        self.status_code = 200
        self.background = None
        self.etag = f'"{self._about.st_mtime_ns:x}-{self._about.st_size:x}"'
        self.init_headers(
            {
                "accept-ranges": "bytes",
                "etag": self.etag,
                "last-modified": formatdate(self._about.st_mtime, usegmt=True),
            }
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what is asked for."""
        async with self._closing():
            start, end = self._wanted(dict(scope["headers"]))
            if self.status_code == 416:
                self.headers["content-range"] = f"bytes */{self._about.st_size}"
            elif self.status_code == 206:
                self.headers["content-range"] = f"bytes {start}-{end - 1}/{self._about.st_size}"
            self.headers["content-length"] = str(end - start)
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            if scope["method"] != "HEAD":
                await anyio.to_thread.run_sync(self._file.seek, start)
                while start < end:
                    data = await anyio.to_thread.run_sync(self._file.read, min(CHUNK, end - start))
                    if not data:
                        break
                    start += len(data)
                    await send({"type": "http.response.body", "body": data, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _wanted(self, headers: dict[bytes, bytes]) -> tuple[int, int]:
        """From which byte to before which; sets the status."""
        size = self._about.st_size
        condition = headers.get(b"if-range")
        asked = _ONE_RANGE.fullmatch(headers.get(b"range", b"").decode("latin-1").strip())
        stale = condition is not None and condition.decode("latin-1") not in (self.etag, self.headers["last-modified"])
        if asked is None or stale or asked.groups() == ("", ""):
            return 0, size
        first, last = asked.groups()
        start = int(first) if first else max(0, size - int(last))
        end = min(int(last) + 1, size) if first and last else size
        if start >= size or end <= start:
            self.status_code = 416
            return 0, 0
        self.status_code = 206
        return start, end

    @asynccontextmanager
    async def _closing(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self._file.close()
