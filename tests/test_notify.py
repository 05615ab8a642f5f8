"""Notifications arrive on a real datagram socket as systemd reads them."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.notify import Notifier


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    """A socket in systemd's place, and what it says in NOTIFY_SOCKET."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.settimeout(2)
        if request.param == "file":
            receiver.bind(str(tmp_path / "n"))
            yield receiver, str(tmp_path / "n")
        else:
            name = f"edge-test-{os.getpid()}-{time.monotonic_ns()}"
            receiver.bind(f"\0{name}")
            yield receiver, f"@{name}"


def test_the_life_of_a_service(manager: tuple[socket.socket, str]) -> None:
    receiver, path = manager
    notifier = Notifier({"NOTIFY_SOCKET": path})
    notifier.ready("2 cameras")
    notifier.status("porch is\naway\nREADY=1")
    notifier.watchdog()
    notifier.stopping()
    got = [receiver.recv(4096).decode() for _ in range(4)]
    assert got == ["READY=1\nSTATUS=2 cameras", "STATUS=porch is away READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_a_reload_carries_the_time_that_systemd_compares(manager: tuple[socket.socket, str]) -> None:
    receiver, path = manager
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    Notifier({"NOTIFY_SOCKET": path}).reloading()
    state, stamp = receiver.recv(4096).decode().split("\n")
    assert state == "RELOADING=1"
    assert before <= int(stamp.removeprefix("MONOTONIC_USEC=")) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def test_without_systemd_nothing_happens() -> None:
    notifier = Notifier({})
    notifier.ready("up")
    notifier.watchdog()
    assert notifier.watchdog_s is None


def test_a_manager_that_is_gone_is_no_fault(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


def test_a_manager_that_does_not_read_holds_nobody_up(manager: tuple[socket.socket, str]) -> None:
    _, path = manager
    notifier = Notifier({"NOTIFY_SOCKET": path})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stuffing:
        stuffing.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                stuffing.sendto(b"x", f"\0{path[1:]}" if path.startswith("@") else path)
    start = time.monotonic()
    notifier.watchdog()
    assert time.monotonic() - start < 1.5


def test_a_sign_of_life_needs_no_free_file_descriptor(manager: tuple[socket.socket, str]) -> None:
    receiver, path = manager
    notifier = Notifier({"NOTIFY_SOCKET": path})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            socket.socket()
        notifier.watchdog()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert receiver.recv(4096) == b"WATCHDOG=1"


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_only_if_it_is_ours(environ: dict[str, str], seconds: float | None) -> None:
    assert Notifier({"NOTIFY_SOCKET": "/run/systemd/notify", **environ}).watchdog_s == seconds
