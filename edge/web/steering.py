"""The page of the car: what it sees and does, and a hand on it."""

from __future__ import annotations

from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.web.answers import missing
from edge.web.pages import Pages

ORDERS = frozenset({"arm", "engage", "disarm", "estop", "hold"})


class Wheel(Protocol):
    """What the page needs of the steering that runs. Called from worker threads; may block briefly."""

    def ask(self, word: str) -> dict[str, Any]:
        """Give an order, or `STATUS`; the state after it. Raises EdgeError: no steering runs."""
        ...

    def picture(self) -> bytes | None:
        """What the car sees now, JPEG."""
        ...


class Steering:
    """Handlers; all are sync and run in a worker thread."""

    def __init__(self, wheel: Wheel) -> None:
        self._wheel = wheel

    def status(self, _request: Request) -> Response:
        """GET /api/steer: the state, or 503 where no steering runs."""
        return JSONResponse(self._wheel.ask("STATUS"), headers={"cache-control": "no-store"})

    def order(self, request: Request) -> Response:
        """POST /api/steer/{order}: the state after it; whether it was followed is in the state."""
        order = request.path_params["order"]
        if order not in ORDERS:
            return missing(f"There is no such order; there are: {', '.join(sorted(ORDERS))}.")
        return JSONResponse(self._wheel.ask(order.upper()))

    def picture(self, _request: Request) -> Response:
        """GET /steer/view.jpg: what the car sees now."""
        jpeg = self._wheel.picture()
        if jpeg is None:
            return JSONResponse({"error": "The car has no picture now."}, 503, {"retry-after": "1"})
        return Response(jpeg, media_type="image/jpeg", headers={"cache-control": "no-store"})


def steering_routes(pages: Pages, wheel: Wheel) -> list[Route]:
    """The car's part of the table of routes."""
    steering = Steering(wheel)
    return [
        Route("/steer", pages.steer),
        Route("/steer/view.jpg", steering.picture),
        Route("/api/steer", steering.status),
        Route("/api/steer/{order}", steering.order, methods=["POST"]),
    ]
