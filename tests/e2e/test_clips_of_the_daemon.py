"""Clips of the whole daemon over a real RTSP camera: what came before the event, a power cut, a full disk."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
from playwright.sync_api import sync_playwright

from tests.support.broker import eventually, free_port
from tests.support.browser import CHROMIUM, FLAGS, WATCH
from tests.support.daemon import Daemon
from tests.support.disk import small_disk
from tests.support.film import contents, film
from tests.support.rtsp import RtspCamera

PASSWORD = "correct horse"


@pytest.fixture
def camera() -> Iterator[RtspCamera]:
    camera = RtspCamera()
    camera.start()
    yield camera
    camera.kill()


def config(source: str, more: str = "") -> str:
    return f'[[camera]]\nname = "gate"\nsource = "{source}"\nloop = true\nlabels = ["motion"]\n{more}' + page()


def page() -> str:
    return f"[web]\nport = {free_port()}\n"


def events(daemon: Daemon) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(daemon.edge("events", "--json"))
    return found


def clips(daemon: Daemon) -> list[Path]:
    return sorted((daemon.data / "clips").glob("*"))


@pytest.mark.slow
@pytest.mark.chromium
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not here: apt-get install chromium")
def test_a_clip_begins_five_seconds_before_the_event_and_plays_in_a_browser(camera: RtspCamera, tmp_path: Path) -> None:
    camera.toggle()
    daemon = Daemon(tmp_path, config(camera.url, "[clips]\nlongest_s = 12\n")).start()
    try:
        eventually(lambda: daemon.camera("gate")["clips"]["seconds"] > 8, 30)
        camera.toggle()
        eventually(lambda: daemon.status()["storage"]["recording"] == 1, 20)
        name = events(daemon)[-1]["after"]["id"]
        asked = httpx.Client(base_url=address(daemon))
        log_in(asked, daemon)
        refused = asked.get(f"/api/clips/{name}.mp4")
        assert (refused.status_code, refused.json()["error"]) == (404, "The clip is still being recorded.")
        (clip,) = eventually(lambda: [path for path in clips(daemon) if path.suffix == ".mp4"], 30)
        (told,) = [row for row in events(daemon) if row["after"]["id"] == name and row["type"] == "new"]
        assert told["after"]["has_clip"]
        assert told["clip"] == str(clip)
        _, seconds, key = contents(clip)
        assert key
        assert 11 <= seconds <= 13
        assert 5.0 <= first_ball(clip) <= 8.0, "the pictures before the ball came, by the clip's own time"
        (*_, row) = asked.get(f"/api/events/{name}").json()
        assert 3.5 <= first_ball(clip) - row["clip_from_s"] <= 7.0, "what the page skips is not what is to be seen"
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            context = browser.new_context()
            context.add_cookies(
                [{"name": key, "value": value, "url": address(daemon)} for key, value in asked.cookies.items()]  # type: ignore[misc]
            )
            page = context.new_page()
            page.goto(address(daemon))
            seen = page.evaluate(WATCH, f"/api/clips/{name}.mp4")
            browser.close()
        assert seen["error"] is None
        assert seen["duration"] == pytest.approx(seconds, abs=0.3)
        assert seen["sought"] == pytest.approx(seen["duration"] * 0.75, abs=0.2)
        asked.close()
        assert daemon.stop() < 2
    finally:
        daemon.kill()


def first_ball(clip: Path) -> float:
    """Seconds from the clip's first picture to the first that is not black."""
    with av.open(str(clip)) as film_:
        return next(float(frame.time or 0) for frame in film_.decode(video=0) if frame.to_ndarray().max() > 150)


def address(daemon: Daemon) -> str:
    return re.findall(r"http://[^/\s]+", daemon.said[0])[0]


def log_in(client: httpx.Client, daemon: Daemon) -> None:
    """Set the first password by the printed address, then log in."""
    client.headers["origin"] = address(daemon)
    token = daemon.said[0].partition("token=")[2].split()[0]
    csrf = re.findall(r'name="csrf" value="(\w+)"', client.get("/setup", params={"token": token}).text)[0]
    form = {"token": token, "csrf": csrf, "password": PASSWORD, "again": PASSWORD}
    assert client.post("/setup", data=form).status_code == 303


@pytest.mark.slow
def test_after_a_kill_what_was_written_plays_and_nothing_half_is_left(tmp_path: Path) -> None:
    clip = film(tmp_path / "walk.mp4", pictures=150, w=640, walk=20)
    daemon = Daemon(tmp_path, config(f"file:{clip}")).start()
    try:
        for _ in range(3):
            eventually(lambda: [part for part in daemon.data.glob("clips/*.part") if part.stat().st_size > 50_000], 30)
            (begun,) = daemon.data.glob("clips/*.part")
            # An event exists once it is stored; before that, its clip may be all that a kill leaves of it.
            eventually(lambda name=begun.stem: name in {row["after"]["id"] for row in events(daemon)})
            daemon.kill()
            assert list(daemon.data.glob("clips/*.part"))
            daemon.start()
        eventually(lambda: len([path for path in clips(daemon) if path.suffix == ".mp4"]) >= 3, 10)
        daemon.stop()
        # Only now: up to its stop the last run may begin one more clip, of an event that a list made before lacks.
        told = {row["after"]["id"] for row in events(daemon) if row["after"]["has_clip"]}
        assert {path.suffix for path in clips(daemon)} == {".mp4"}
        for path in clips(daemon):
            assert contents(path)[0] > 5
            assert path.stem in told
    finally:
        daemon.kill()


@pytest.mark.slow
def test_on_a_full_disk_events_and_detection_go_on_and_clips_come_back_with_room(tmp_path: Path) -> None:
    clip = film(tmp_path / "walk.mp4", pictures=100, w=640, walk=20)
    with small_disk(tmp_path / "disk", 48) as disk:
        data = f'[node]\nname = "bench"\ndata = "{disk}/data"\n'
        more = "[clips]\nlongest_s = 10\n[storage]\nkeep_free = 0.017\n"
        daemon = Daemon(tmp_path, config(f"file:{clip}", more) + data)
        daemon.data = disk / "data"
        daemon.start()
        try:
            eventually(lambda: [path for path in clips(daemon) if path.suffix == ".mp4"], 40)
            room = shutil.disk_usage(disk).free
            ballast = disk / "somebody-else"
            with ballast.open("wb") as file:
                file.write(b"x" * (room - 200_000))
            frames = daemon.camera("gate")["frames"]
            eventually(lambda: daemon.status()["storage"]["state"] == "full", 10)
            assert "make room there" in daemon.status()["storage"]["reason"]
            assert not [path for path in clips(daemon) if path.suffix == ".mp4"], "they went first"
            eventually(lambda: daemon.camera("gate")["frames"] > frames + 20, 15)
            assert daemon.camera("gate")["status"] == "online"
            for path in clips(daemon):
                with av.open(str(path)):
                    pass
            ballast.unlink()
            eventually(lambda: daemon.status()["storage"]["state"] == "ok", 10)
            daemon.stop()
            daemon.start()
            eventually(lambda: [path for path in clips(daemon) if path.suffix == ".mp4"], 40)
            for path in clips(daemon):
                if path.suffix == ".mp4":
                    assert contents(path)[0] > 5
            assert "Traceback" not in daemon.log()
        finally:
            daemon.kill()
