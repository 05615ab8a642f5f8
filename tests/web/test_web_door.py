"""However many connect, the page answers others and takes no more file descriptors than it may."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import trustme

import edge.web.server
from edge.web.door import CONNECTIONS, OF_ONE_ADDRESS
from edge.web.settings import WebSettings
from tests.support.broker import eventually
from tests.web.conftest import Opener, Site

HELLO = b"GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


def _says_nothing(guest: socket.socket) -> None:
    pass


def _begins_a_request(guest: socket.socket) -> None:
    guest.sendall(HELLO[:10])


def _begins_a_second_request(guest: socket.socket) -> None:
    guest.sendall(HELLO)
    assert guest.recv(4096).startswith(b"HTTP/1.1 200")
    guest.sendall(HELLO[:1])


def _never_ends_a_body(guest: socket.socket) -> None:
    guest.sendall(HELLO[:-2] + b"content-length: 1000\r\n\r\n")
    assert guest.recv(4096).startswith(b"HTTP/1.1 200")
    guest.sendall(b"x")


def _is_well(site: Site) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return site.another().get("/healthz").status_code == 200
    return False


@pytest.mark.parametrize(
    "behave", [_says_nothing, _begins_a_request, _begins_a_second_request, _never_ends_a_body], ids=lambda f: f.__name__
)
def test_those_who_ask_nothing_do_not_keep_others_out(
    behave: Callable[[socket.socket], None], open_site: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge.web.server, "SILENT_TICKS", 3)
    site = open_site()
    with contextlib.ExitStack() as stack:
        guests = [stack.enter_context(socket.create_connection(("127.0.0.1", site.port))) for _ in range(CONNECTIONS)]
        for guest in guests:
            with contextlib.suppress(ConnectionError):  # on a slow machine the first were silent too long already
                behave(guest)
        eventually(lambda: _is_well(site))


def _left_open(guests: list[socket.socket]) -> int:
    """How many the far end has not hung up on."""
    return len(guests) - len(select.select(guests, [], [], 0)[0])


def _crowd(stack: contextlib.ExitStack, port: int, count: int, source: str) -> list[socket.socket]:
    return [
        stack.enter_context(socket.create_connection(("127.0.0.1", port), source_address=(source, 0)))
        for _ in range(count)
    ]


def test_beyond_the_seats_the_oldest_strangers_give_way(open_site: Opener) -> None:
    site = open_site()
    with contextlib.ExitStack() as stack:
        guests = _crowd(stack, site.port, CONNECTIONS + 40, "127.0.0.1")
        eventually(lambda: _left_open(guests) == CONNECTIONS)
        assert _left_open(guests[:40]) < 40
        assert _is_well(site)
    eventually(lambda: _is_well(site))


def _answer(guest: socket.socket) -> bytes:
    """The whole answer to HELLO, head and body, which may come apart."""
    answer = b""
    while not answer.endswith(b"\r\n\r\nok\n") and (more := guest.recv(4096)):
        answer += more
    return answer


def test_beyond_the_seats_of_those_with_a_session_nobody_is_let_in(home: Site) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in home.browser.cookies.items())
    home.browser.close()
    with contextlib.ExitStack() as stack:
        guests = _crowd(stack, home.port, CONNECTIONS, "127.0.0.1")
        for guest in guests:
            guest.sendall(HELLO[:-2] + f"cookie: {cookie}\r\n\r\n".encode())
            assert _answer(guest).startswith(b"HTTP/1.1 200")
        strangers = _crowd(stack, home.port, 5, "127.0.0.2")
        eventually(lambda: _left_open(strangers) == 0)
        assert not _is_well(home)
        guests[0].sendall(HELLO)
        assert _answer(guests[0]).startswith(b"HTTP/1.1 200")


def test_those_who_keep_asking_without_a_session_do_not_keep_others_out(home: Site) -> None:
    with contextlib.ExitStack() as stack:
        crowd: list[socket.socket] = []
        for _ in range(3):
            for number in (2, 3, 4):
                crowd += _crowd(stack, home.port, OF_ONE_ADDRESS, f"127.0.0.{number}")
            for guest in crowd:
                with contextlib.suppress(OSError):
                    guest.sendall(HELLO)
            assert home.browser.get("/api/status").status_code == 200
            assert _is_well(home)


def test_a_crowd_thins_out_its_own_ranks(home: Site) -> None:
    with contextlib.ExitStack() as stack:
        first = _crowd(stack, home.port, 1, "127.0.0.9")
        crowd = [each for i in (2, 3, 4, 5) for each in _crowd(stack, home.port, OF_ONE_ADDRESS, f"127.0.0.{i}")]
        eventually(lambda: _left_open(crowd) < CONNECTIONS)
        first[0].sendall(HELLO)
        assert first[0].recv(4096).startswith(b"HTTP/1.1 200")


def test_a_crowd_that_comes_again_and_again_does_not_push_the_owner_out(home: Site) -> None:
    stop = threading.Event()

    def press(number: int) -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
                for _ in range(OF_ONE_ADDRESS + 8):
                    _crowd(stack, home.port, 1, f"127.0.0.{number}")
                stop.wait(0.2)

    crowd = [threading.Thread(target=press, args=(number,)) for number in (2, 3, 4, 5)]
    for each in crowd:
        each.start()
    try:
        visits = [_is_well(home) for _ in range(30)]
    finally:
        stop.set()
        for each in crowd:
            each.join(5)
    assert sum(visits) >= 25


def test_without_a_session_a_connection_ends_with_its_answer(home: Site) -> None:
    assert home.another().get("/healthz").headers["connection"] == "close"
    assert home.another().get("/login").headers["connection"] == "close"
    assert home.another().get("/api/status").headers["connection"] == "close"
    assert "connection" not in home.browser.get("/api/status").headers


def test_one_address_cannot_take_all_seats(open_site: Opener) -> None:
    site = open_site()
    with contextlib.ExitStack() as stack:
        guests = _crowd(stack, site.port, OF_ONE_ADDRESS + 10, "127.0.0.2")
        eventually(lambda: _left_open(guests) == OF_ONE_ADDRESS)
        assert _is_well(site)


def test_a_handshake_that_never_comes_has_a_seat_like_any_other(open_site: Opener, tmp_path: Path) -> None:
    pem = tmp_path / "cert.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    site = open_site(WebSettings(port=0, cert=pem))
    with contextlib.ExitStack() as stack:
        guests = _crowd(stack, site.port, OF_ONE_ADDRESS + 10, "127.0.0.2")
        eventually(lambda: _left_open(guests) == OF_ONE_ADDRESS)
