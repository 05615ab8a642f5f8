"""What the page's script asks: JSON, pictures and the two streams. All of it behind the guard."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeAlias, get_args

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from edge.web.answers import json_object, missing
from edge.web.auth import Auth
from edge.web.feed import FEEDS, Feed
from edge.web.guard import visit_of
from edge.web.house import House
from edge.web.live import BOUNDARY, VIEWERS, Seats, Stream, Studio
from edge.web.throttle import Throttle

CAMERA = re.compile(r"[a-z0-9_]{1,64}", re.ASCII)
MOST_CAMERAS = 32
LOG_ROWS = 200
Wanted: TypeAlias = Literal["disarmed", "home", "away", "night", "panic"]
MODES: dict[str, Wanted] = {word: word for word in get_args(Wanted)}


class Api:
    """Handlers for the script.

    throttle: of the alarm's code alone
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
        """POST /api/alarm {"mode": "disarmed|home|away|night|panic", "code": str|null, "now": bool}: answers with the
        status."""
        visit = visit_of(request.scope)
        wish = _wish(visit.body)
        if wish is None:
            wanted = '{"mode": "disarmed|home|away|night|panic", "code": "...", "now": false}'
            return JSONResponse({"error": f"Wanted: {wanted}."}, 400)
        # Only a code to disarm is a guess here: one tap that disarms a house without a code must never have to wait.
        # Where a code is wanted to arm, the alarm itself counts.
        guess = wish.mode == "disarmed" and wish.code is not None
        wait = self._throttle.take(visit.address) if guess else 0.0
        if wait:
            error = f"Too many tries. Wait {wait:.0f} seconds."
            return JSONResponse({"error": error}, 429, {"retry-after": str(int(wait) + 1)})
        await anyio.to_thread.run_sync(self._set, wish, f"web {visit.address}")
        if guess:
            self._throttle.forgive(visit.address)
        self._feed.stale()
        return JSONResponse(await self._feed.status())

    def alarm_log(self, request: Request) -> Response:
        """GET /api/alarm/log?limit=: who did what to the alarm, newest first."""
        limit = request.query_params.get("limit", "60")
        if re.fullmatch("[0-9]{1,3}", limit) is None or not 1 <= int(limit) <= LOG_ROWS:
            return JSONResponse({"error": f"limit is a number from 1 to {LOG_ROWS}."}, 400)
        return JSONResponse(self._house.alarm_log(int(limit)))

    async def switch(self, request: Request) -> Response:
        """POST /api/cameras/{camera}/{switch} {"on": true|false, "code": str|null}: answers with the status."""
        camera, name = request.path_params["camera"], request.path_params["switch"]
        visit = visit_of(request.scope)
        turn = _turn(visit.body)
        if turn is None:
            return JSONResponse({"error": 'Wanted: {"on": true|false, "code": "..."}.'}, 400)
        if not self._is_camera(camera):
            return missing("There is no such camera.")
        guess = turn.code is not None
        wait = self._throttle.take(visit.address) if guess else 0.0
        if wait:
            error = f"Too many tries. Wait {wait:.0f} seconds."
            return JSONResponse({"error": error}, 429, {"retry-after": str(int(wait) + 1)})
        by = f"web {visit.address}"
        switch = partial(self._house.switch, camera, name, turn.on, by, code=turn.code)
        if await anyio.to_thread.run_sync(switch) is not None:  # else nobody looked at the code
            self._throttle.forgive(visit.address)
        self._feed.stale()
        return JSONResponse(await self._feed.status())

    def _set(self, wish: Wish, by: str) -> None:
        if wish.mode == "disarmed":
            self._house.disarm(wish.code, by)
        elif wish.mode == "panic":
            self._house.panic(by)
        else:
            self._house.arm(wish.mode, by, code=wish.code, now=wish.now)

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


@dataclass(frozen=True, slots=True)
class Turn:
    """What the page wants of a switch."""

    on: bool
    code: str | None = field(default=None, repr=False)


def _turn(body: bytes) -> Turn | None:
    wish = json_object(body) or {}
    on, code = wish.get("on"), wish.get("code")
    if not isinstance(on, bool) or not isinstance(code, (str, type(None))) or len(code or "") > 64:
        return None
    return Turn(on, code)


@dataclass(frozen=True, slots=True)
class Wish:
    """What the page wants of the alarm. now: arm without the exit delays."""

    mode: Wanted
    code: str | None = field(default=None, repr=False)
    now: bool = False


def _wish(body: bytes) -> Wish | None:
    wish = json_object(body)
    if wish is None:
        return None
    mode, code, now = wish.get("mode"), wish.get("code"), wish.get("now", False)
    if (
        not isinstance(mode, str)
        or mode not in MODES
        or not isinstance(code, (str, type(None)))
        or len(code or "") > 64
        or not isinstance(now, bool)
    ):
        return None
    return Wish(MODES[mode], code, now)
