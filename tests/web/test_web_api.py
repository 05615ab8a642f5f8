"""What the page's script asks: the alarm, events, pictures, the two streams, and their end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import edge.web.server
from edge.errors import AlarmRefused
from edge.web.live import PULL_S, VIEWERS
from edge.web.throttle import ONE_ADDRESS
from tests.support.house import camera, jpeg
from tests.web.conftest import Opener, Site


def pieces(answer: httpx.Response) -> Iterator[tuple[str, int, bytes]]:
    """Camera, frame index and JPEG of each part of a multipart stream."""
    held = b""
    for chunk in answer.iter_raw():
        held += chunk
        while b"\r\n\r\n" in held:
            head, _, rest = held.partition(b"\r\n\r\n")
            fields = dict(line.split(": ") for line in head.decode().splitlines()[1:])
            size = int(fields["Content-Length"])
            if len(rest) < size + 2:
                break
            yield fields["X-Camera"], int(fields["X-Frame"]), rest[:size]
            held = rest[size + 2 :]


def messages(answer: httpx.Response) -> Iterator[tuple[str, Any]]:
    """Kind and data of each server-sent event."""
    kind = ""
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


def next_of(stream: Iterator[tuple[str, Any]], wanted: str) -> Any:
    return next(data for kind, data in stream if kind == wanted)


def test_one_tap_disarms_and_arms(home: Site) -> None:
    answer = home.set_alarm("disarmed")
    assert answer.status_code == 200
    assert answer.json()["alarm"] == "disarmed"
    for mode in ("home", "away", "night"):
        assert home.set_alarm(mode).json()["alarm"] == f"armed_{mode}"
    assert home.house.log[:2] == ["disarm by web 127.0.0.1", "arm home by web 127.0.0.1"]


def test_a_switch_takes_the_code_of_an_alarm_that_is_on(home: Site) -> None:
    home.house.code = "4711"
    token = {"x-csrf-token": home.csrf()}

    def off(**more: object) -> httpx.Response:
        return home.browser.post("/api/cameras/porch/motion", json={"on": False, **more}, headers=token)

    for wrong in (4711, ["4711"], "4" * 65):
        assert off(code=wrong).status_code == 400
    assert (off().status_code, off(code=None).json()["error"]) == (409, "The code is needed.")
    for _ in range(ONE_ADDRESS.burst):
        assert off(code="1234").status_code == 409
    assert off(code="4711").status_code == 429
    home.hands.now += 61
    assert off(code="4711").status_code == 200


def test_one_tap_switches_a_camera(home: Site) -> None:
    token = {"x-csrf-token": home.csrf()}

    def tap(path: str, body: object) -> httpx.Response:
        return home.browser.post(f"/api/cameras/{path}", json=body, headers=token)

    answer = tap("porch/notifications", {"on": False})
    assert answer.status_code == 200
    row = next(each for each in answer.json()["cameras"] if each["name"] == "porch")
    assert row["switches"]["notifications"] is False
    assert home.house.log == ["switch porch notifications False by web 127.0.0.1"]
    for body in (None, [], {}, {"on": 1}, {"on": "true"}, {"off": True}):
        assert tap("porch/motion", body).status_code == 400
    assert home.browser.post("/api/cameras/porch/motion", content=b"[" * 9000, headers=token).status_code == 400
    assert tap("attic/motion", {"on": True}).status_code == 404
    refused = tap("porch/pose", {"on": True})
    assert (refused.status_code, refused.json()["error"]) == (409, "no switch `pose`")
    assert home.browser.post("/api/cameras/porch/motion", json={"on": False}).status_code == 403
    assert home.browser.get("/api/cameras/porch/motion").status_code == 405


def test_a_code_is_asked_for_and_cannot_be_guessed(home: Site) -> None:
    home.house.code = "4711"
    for _ in range(8):  # asking costs nothing
        answer = home.set_alarm("disarmed")
        assert (answer.status_code, answer.json()["error"]) == (409, "The code is needed.")
    for guess in range(ONE_ADDRESS.burst):
        assert home.set_alarm("disarmed", f"{guess:04}").status_code == 409
    slowed = home.set_alarm("disarmed", "4711")
    assert slowed.status_code == 429
    assert int(slowed.headers["retry-after"]) > 0
    assert home.house.state["alarm"] == "armed_away"
    assert home.set_alarm("home", "4711").status_code == 200  # arming takes no code, so it wins no tries
    assert home.set_alarm("disarmed", "4711").status_code == 429
    assert home.house.state["alarm"] == "armed_home"
    home.hands.now += ONE_ADDRESS.every
    assert home.set_alarm("disarmed", "4711").json()["alarm"] == "disarmed"


def test_a_right_code_gives_all_tries_back(home: Site) -> None:
    home.house.code = "4711"
    token = {"x-csrf-token": home.csrf()}
    for right in ("alarm", "switch"):
        for _ in range(ONE_ADDRESS.burst - 1):
            assert home.set_alarm("disarmed", "0000").status_code == 409
        if right == "alarm":
            assert home.set_alarm("disarmed", "4711").status_code == 200
        else:
            body = {"on": False, "code": "4711"}
            assert home.browser.post("/api/cameras/porch/motion", json=body, headers=token).status_code == 200
    for _ in range(ONE_ADDRESS.burst):
        assert home.set_alarm("disarmed", "0000").status_code == 409


def test_a_code_that_nobody_looks_at_gives_no_tries_back(home: Site) -> None:
    home.house.code = "4711"
    token = {"x-csrf-token": home.csrf()}
    for _ in range(ONE_ADDRESS.burst):
        home.set_alarm("disarmed", "0000")
        home.browser.post("/api/cameras/porch/motion", json={"on": True, "code": "x"}, headers=token)
    assert home.set_alarm("disarmed", "4711").status_code == 429


def test_disarming_forgives_no_guessed_password(home: Site) -> None:
    thief = home.another()
    for _ in range(ONE_ADDRESS.burst):
        assert home.log_in("wrong", thief).status_code == 403
        assert home.set_alarm("disarmed", "any").status_code == 200  # a house without a code
    assert home.log_in("wrong", thief).status_code == 429


def test_a_malformed_wish_changes_nothing(home: Site) -> None:
    token = {"x-csrf-token": home.csrf()}
    for body in (
        b"",
        b"[]",
        b"{}",
        b'{"mode": "off"}',
        b'{"mode": ["home"]}',
        b'{"mode": "home", "code": 1}',
        b"\xff{",
    ):
        assert home.browser.post("/api/alarm", content=body, headers=token).status_code == 400, body
    assert home.house.log == []


def test_events_are_paged_by_uid(home: Site) -> None:
    uids = [home.house.happen(serial=number) for number in range(5)][::-1]
    page = home.browser.get("/api/events?limit=2").json()
    assert [row["uid"] for row in page] == uids[:2]
    page = home.browser.get("/api/events", params={"limit": 10, "before": uids[1]}).json()
    assert [row["uid"] for row in page] == uids[2:]
    for wrong in ("limit=0", "limit=201", "limit=x", "limit=-1", "limit=²", "before="):
        assert home.browser.get(f"/api/events?{wrong}").status_code == 400, wrong


def test_a_snapshot_is_the_picture_of_its_object(home: Site) -> None:
    home.house.shots["1700000000.5-ab12cd"] = jpeg(90)
    answer = home.browser.get("/api/events/1700000000.5-ab12cd.jpg")
    assert (answer.content, answer.headers["content-type"]) == (jpeg(90), "image/jpeg")
    assert home.browser.get("/api/events/1700000000.5-zzzzzz.jpg").status_code == 404


def test_a_still_is_the_picture_of_now(home: Site) -> None:
    home.house.screens["porch"].show(7, jpeg(50))
    assert home.browser.get("/live/porch.jpg").content == jpeg(50)
    home.house.screens["porch"].show(8, jpeg(60))
    assert home.browser.get("/live/porch.jpg").content == jpeg(60)
    assert home.browser.get("/live/attic.jpg").status_code == 404


def test_pictures_of_several_cameras_come_through_one_connection(open_site: Opener) -> None:
    site = open_site(None, "porch", "yard")
    site.set_password()
    site.house.screens["porch"].show(1, jpeg(10))
    site.house.screens["yard"].show(1, jpeg(20))
    with site.browser.stream("GET", "/live?cam=porch&cam=yard") as answer:
        assert answer.headers["content-type"].startswith("multipart/x-mixed-replace")
        stream = pieces(answer)
        assert {next(stream), next(stream)} == {("porch", 1, jpeg(10)), ("yard", 1, jpeg(20))}
        site.house.screens["yard"].show(2, jpeg(30))
        assert next(stream) == ("yard", 2, jpeg(30))
    assert site.browser.get("/live?cam=porch&cam=attic").status_code == 404
    assert site.browser.get("/live").status_code == 404


def test_nobody_encodes_while_nobody_watches(home: Site) -> None:
    screen = home.house.screens["porch"]
    screen.show(1, jpeg(1))
    with home.browser.stream("GET", "/live/porch.mjpeg") as answer:
        next(pieces(answer))
    deadline = time.monotonic() + 10
    asked = -1
    while asked != screen.asked and time.monotonic() < deadline:  # a pump at work asks at least once in PULL_S
        asked = screen.asked
        time.sleep(1.5 * PULL_S)
    assert screen.asked == asked


def test_a_slow_viewer_gets_the_newest_picture_not_all_of_them(home: Site) -> None:
    screen = home.house.screens["porch"]
    large = jpeg(1) + bytes(300_000)
    with home.browser.stream("GET", "/live/porch.mjpeg") as answer:
        stream = pieces(answer)
        for index in range(30):
            screen.show(index, large)
            time.sleep(0.11)  # faster than nothing reads, slower than the pump's limit
        seen = [next(stream)[1]]
        while seen[-1] < 29:
            seen.append(next(stream)[1])
    assert len(seen) < 25
    assert seen == sorted(set(seen))


def test_one_viewer_too_many_is_told_so_and_may_come_when_another_goes(home: Site) -> None:
    streams = [home.browser.stream("GET", "/live/porch.mjpeg") for _ in range(VIEWERS)]
    for stream in streams:
        assert stream.__enter__().status_code == 200
    assert home.browser.get("/live/porch.mjpeg").status_code == 503
    assert home.set_alarm("disarmed").status_code == 200  # the house itself is not full
    streams.pop().__exit__(None, None, None)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with home.browser.stream("GET", "/live/porch.mjpeg") as answer:
            if answer.status_code == 200:
                break
        time.sleep(0.1)
    assert answer.status_code == 200
    for stream in streams:
        stream.__exit__(None, None, None)


def test_a_head_request_does_not_open_a_stream(home: Site) -> None:
    for path in ("/feed", "/live/porch.mjpeg", "/live?cam=porch"):
        answer = home.browser.head(path)
        assert (answer.status_code, answer.content) == (200, b""), path


def test_the_feed_says_everything_first_then_what_is_new(home: Site) -> None:
    first = home.house.happen(serial=1)
    with home.browser.stream("GET", "/feed") as answer:
        stream = messages(answer)
        assert next_of(stream, "status")["node"] == "casa"
        start = next_of(stream, "events")
        assert (start["gap"], [row["uid"] for row in start["rows"]]) == (True, [first])
        second = home.house.happen(serial=2)
        home.house.state["alarm"] = "triggered"
        news = next_of(stream, "events")
        assert (news["gap"], [row["uid"] for row in news["rows"]]) == (False, [second])
        assert next_of(stream, "status")["alarm"] == "triggered"
        home.house.rows[-1]["state"] = "delivered"
        assert [row["uid"] for row in next_of(stream, "events")["rows"]] == [first]


def test_the_feed_owns_up_to_a_gap(home: Site) -> None:
    home.house.happen(serial=0)
    with home.browser.stream("GET", "/feed") as answer:
        stream = messages(answer)
        next_of(stream, "events")
        home.house.rows = [dict(row, uid=f"late-{number}") for number, row in enumerate(home.house.rows * 200)]
        news = next_of(stream, "events")
    assert news["gap"]
    assert len(news["rows"]) == 60


@pytest.mark.parametrize("path", ["/feed", "/live/porch.mjpeg"])
def test_a_stream_ends_with_its_session(home: Site, path: str) -> None:
    token = home.csrf()
    with home.browser.stream("GET", path) as answer:
        chunks = answer.iter_raw()
        home.house.screens["porch"].show(1, jpeg(1))
        next(chunks)
        home.browser.post("/logout", data={"csrf": token})
        started = time.monotonic()
        for _ in chunks:
            pass
        assert time.monotonic() - started < 5


def test_a_camera_that_comes_later_can_be_watched(home: Site) -> None:
    assert home.browser.get("/live/yard.jpg").status_code == 404
    home.house.screens["yard"] = home.house.screens["porch"]
    home.house.state["cameras"].append(camera("yard"))
    home.house.screens["yard"].show(3, jpeg(70))
    assert home.browser.get("/live/yard.jpg").content == jpeg(70)


def test_a_viewer_that_fell_silent_loses_its_seat(open_site: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge.web.server, "STUCK_MS", 1000)
    site = open_site(None, "porch")
    site.set_password()
    viewers = site.app.state.api.viewers
    screen = site.house.screens["porch"]
    stop = threading.Event()

    def play() -> None:
        index = 0
        while not stop.wait(0.05):
            index += 1
            screen.show(index, jpeg(1) + bytes(400_000))

    player = threading.Thread(target=play)
    player.start()
    with site.browser.stream("GET", "/live/porch.mjpeg"):  # and never reads
        deadline = time.monotonic() + 20
        while viewers.free < VIEWERS and time.monotonic() < deadline:
            time.sleep(0.2)
    stop.set()
    player.join()
    assert viewers.free == VIEWERS


def test_panic_and_the_log(home: Site) -> None:
    assert home.set_alarm("panic").json()["alarm"] == "triggered"
    (line,) = home.browser.get("/api/alarm/log?limit=1").json()
    assert line["what"].startswith("panic by web ")
    for wrong in ("0", "201", "x", ""):
        assert home.browser.get(f"/api/alarm/log?limit={wrong}").status_code == 400


def test_a_locked_source_is_told_how_long_it_has_to_wait(home: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*given: object, **more: object) -> None:
        raise AlarmRefused("Too many wrong codes. Wait 60 seconds.", 60.0)

    monkeypatch.setattr(home.house, "disarm", locked)
    answer = home.set_alarm("disarmed", "4711")
    assert (answer.status_code, answer.headers["retry-after"]) == (403, "61")
    assert "Wait 60 seconds" in answer.json()["error"]
