"""The table of routes, and what stands around it."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.clock import Clock, SystemClock
from edge.config.desk import Desk
from edge.errors import EdgeError, StorageError
from edge.web.answers import refused
from edge.web.api import Api
from edge.web.auth import Auth
from edge.web.files import static
from edge.web.guard import Guard
from edge.web.house import House
from edge.web.pages import Pages
from edge.web.past import Past, past_routes
from edge.web.settings import WebSettings
from edge.web.steering import Wheel, steering_routes
from edge.web.throttle import Throttle, Tries
from edge.web.workshop import Workshop


def build(
    house: House,
    settings: WebSettings,
    data: Path,
    clock: Clock | None = None,
    desk: Desk | None = None,
    wheel: Wheel | None = None,
) -> Starlette:
    """The app for `server.serve`. `data` is the folder of `web.json`; raises StorageError if that file is damaged.

    Settings and drawing change the file of `desk`, and are not offered without one; neither is the
    car without a `wheel`.

    Leaves in `app.state`: `auth`, and `api`, whose `closing` ends all streams.
    """
    clock = clock or SystemClock()
    auth = Auth(data, clock)
    tries = Tries(clock)
    pages = Pages(house, auth, tries, settings, car=wheel is not None)
    api = Api(house, auth, Throttle(clock))  # its own: a right code to the alarm forgives no guessed password
    past = Past(house)

    def no_room(request: Request, fault: Exception) -> Response:
        return refused(request, fault) if request.url.path.startswith("/api/") else pages.no_room(request, fault)

    app = Starlette(
        routes=[
            *_routes(pages, api, settings),
            *past_routes(past),
            *_of_workshop(pages, Workshop(desk, house, auth, tries)),
            *([] if wheel is None else steering_routes(pages, wheel)),
        ],
        middleware=[Middleware(Guard, auth=auth, settings=settings)],
        exception_handlers={StorageError: no_room, EdgeError: refused},
    )
    app.router.redirect_slashes = False
    app.state.auth = auth
    app.state.api = api
    return app


def first_url(app: Starlette, settings: WebSettings, port: int) -> str | None:
    """What to print at the start: the address that sets the first password; None once there is one."""
    token = app.state.auth.first_token()
    return None if token is None else settings.url(port, f"/setup?token={token}")


def _of_workshop(pages: Pages, workshop: Workshop) -> list[Route]:
    return [
        Route("/settings", pages.settings),
        Route("/areas", pages.areas),
        Route("/api/config", workshop.config, methods=["GET", "PATCH"]),
        Route("/api/config/areas/{camera}", workshop.areas, methods=["GET", "PUT"]),
        Route("/api/config/loaded", workshop.loaded),
        Route("/api/config/unlock", workshop.unlock, methods=["POST"]),
    ]


def _routes(pages: Pages, api: Api, settings: WebSettings) -> list[Route]:
    both = ["GET", "POST"]
    metrics = [Route("/metrics", api.metrics)] if settings.metrics else []
    return [
        Route("/", pages.home),
        Route("/login", pages.login, methods=both),
        Route("/setup", pages.setup, methods=both),
        Route("/password", pages.password, methods=both),
        Route("/logout", pages.logout, methods=["POST"]),
        Route("/feed", api.feed),
        Route("/live", api.live),
        Route("/live/{camera}.mjpeg", api.live_one),
        Route("/live/{camera}.jpg", api.still),
        Route("/api/status", api.status),
        Route("/api/alarm", api.alarm, methods=["POST"]),
        Route("/api/alarm/log", api.alarm_log),
        Route("/api/cameras/{camera}/{switch}", api.switch, methods=["POST"]),
        Route("/healthz", api.healthz),
        *metrics,
        Route("/static/{name}", static),
    ]
