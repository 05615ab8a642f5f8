"""Tampering as an owner meets it: in a replay and in the running daemon."""

from __future__ import annotations

import json
import time
from pathlib import Path

import av
import pytest

from edge.types import U8
from tests.support.broker import free_port
from tests.support.command import Edge
from tests.support.daemon import Daemon
from tests.tamper.views import H, W, scene, shifted

MOTION = ("--set", 'camera.0.labels=["motion"]')


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    return Edge(monkeypatch, capsys)


def film(path: Path, *pictures: tuple[U8, int]) -> Path:
    """A clip of pictures that each stand for so many seconds."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=5, options={"qscale": "3"})
        stream.width, stream.height, stream.pix_fmt = W, H, "yuv420p"
        for luma, seconds in pictures:
            for _ in range(5 * seconds):
                out.mux(stream.encode(av.VideoFrame.from_ndarray(luma, format="gray").reformat(format="yuv420p")))
        out.mux(stream.encode())
    return path


def write(path: Path, before_s: int, after_s: int) -> Path:
    """A street, and the same street as a camera sees it that was turned to the left."""
    return film(path, (scene(), before_s), (shifted(scene(), 0.08), after_s))


def tampering(path: Path) -> list[tuple[str, str]]:
    events = [json.loads(line) for line in path.read_text().splitlines()]
    return [(e["type"], e["after"]["sub_label"]) for e in events if e["after"]["label"] == "tamper"]


def test_a_replay_tells_of_a_camera_that_was_turned_and_says_the_same_twice(edge: Edge, tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mp4", 6, 14)
    for name in ("one", "two"):
        assert edge("replay", clip, "--events", tmp_path / name, *MOTION).code == 0
    assert tampering(tmp_path / "one") == [("new", "moved"), ("end", "moved")]
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    edge("replay", clip, "--events", tmp_path / "off", *MOTION, "--set", "camera.0.tamper=false")
    assert tampering(tmp_path / "off") == []


def test_the_daemon_shows_it_and_keeps_the_event_with_a_picture(tmp_path: Path) -> None:
    clip = write(tmp_path / "clip.mp4", 4, 60)
    config = f'[[camera]]\nname = "yard"\nsource = "file:{clip}"\nlabels = ["motion"]\n[web]\nport = {free_port()}\n'
    daemon = Daemon(tmp_path, config).start()
    try:
        until = time.monotonic() + 40
        while (seen := daemon.camera("yard")["tamper"]) != "moved":
            assert seen == "none"
            assert time.monotonic() < until, daemon.log()
            time.sleep(0.2)
        events = json.loads(daemon.edge("events", "--json"))
        (new,) = [event for event in events if event["after"]["label"] == "tamper"]
        assert (new["type"], new["after"]["camera"], new["after"]["has_snapshot"]) == ("new", "yard", True)
        assert (daemon.data / "snapshots" / f"{new['after']['id']}.jpg").stat().st_size > 1000
    finally:
        daemon.kill()
