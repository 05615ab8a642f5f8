"""What no request gets past: Host, Origin, session, CSRF, size."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import httpx
from starlette.routing import Route
from starlette.types import Message

from edge.web.guard import BODY_BYTES, OPEN
from edge.web.settings import WebSettings
from tests.support.house import jpeg
from tests.web.conftest import Opener, Site

EVIL = {"origin": "http://evil.example"}


def paths(site: Site) -> list[tuple[str, str]]:
    """(method, path) of everything that is routed."""
    filled = {"{camera}": "porch", "{event}": "1-abc", "{name}": "app.js"}
    found = []
    for route in site.app.routes:
        if isinstance(route, Route):
            path = route.path
            for name, value in filled.items():
                path = path.replace(name, value)
            found += [(method, path) for method in sorted(route.methods or ())]
    return found


def test_nothing_is_open_but_the_door(open_site: Opener) -> None:
    site = open_site(WebSettings(port=0, metrics=True), "porch")
    site.house.shots["1-abc"] = jpeg(1)
    assert site.set_password().status_code == 303
    stranger = site.another()
    checked = 0
    for method, path in paths(site):
        answer = stranger.request(method, path)
        if answer.status_code == 303:
            assert answer.headers["location"] == "/login", (method, path)
        elif path in (*OPEN, "/static/app.js") and method != "POST":
            assert answer.status_code == 200, (method, path)
        else:
            assert answer.status_code == (403 if path in OPEN else 401), (method, path)
            assert b"porch" not in answer.content
        checked += 1
    assert checked >= 20
    assert site.house.log == []


def test_metrics_are_served_only_if_switched_on(home: Site, open_site: Opener) -> None:
    assert home.browser.get("/metrics").status_code == 404


def test_metrics_and_health_say_what_the_house_says(open_site: Opener) -> None:
    site = open_site(WebSettings(port=0, metrics=True))
    answer = site.another().get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "edge_up 1" in answer.text
    assert site.another().get("/healthz").text == "ok\n"


def test_health_is_not_well_before_cameras_are_watched(site: Site) -> None:
    site.house.state["ready"] = False
    assert site.another().get("/healthz").status_code == 503


def test_every_change_wants_the_csrf_token(home: Site) -> None:
    posts = [path for method, path in paths(home) if method == "POST"]
    assert len(posts) >= 5
    for path in posts:
        assert home.browser.post(path, data={}).status_code == 403, path
        assert home.browser.post(path, data={"csrf": "0" * 64}).status_code == 403, path
        assert home.browser.post(path, json={}, headers={"x-csrf-token": "é".encode()}).status_code == 403, path
    assert home.house.log == []
    assert home.browser.get("/api/status").status_code == 200


def test_the_token_of_one_session_is_none_for_another(home: Site) -> None:
    other = home.another()
    home.log_in(client=other)
    token = home.csrf(client=other)
    answer = home.browser.post("/api/alarm", json={"mode": "disarmed"}, headers={"x-csrf-token": token})
    assert answer.status_code == 403


def test_another_name_is_dns_rebinding(home: Site) -> None:
    for host in ("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "[", "a b"):
        for path in ("/", "/login", "/healthz", "/feed", "/live?cam=porch", "/live/porch.mjpeg"):
            answer = home.browser.get(path, headers={"host": host})
            assert answer.status_code in (400, 403), (host, path)
            assert "porch" not in answer.text


def test_our_own_names_are_answered(home: Site) -> None:
    for host in ("localhost", "127.0.0.1:1", "[::1]", "LOCALHOST", socket.gethostname()):
        headers = {"host": host, "origin": f"http://{host}"}
        assert home.browser.get("/healthz", headers=headers).status_code == 200, host


def test_a_configured_name_is_answered(open_site: Opener) -> None:
    site = open_site(WebSettings(port=0, allowed_hosts=("Cam.example.org",)))
    assert site.another().get("/healthz", headers={"host": "cam.example.org"}).status_code == 200
    assert site.another().get("/healthz", headers={"host": "example.org"}).status_code == 403


def test_a_wildcard_bind_answers_to_addresses_but_not_to_strange_names() -> None:
    everywhere = WebSettings(host="0.0.0.0")  # noqa: S104
    assert everywhere.answers_to("192.168.1.20")
    assert everywhere.answers_to("2001:db8::1")
    assert not everywhere.answers_to("evil.example")
    assert not WebSettings().answers_to("192.168.1.20")


def test_another_site_gets_nothing(home: Site) -> None:
    frame = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "iframe"}
    for headers in (
        EVIL,
        {"origin": "null"},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        frame,
    ):
        for path in ("/", "/feed", "/live?cam=porch", "/live/porch.jpg", "/api/status", "/healthz"):
            assert home.browser.get(path, headers=headers).status_code == 403, (headers, path)


def test_another_site_changes_nothing(home: Site) -> None:
    token = {"x-csrf-token": home.csrf()}
    for headers in (EVIL, {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}):
        answer = home.browser.post("/api/alarm", json={"mode": "disarmed"}, headers={**token, **headers})
        assert answer.status_code == 403
    assert home.house.log == []


def test_a_link_on_another_site_leads_in_all_the_same(home: Site) -> None:
    follows = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    stranger = home.another()  # a browser that holds back its strict cookie
    answer = stranger.get("/", headers=follows)
    assert answer.status_code == 200
    assert 'http-equiv="refresh"' in answer.text
    assert stranger.get("/", headers={**follows, "sec-fetch-site": "same-origin"}).headers["location"] == "/login"


def test_a_large_body_is_refused_unread(home: Site) -> None:
    token = {"x-csrf-token": home.csrf()}
    assert home.browser.post("/api/alarm", content=b"x" * (BODY_BYTES + 1), headers=token).status_code == 413
    chunks = (b"x" * 1000 for _ in range(40))
    assert home.browser.post("/api/alarm", content=chunks, headers=token).status_code == 413
    assert home.another().post("/login", content=b"x" * (BODY_BYTES + 1)).status_code == 413


def test_no_name_climbs_out_of_its_folder(home: Site) -> None:
    for name in ("..%2f..%2fweb", "%2e%2e", ".hidden", "a%00b", "a%0ab", "x" * 81, "é", "a%5cb"):
        for path in (f"/api/events/{name}.jpg", f"/live/{name}.jpg", f"/live/{name}.mjpeg", f"/live?cam={name}"):
            assert home.browser.get(path).status_code == 404, path
        assert home.browser.get(f"/static/{name}").status_code == 404, name
    assert home.browser.get("/static/%2e%2e/auth.py").status_code == 404
    assert home.house.log == []


def test_every_answer_tells_the_browser_to_be_strict(home: Site) -> None:
    for path in ("/", "/login", "/api/status", "/static/app.js", "/nowhere", "/healthz"):
        strict(path, home.browser.get(path).headers)


def strict(path: str, headers: httpx.Headers) -> None:
    policy = headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert "server" not in headers
    if not path.startswith("/static/"):
        assert headers["cache-control"] == "no-store"


def test_the_pages_hold_no_inline_script_or_style() -> None:
    templates = Path(__file__).parents[2] / "edge" / "web" / "templates"
    for file in templates.glob("*.html"):
        text = file.read_text()
        assert "style=" not in text, file
        assert "<style" not in text, file
        assert not [line for line in text.splitlines() if "<script" in line and "src=" not in line], file
        assert not re.search(r"\son\w+=", text), file


def test_a_websocket_is_turned_away(site: Site) -> None:
    async def knock() -> list[Message]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        await site.app({"type": "websocket", "path": "/feed", "headers": [], "query_string": b""}, receive, send)
        return sent

    assert asyncio.run(knock()) == [{"type": "websocket.close", "code": 1008}]
