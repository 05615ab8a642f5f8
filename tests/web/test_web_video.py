"""Clips and thumbnails over HTTP: ranges, what is not there, and a browser that plays and seeks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import sync_playwright

from edge.capture.file import open_file
from edge.capture.ring import Ring, attach
from edge.evidence.mp4 import ClipFile
from tests.support.browser import CHROMIUM, FLAGS, WATCH
from tests.support.film import film, play
from tests.web.conftest import Site

DATA = bytes(range(256)) * 1000
URL = "/api/clips/1-a.mp4"


@pytest.fixture
def clip(home: Site, tmp_path: Path) -> Path:
    """The clip of the event `1-a`."""
    path = tmp_path / "clip.mp4"
    path.write_bytes(DATA)
    home.house.clips["1-a"] = path
    return path


def test_a_whole_clip_is_sent_and_can_be_asked_for_in_parts(home: Site, clip: Path) -> None:
    whole = home.browser.get(URL)
    assert whole.status_code == 200
    assert whole.content == DATA
    assert whole.headers["content-type"] == "video/mp4"
    assert whole.headers["accept-ranges"] == "bytes"
    part = home.browser.get(URL, headers={"range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, DATA[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(DATA)}"
    tail = home.browser.get(URL, headers={"range": "bytes=-10"})
    assert (tail.status_code, tail.content) == (206, DATA[-10:])
    rest = home.browser.get(URL, headers={"range": "bytes=255990-"})
    assert (rest.status_code, rest.content) == (206, DATA[255990:])
    head = home.browser.head(URL)
    assert (head.headers["content-length"], head.content) == (str(len(DATA)), b"")


def test_a_range_beyond_the_end_is_416_and_one_that_is_none_is_ignored(home: Site, clip: Path) -> None:
    beyond = home.browser.get(URL, headers={"range": "bytes=256000-"})
    assert beyond.status_code == 416
    assert beyond.headers["content-range"] == f"bytes */{len(DATA)}"
    for odd in ("bytes=", "bytes=-", "lines=1-2", "bytes=1-2,5-6", "bytes=a-b", "bytes=1-2x", "bytes=" + "9" * 400):
        assert home.browser.get(URL, headers={"range": odd}).content == DATA


def test_a_part_of_another_version_is_never_mixed_in(home: Site, clip: Path) -> None:
    etag = home.browser.head(URL).headers["etag"]
    wanted = {"range": "bytes=0-9", "if-range": etag}
    assert home.browser.get(URL, headers=wanted).status_code == 206
    os.utime(clip, (1, 1))
    assert home.browser.get(URL, headers=wanted).status_code == 200


def test_what_is_not_there_is_404_with_a_line_for_people(home: Site, clip: Path) -> None:
    gone = home.browser.get("/api/clips/2-b.mp4")
    assert (gone.status_code, gone.json()["error"]) == (404, "There is no clip of this event (any more).")
    clip.unlink()  # in between
    assert home.browser.get(URL).status_code == 404
    assert home.browser.get("/api/events/2-b/thumb.jpg").status_code == 404


def test_thumbnails_are_pictures(home: Site) -> None:
    home.house.shots["1-a"] = b"\xff\xd8 small"
    answer = home.browser.get("/api/events/1-a/thumb.jpg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")


@pytest.mark.parametrize("path", [URL, "/api/events/1-a/thumb.jpg"])
def test_strangers_see_nothing(home: Site, clip: Path, path: str) -> None:
    assert home.another().get(path).status_code == 401


@pytest.mark.parametrize(
    "name", ["..%2f..%2fetc%2fpasswd", "%2e%2e", "a%00b", ".hidden", "a" * 81, "1-a.mp4%0d%0aX", "%e2%80%ae"]
)
def test_no_name_leads_out_of_the_folder(home: Site, name: str) -> None:
    for path in (f"/api/clips/{name}.mp4", f"/api/events/{name}/thumb.jpg"):
        assert home.browser.get(path).status_code == 404
    assert home.house.log == []


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30), st.booleans())
def test_no_range_is_a_fault_of_ours(home: Site, clip: Path, text: str, whole: bool) -> None:
    value = (text if whole else f"bytes={text}").strip()
    answer = home.browser.get(URL, headers={"range": value})
    assert answer.status_code in (200, 206, 416)
    assert len(answer.content) == int(answer.headers["content-length"])


def test_a_clip_that_is_deleted_while_it_is_sent_comes_to_its_end(home: Site, clip: Path) -> None:
    clip.write_bytes(os.urandom(8_000_000))
    with home.browser.stream("GET", URL) as answer:
        parts = answer.iter_raw(1000)
        size = len(next(parts))
        clip.unlink()
        size += sum(len(part) for part in parts)
    assert size == 8_000_000


@pytest.mark.chromium
@pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not here: apt-get install chromium")
def test_a_browser_plays_it_and_seeks(home: Site, tmp_path: Path) -> None:
    home.house.clips["1-a"] = made_clip(tmp_path)
    cookies = [{"name": name, "value": value, "url": home.base} for name, value in home.browser.cookies.items()]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        context = browser.new_context()
        context.add_cookies(cookies)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(home.base)
        seen = page.evaluate(WATCH, URL)
        browser.close()
    assert seen["error"] is None
    assert seen["duration"] == pytest.approx(10.0, abs=0.3)
    assert seen["size"] == [320, 240]
    assert seen["played"] > 0.3
    assert seen["sought"] == pytest.approx(7.5, abs=0.2)


def made_clip(folder: Path) -> Path:
    """As the daemon writes it: ten seconds of H.264 with a key picture a second."""
    ring = Ring(lambda: 0.0, 1000.0)
    source = open_file(film(folder / "film.mp4", pictures=100, w=320))
    attach(source, ring)
    play(source)
    packets = ring.after(0, 1 << 40)
    clip = ClipFile(folder / "made.mp4", packets[0].coding)
    for packet in packets:
        clip.add(packet)
    clip.close()
    return clip.path
