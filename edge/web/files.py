"""The page's own style, script and icons: a table of a few files by exact name, so that no path can climb out of it."""

from __future__ import annotations

import functools
import gzip
import hashlib
import re
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

HERE = Path(__file__).parent
MODULES = (
    *(
        "alarm.js",
        "dom.js",
        "event.js",
        "events.js",
        "figure.js",
        "keypad.js",
        "live.js",
        "shot.js",
        "status.js",
        "switches.js",
    ),
    *("timeline.js", "why.js", "words.js"),
)
"""What `app.js` imports: named in the page, so that browsers fetch all of them at once."""
TYPES = {
    "app.css": "text/css",
    "house.css": "text/css",
    "app.js": "text/javascript",
    "gate.js": "text/javascript",
    **dict.fromkeys(MODULES, "text/javascript"),
    "desk.css": "text/css",
    "desk.js": "text/javascript",
    "drawing.js": "text/javascript",
    "editor.js": "text/javascript",
    "settings.js": "text/javascript",
    "shapes.js": "text/javascript",
    "steer.css": "text/css",
    "steer.js": "text/javascript",
    "view.js": "text/javascript",
    "app.webmanifest": "application/manifest+json",
    "icon.svg": "image/svg+xml",
    "icon-180.png": "image/png",
    "icon-192.png": "image/png",
    "icon-512.png": "image/png",
    "icon-maskable-512.png": "image/png",
    "away.html": "text/html",
    "away.js": "text/javascript",
    "worker.js": "text/javascript",
}
SMALL = 1400
"""Bytes that fit one packet anyway: compressing them gains nothing."""


def static(request: Request) -> Response:
    """GET /static/{name}, compressed for those who take it."""
    name = request.path_params["name"]
    if name not in TYPES:
        return PlainTextResponse("There is no such file.\n", 404)
    body, headers = _content(name), {"vary": "accept-encoding"}
    if len(body) > SMALL and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers = _compressed(name), {**headers, "content-encoding": "gzip"}
    if name == "worker.js":
        headers["service-worker-allowed"] = "/"
    return Response(body, media_type=TYPES[name], headers=headers)


def static_url(name: str) -> str:
    """The address of a file with the hash of all of them, so that browsers may keep it and still see an update at once.

    One hash for all: scripts import one another, and each module must have one address only, or it would run twice.
    """
    return f"/static/{name}?v={_version()}"


@functools.cache
def _version() -> str:
    everything = b"".join((HERE / "static" / name).read_bytes() for name in sorted(TYPES))
    return hashlib.sha256(everything).hexdigest()[:12]


@functools.cache
def _content(name: str) -> bytes:
    body = (HERE / "static" / name).read_bytes()
    if not name.endswith(".js"):
        return body
    return re.sub(rb'(from "\./[a-z]+\.js)"', rb"\1?v=" + _version().encode() + b'"', body)


@functools.cache
def _compressed(name: str) -> bytes:
    return gzip.compress(_content(name), 9, mtime=0)
