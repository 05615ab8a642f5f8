"""What the page's script asks: JSON, pictures and the two streams. All of it behind the guard."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from edge.web.answers import missing
from edge.web.auth import Auth
from edge.web.feed import FEEDS, Feed
from edge.web.guard import visit_of
from edge.web.house import House, Mode
from edge.web.live import BOUNDARY, VIEWERS, Seats, Stream, Studio
from edge.web.throttle import Throttle

CAMERA = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
MOST_CAMERAS = 32
MODES: dict[str, Mode | Literal["disarmed"]] = {
    "disarmed": "disarmed",
    "home": "home",
    "away": "away",
    "night": "night",
}


class Api:
    """Handlers for the script.

    closing: set when the server stops, so that streams end by themselves
    viewers: the seats at the live pictures
    """

    def __init__(self, house: House, auth: Auth, throttle: Throttle) -> None:
        self.closing = False
        self._house = house
        self._auth = auth
        self._throttle = throttle
        self._feed = Feed(house)
        self._studio = Studio(house)
        self.viewers = Seats(VIEWERS)
        self._feeds = Seats(FEEDS)

    async def feed(self, request: Request) -> Response:
        """GET /feed: server-sent events `status` and `events`."""
        return Stream(self._feed.messages(self._welcome(request)), "text/event-stream", self._feeds)

    async def live(self, request: Request) -> Response:
        """GET /live?cam=a&cam=b: the pictures of these cameras in one multipart stream."""
        return self._watch(request, request.query_params.getlist("cam")[:MOST_CAMERAS])

    async def live_one(self, request: Request) -> Response:
        """GET /live/{camera}.mjpeg: the pictures of one camera."""
        return self._watch(request, [request.path_params["camera"]])

    async def still(self, request: Request) -> Response:
        """GET /live/{camera}.jpg: one picture as it is now."""
        camera = request.path_params["camera"]
        if not self._is_camera(camera):
            return missing("There is no such camera.")
        jpeg = await self._studio.one(camera)
        if jpeg is None:
            return JSONResponse({"error": "The camera has no picture now."}, 503, {"retry-after": "5"})
        return Response(jpeg, media_type="image/jpeg")

    async def status(self, _request: Request) -> Response:
        """GET /api/status."""
        return JSONResponse(await self._feed.status())

    async def healthz(self, _request: Request) -> Response:
        """GET /healthz: 200 while cameras are being watched, else 503; says nothing more to strangers."""
        ready = (await self._feed.status()).get("ready")
        return PlainTextResponse("ok\n" if ready else "starting\n", 200 if ready else 503)

    def metrics(self, _request: Request) -> Response:
        """GET /metrics: Prometheus text format 0.0.4."""
        return PlainTextResponse(self._house.metrics(), media_type="text/plain; version=0.0.4")

    async def alarm(self, request: Request) -> Response:
        """POST /api/alarm {"mode": "disarmed|home|away|night", "code": str|null}: answers with the status."""
        visit = visit_of(request.scope)
        wish = _wish(visit.body)
        if wish is None:
            return JSONResponse({"error": 'Wanted: {"mode": "disarmed|home|away|night", "code": "..."}.'}, 400)
        mode, code = wish
        # Only a code is a guess: one tap that disarms a house without a code must never have to wait.
        wait = self._throttle.take(visit.address) if code is not None else 0.0
        if wait:
            error = f"Too many tries. Wait {wait:.0f} seconds."
            return JSONResponse({"error": error}, 429, {"retry-after": str(int(wait) + 1)})
        await anyio.to_thread.run_sync(self._set, mode, code, f"web {visit.address}")
        if code is not None:
            self._throttle.forgive(visit.address)
        self._feed.stale()
        return JSONResponse(await self._feed.status())

    def _set(self, mode: Mode | Literal["disarmed"], code: str | None, by: str) -> None:
        if mode == "disarmed":
            self._house.disarm(code, by)
        else:
            self._house.arm(mode, by)

    def _watch(self, request: Request, cameras: list[str]) -> Response:
        if not cameras or not all(self._is_camera(camera) for camera in cameras):
            return missing("There is no such camera.")
        body = self._studio.parts(list(dict.fromkeys(cameras)), self._welcome(request))
        return Stream(body, f"multipart/x-mixed-replace; boundary={BOUNDARY}", self.viewers)

    def _is_camera(self, name: str) -> bool:
        return CAMERA.fullmatch(name) is not None and self._studio.has(name)

    def _welcome(self, request: Request) -> Any:
        """A stream outlives neither its session nor the server."""
        session = visit_of(request.scope).session
        return lambda: not self.closing and self._auth.knows(session)


def _wish(body: bytes) -> tuple[Mode | Literal["disarmed"], str | None] | None:
    try:
        wish = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(wish, dict):
        return None
    mode, code = wish.get("mode"), wish.get("code")
    if (
        not isinstance(mode, str)
        or mode not in MODES
        or not isinstance(code, (str, type(None)))
        or len(code or "") > 64
    ):
        return None
    return MODES[mode], code if mode == "disarmed" else None
