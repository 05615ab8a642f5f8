"""What several handlers read and answer: JSON, with one line for the person at the page."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.errors import AlarmRefused, UserError


class Malformed(UserError):
    """A request that the page itself would never send; its text says what is wanted."""


def refused(_request: Request, fault: Exception) -> Response:
    """An EdgeError as its text: 400 for what is malformed, 409 for what the house refuses, 503 for a fault of it.

    Of a code to the alarm, 409 with `code_wanted` asks for one or another one; 403 says that none is
    looked at for a while.
    """
    if isinstance(fault, AlarmRefused) and fault.locked_s:
        return JSONResponse({"error": str(fault)}, 403, {"retry-after": str(int(fault.locked_s) + 1)})
    if isinstance(fault, AlarmRefused):
        return JSONResponse({"error": str(fault), "code_wanted": True}, 409)
    status = 400 if isinstance(fault, Malformed) else 409 if isinstance(fault, UserError) else 503
    return JSONResponse({"error": str(fault)}, status)


def missing(text: str) -> Response:
    """What is not there."""
    return JSONResponse({"error": text}, 404)


def json_object(body: bytes) -> dict[str, Any] | None:
    """The JSON object of a request; None for anything else.

    Halves of a surrogate pair (`"\\ud800"`) are JSON but no text (RFC 8259, 8.2): no file, hash or answer could hold
    them.
    """
    try:
        said = json.loads(body)
        json.dumps(said, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None
