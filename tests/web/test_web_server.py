"""The socket, the thread and the clean stop; TLS; what is refused before anything starts."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
import trustme

from edge.errors import UserError
from edge.web.app import build, first_url
from edge.web.server import listen, serve
from edge.web.settings import WebSettings
from tests.support.house import MemoryHouse, jpeg
from tests.web.conftest import PASSWORD, Opener, Site


def test_a_port_in_use_is_one_line_before_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=f"{port}: another program has this port") as refused:
            listen(WebSettings(port=port))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("host", "why"), [("192.0.2.1", "does not have that address"), ("no.invalid", "no such")])
def test_an_address_that_is_not_ours_is_one_line(host: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        listen(WebSettings(host=host, port=0))


def test_a_certificate_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no file"):
        WebSettings(cert=tmp_path / "cert.pem").check()
    (tmp_path / "cert.pem").write_text("not a certificate")
    with pytest.raises(UserError, match="must be PEM files"):
        WebSettings(cert=tmp_path / "cert.pem").check()


def test_with_a_certificate_all_is_tls(open_site: Opener, tmp_path: Path) -> None:
    authority = trustme.CA()
    pem = tmp_path / "cert.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    site = open_site(WebSettings(port=0, cert=pem))
    context = ssl.create_default_context()
    authority.configure_trust(context)
    origin = f"https://127.0.0.1:{site.port}"
    with httpx.Client(base_url=origin, verify=context) as browser:
        token = site.app.state.auth.first_token()
        assert first_url(site.app, site.settings, site.port) == f"{origin}/setup?token={token}"
        form = {"token": token, "password": PASSWORD, "again": PASSWORD, "csrf": site.csrf("/setup", browser)}
        assert browser.post("/setup", data=form, headers={"origin": f"http://127.0.0.1:{site.port}"}).status_code == 403
        answer = browser.post("/setup", data=form, headers={"origin": origin})
        assert answer.status_code == 303
        assert answer.headers["set-cookie"].startswith("__Host-edge-0=")
        assert "Secure" in answer.headers["set-cookie"]
        assert browser.get("/api/status").status_code == 200
    with pytest.raises(httpx.TransportError):
        site.browser.get("/healthz")


def test_it_stops_within_a_second_with_open_streams(tmp_path: Path) -> None:
    house = MemoryHouse("porch")
    settings = WebSettings(port=0)
    app = build(house, settings, tmp_path)
    auth = app.state.auth
    assert auth.set_first(auth.first_token(), PASSWORD)
    sock = listen(settings)
    stop = threading.Event()
    thread = threading.Thread(target=serve, args=(app, settings, stop, sock))
    thread.start()
    house.screens["porch"].show(1, jpeg(1) + bytes(3_000_000))
    with contextlib.ExitStack() as stack:
        port = sock.getsockname()[1]
        browser = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=5))
        browser.cookies.set("edge-0", auth.enter())
        for path in ("/feed", "/live/porch.mjpeg", "/live?cam=porch"):
            assert stack.enter_context(browser.stream("GET", path)).status_code == 200
        stack.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(b"GET / HTTP/1.1\r\n")
        time.sleep(0.3)
        started = time.monotonic()
        stop.set()
        thread.join(5)
        took = time.monotonic() - started
    assert not thread.is_alive()
    assert took < 1.0
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_nobody_waits_for_a_request_that_never_ends(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.port)) as slow:
        slow.sendall(b"POST /login HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 10\r\n\r\n")
        assert site.another().get("/healthz").status_code == 200


def test_without_the_page_nothing_of_it_is_imported() -> None:
    code = (
        "import sys, edge.web, edge.web.house, edge.web.settings;"
        "sys.exit(', '.join({'starlette', 'uvicorn', 'jinja2', 'anyio'} & set(sys.modules)) or None)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)
