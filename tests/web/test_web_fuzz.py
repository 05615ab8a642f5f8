"""No request whatsoever is answered with a 500, with a session or without; asked for at the app itself."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.types import Message

from edge.config.desk import Desk, version_of
from edge.config.load import load_text
from edge.web.app import build
from edge.web.auth import csrf_token
from edge.web.settings import WebSettings
from tests.support.house import MemoryHouse, jpeg
from tests.web.conftest import PASSWORD

HOST = (b"host", b"127.0.0.1")
FORM = (b"content-type", b"application/x-www-form-urlencoded")
ODD = [
    *(b"", b"[", b"http://[x", b"http://[::1", b"http://127.0.0.1", b"null", b"\xb2", b"-1", b"9" * 5000, b"\xff\xfe"),
    *(b"edge-0=", b"a=b=c; ;=", b"same-origin", b"cross-site", b"navigate", b"127.0.0.1:x", b"::1", b"%00", b"*"),
]
VALUE = st.sampled_from(ODD) | st.text(st.characters(max_codepoint=255), max_size=12).map(lambda t: t.encode("latin-1"))
NAME = st.sampled_from(
    [
        *(b"host", b"origin", b"cookie", b"content-type", b"content-length", b"x-csrf-token", b"accept", b"range"),
        *(b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest", b"if-none-match", b"if-modified-since"),
    ]
)
PATH = st.sampled_from(
    [
        *("/", "/login", "/setup", "/password", "/logout", "/healthz", "/metrics", "/static/app.js", "/static/", "//"),
        *("/api/status", "/api/events", "/api/alarm", "/api/events/1-a.jpg", "/live/porch.jpg", "/live/a\0.jpg", ""),
        *(
            "/api/cameras/porch/motion",
            "/api/objects",
            "/api/day",
            "/api/events/1-a",
            "/api/events/1-a/nothing",
            "/api/events/%2e%2e/nothing",
        ),
        *("/api/events/\ud7ff", "/api/clips/1-a.mp4", "/api/clips/../x.mp4", "/static/why.js", "/static/../auth.py"),
        *("/api/cameras/porch/motion", "/api/config", "/api/config/areas/porch", "/api/config/areas/\0"),
        *("/api/config/loaded", "/api/config/unlock", "/areas", "/settings"),
    ]
) | st.text(max_size=10).map(lambda text: "/" + text.encode("utf-8", "replace").decode())
ASKED = [
    *(b"from=0&to=1", b"from=1e308&to=inf", b"from=-1&to=nan", b"from=999999999999&to=0", b"armed=2&clip=x"),
    *(b"zone=%00&label=%ff", b"camera=" + b"%41" * 300, b"before=..", b"before=1-a", b"from=%D9%A1"),
]
QUERY = (
    st.sampled_from([b"limit=" + b"1" * 5000, b"limit=\xb2", b"before=" + b"x" * 300, b"token=%ff", b"v=", *ASKED])
    | VALUE
)
BODY = st.sampled_from(
    [
        *(b"[" * 16000, b"&" * 30, b"a=b&" * 21, b'{"mode": "\\ud800"}', b'{"mode": "home", "code": 1}'),
        *(b'{"nothing": true}', b'{"nothing": "\\ud800"}', b'{"nothing": [[]]}', b'{"on": 1}', b'{"on": false}'),
    ]
) | (st.binary(max_size=40))


@dataclass
class Door:
    """The app, and a session that is opened anew when a request has ended it."""

    app: Starlette
    desk: Desk
    session: str = ""

    def inside(self) -> list[tuple[bytes, bytes]]:
        """The headers of somebody who is logged in."""
        auth = self.app.state.auth
        if not auth.knows(self.session):
            self.session = auth.enter()
        return [(b"cookie", f"edge-0={self.session}".encode()), (b"x-csrf-token", csrf_token(self.session).encode())]


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Door:
    """A page with a password and a session."""
    folder: Path = tmp_path_factory.mktemp("page")
    house = MemoryHouse("porch")
    house.happen(id="1-a")
    house.screens["porch"].show(0, jpeg(50))  # a camera without a picture is waited for, and then a 503
    file = folder / "edge.toml"
    file.write_text('[[camera]]\nname = "porch"\nsource = "synthetic:"\n')
    desk = Desk(file, load_text)
    app = build(house, WebSettings(port=0, metrics=True), folder, desk=desk)
    auth = app.state.auth
    assert auth.set_first(auth.first_token(), PASSWORD)
    return Door(app, desk)


def ask(app: Starlette, method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> int:
    """The status of the answer; whatever the app raises is raised."""
    told: list[int] = []
    coming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            told.append(message["status"])

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "client": ("192.0.2.1", 1),
        "server": ("127.0.0.1", 80),
    }
    asyncio.run(asyncio.wait_for(app(scope, receive, send), 5))
    (status,) = told
    return status


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "x"]),
    PATH,
    QUERY,
    st.lists(st.tuples(NAME, VALUE), max_size=4),
    BODY,
    st.booleans(),
)
@example("GET", "/login", b"", [(b"origin", b"http://[x")], b"", False)
@example("POST", "/login", b"", [FORM], b"a=b&" * 21, False)
@example("POST", "/login", b"", [(b"content-length", b"\xb2")], b"", False)
@example("GET", "/api/events", b"limit=" + b"1" * 5000, [], b"", True)
@example("POST", "/api/alarm", b"", [], b"[" * 16000, True)
def test_no_request_is_answered_with_a_500(
    door: Door, method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes, inside: bool
) -> None:
    given = {name: value for name, value in [HOST, *(door.inside() if inside else []), *headers]}
    status = ask(door.app, method, path, query, list(given.items()), body)
    assert status < 500 or status == 503  # too many at once, or nothing to show: said on purpose


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "zone", "name", "camera", "***", "é\0"]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(["", "name", "points", "was"]), below),
    max_leaves=8,
)
KEYS = st.lists(
    st.sampled_from(["camera", "zone", "name", "mqtt", "tls", "email", "to", "", 0, 1, -1, True, None]), max_size=5
)
CHANGES = st.lists(st.fixed_dictionaries({"key": KEYS, "value": JSON}), max_size=3) | JSON
SHAPES = st.fixed_dictionaries({}, optional={"zone": JSON, "line": JSON, "motion_mask": JSON, "required_zones": JSON})


@settings(max_examples=150, deadline=None)
@given(CHANGES, SHAPES, st.booleans())
def test_no_change_of_the_configuration_is_answered_with_a_500_or_leaves_a_file_that_is_none(
    door: Door, changes: object, shapes: dict[str, object], draws: bool
) -> None:
    desk = door.desk
    version = version_of(desk.text())
    wish = {"version": version, **(shapes if draws else {"changes": changes})}
    method, path = ("PUT", "/api/config/areas/porch") if draws else ("PATCH", "/api/config")
    status = ask(door.app, method, path, b"", [HOST, *door.inside()], json.dumps(wish).encode())
    assert status in (200, 400, 409, 422)
    desk.load()
    if status != 200:
        assert version_of(desk.text()) == version


def test_what_is_malformed_is_told(door: Door) -> None:
    assert ask(door.app, "GET", "/login", b"", [HOST, (b"origin", b"http://[x")], b"") == 400
    assert ask(door.app, "POST", "/login", b"", [HOST, FORM], b"a=b&" * 21) == 400


EVERYTHING = [
    *("/", "/password", "/logout", "/feed", "/live?cam=porch", "/live/porch.mjpeg", "/live/porch.jpg", "/api/status"),
    *("/api/events", "/api/objects", "/api/day", "/api/events/1-a", "/api/events/1-a.jpg", "/api/events/1-a/thumb.jpg"),
    *("/api/events/1-a/nothing", "/api/clips/1-a.mp4", "/api/alarm", "/api/alarm/log", "/api/cameras/porch/detect"),
]


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", EVERYTHING)
def test_nothing_is_told_or_changed_without_a_session(door: Door, method: str, path: str) -> None:
    path, _, query = path.partition("?")
    status = ask(door.app, method, path, query.encode(), [HOST], b'{"nothing": true}')
    assert status in (303, 401)


def test_nothing_is_changed_without_the_token_of_the_page(door: Door) -> None:
    cookie = door.inside()[0]
    assert ask(door.app, "POST", "/api/events/1-a/nothing", b"", [HOST, cookie], b'{"nothing": true}') == 403
    assert ask(door.app, "POST", "/api/events/1-a/nothing", b"", [HOST, *door.inside()], b'{"nothing": true}') == 200
