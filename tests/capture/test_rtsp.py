"""A network camera that dies, freezes and comes back, watched by the real daemon."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.capture.rtsp import open_rtsp
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
