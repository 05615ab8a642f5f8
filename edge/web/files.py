"""The page's own style, script and icons: a table of a few files by exact name, so that no path can climb out of it."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

HERE = Path(__file__).parent
TYPES = {
    "app.css": "text/css",
    "app.js": "text/javascript",
    "desk.css": "text/css",
    "desk.js": "text/javascript",
    "drawing.js": "text/javascript",
    "editor.js": "text/javascript",
    "settings.js": "text/javascript",
    "shapes.js": "text/javascript",
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


def static(request: Request) -> Response:
    """GET /static/{name}."""
    name = request.path_params["name"]
    if name not in TYPES:
        return PlainTextResponse("There is no such file.\n", 404)
    answer = Response(_content(name), media_type=TYPES[name])
    if name == "worker.js":
        answer.headers["service-worker-allowed"] = "/"
    return answer


@functools.cache
def static_url(name: str) -> str:
    """The address of a file with its content's hash, so that browsers may keep it and still see an update at once."""
    return f"/static/{name}?v={hashlib.sha256(_content(name)).hexdigest()[:12]}"


@functools.cache
def _content(name: str) -> bytes:
    return (HERE / "static" / name).read_bytes()
