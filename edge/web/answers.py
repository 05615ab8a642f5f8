"""Answers that several handlers give: JSON with one line for the person at the page."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.errors import AlarmRefused, UserError


class Malformed(UserError):
    """A request that the page itself would never send; its text says what is wanted."""


def refused(_request: Request, fault: Exception) -> Response:
    """An EdgeError as its text: 400 for what is malformed, 409 for what the house refuses, 503 for a fault of it.

    Of a code to the alarm, 409 asks for another one, and 403 says that none is looked at for a while.
    """
    if isinstance(fault, AlarmRefused) and fault.locked_s:
        return JSONResponse({"error": str(fault)}, 403, {"retry-after": str(int(fault.locked_s) + 1)})
    status = 400 if isinstance(fault, Malformed) else 409 if isinstance(fault, UserError) else 503
    return JSONResponse({"error": str(fault)}, status)


def missing(text: str) -> Response:
    """What is not there."""
    return JSONResponse({"error": text}, 404)
