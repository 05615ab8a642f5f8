"""Records of joints as they are given to those who look: made once each, and not sent again to who has them."""

from __future__ import annotations

import threading
from collections import OrderedDict

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.evidence.retold import told
from edge.web.answers import missing
from edge.web.house import House

MOST_FRAMES = 3000
"""A megabyte; 200 seconds at the highest rate."""
MOST_BYTES = 4 << 20
NONE_KEPT = "The joints of this person were not kept, or are not any more."


class Joints:
    """Gives records. Any thread; one at a time is made, so that many who ask take no more memory than one.

    Args:
        house: has the records
        most_bytes: of JSON that is kept, the newest asked for
    """

    def __init__(self, house: House, most_bytes: int = MOST_BYTES) -> None:
        self._house, self._most = house, most_bytes
        self._making = threading.Lock()
        self._made: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    def as_csv(self, event: str, request: Request) -> Response:
        """A record as it is, 304 to who has it."""
        tag = self._tag(event)
        if tag is not None and _has(request, tag):
            return Response(status_code=304, headers={"etag": tag})
        text = None if tag is None else self._house.pose(event)
        if tag is None or text is None:
            return missing(NONE_KEPT)
        called = f'inline; filename="{event}.csv"'
        return Response(
            text, media_type="text/csv; charset=utf-8", headers={"etag": tag, "content-disposition": called}
        )

    def as_json(self, event: str, request: Request) -> Response:
        """What a record tells, see `told`; 304 to who has it."""
        tag = self._tag(event)
        if tag is not None and _has(request, tag):
            return Response(status_code=304, headers={"etag": tag})
        body = None if tag is None else self._json(event, tag)
        if tag is None or body is None:
            return missing(NONE_KEPT)
        return Response(body, media_type="application/json", headers={"etag": tag})

    def _tag(self, event: str) -> str | None:
        """RFC 9110, 8.8.3."""
        version = self._house.pose_version(event)
        return None if version is None else f'"{version}"'

    def _json(self, event: str, tag: str) -> bytes | None:
        # The tag is older than the text or as old: what grew in between is made again at the next time, never missed.
        with self._making:
            kept = self._made.get(event)
            if kept is not None and kept[0] == tag:
                self._made.move_to_end(event)
                return kept[1]
            text = self._house.pose(event)
            if text is None:
                return None
            body = bytes(JSONResponse(told(text, MOST_FRAMES)).body)
            self._made.pop(event, None)
            self._made[event] = tag, body
            while sum(len(made) for _, made in self._made.values()) > self._most:
                self._made.popitem(last=False)
            return body


def _has(request: Request, tag: str) -> bool:
    """Whether the asker has what is there (RFC 9110, 13.1.2)."""
    known = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    return tag in known or known == ["*"]
