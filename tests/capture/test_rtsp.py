"""A network camera that dies, freezes and comes back, watched by the real daemon."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from edge.capture.rtsp import READ_S, open_rtsp
from edge.errors import CameraError
from tests.support.broker import eventually, free_port
from tests.support.daemon import Daemon
from tests.support.rtsp import RtspCamera


@pytest.fixture
def camera() -> Iterator[RtspCamera]:
    camera = RtspCamera()
    camera.start()
    yield camera
    camera.kill()


def test_pictures_arrive_and_move(camera: RtspCamera) -> None:
    source = open_rtsp(camera.url)
    shots = list(itertools.islice(source.shots(), 12))
    source.close()
    assert shots[0].picture.width == 640
    assert (shots[0].picture.y != shots[-1].picture.y).any()


def test_a_wrong_password_is_one_line_without_the_password() -> None:
    locked = RtspCamera("owner", "right")
    locked.start()
    try:
        with pytest.raises(CameraError) as fault:
            open_rtsp(locked.url.replace("right", "s3cret"))
        assert "s3cret" not in str(fault.value)
        assert "401" in str(fault.value)
        assert "\n" not in str(fault.value)
        open_rtsp(locked.url).close()
    finally:
        locked.kill()


def test_pictures_that_stop_are_noticed_though_the_sound_goes_on(camera: RtspCamera) -> None:
    source = open_rtsp(camera.url)
    shots = source.shots()
    next(shots)
    camera.stall()
    stalled = time.monotonic()
    with pytest.raises(CameraError, match=r"no answer in time|no picture for 4 s"):
        list(shots)
    assert time.monotonic() - stalled < READ_S + 2
    source.close()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", "is that the camera's RTSP port"),
        (b"", "is that the camera's RTSP port"),
    ],
)
def test_a_peer_that_is_no_camera_is_said_to_be_none(answer: bytes, says: str) -> None:
    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.recv(1000)
            peer.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(CameraError, match=says):
            open_rtsp(f"rtsp://127.0.0.1:{listener.getsockname()[1]}/x")
        thread.join()


@pytest.mark.parametrize(
    ("host", "fault", "says"),
    [
        ("cam.lan", socket.gaierror(-2, "Name or service not known"), "cam.lan cannot be resolved: Name or service"),
        ("x" * 70 + ".lan", None, "cannot be resolved: not a valid name"),
    ],
)
def test_a_name_that_does_not_resolve_is_said(
    monkeypatch: pytest.MonkeyPatch, host: str, fault: Exception | None, says: str
) -> None:
    if fault:
        monkeypatch.setattr(socket, "getaddrinfo", Mock(side_effect=fault))
    with pytest.raises(CameraError, match=says) as told:
        open_rtsp(f"rtsp://me:s3cret@{host}/x")
    assert "s3cret" not in str(told.value)


def test_a_name_server_that_is_away_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    away = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: away.wait(30))
    monkeypatch.setattr("edge.capture.rtsp.RESOLVE_S", 0.1)
    with pytest.raises(CameraError, match="the name server does not answer"):
        open_rtsp("rtsp://cam.lan/x")
    away.set()


@pytest.mark.slow
def test_a_camera_that_dies_or_freezes_is_said_offline_and_comes_back(camera: RtspCamera, tmp_path: Path) -> None:
    config = f"""
[[camera]]
name = "gate"
source = "{camera.url}"
labels = ["motion"]
[web]
port = {free_port()}
"""
    daemon = Daemon(tmp_path, config).start()

    def status() -> str:
        return str(daemon.camera("gate")["status"])

    try:
        eventually(lambda: status() == "online", 10)
        camera.kill()
        killed = time.monotonic()
        eventually(lambda: status() == "offline", 10)
        assert time.monotonic() - killed < 10
        assert "back" not in daemon.camera("gate")["reason"]
        camera.start()
        returned = time.monotonic()
        eventually(lambda: status() == "online", 15)
        assert time.monotonic() - returned < 15

        camera.freeze()
        frozen = time.monotonic()
        eventually(lambda: status() == "offline", 10)
        assert time.monotonic() - frozen < 10
        camera.thaw()
        eventually(lambda: status() == "online", 15)
        assert daemon.stop() < 2
    finally:
        daemon.kill()
