"""A client that speaks as the simulator does drives the server over a real WebSocket."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import signal
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clock import SystemClock
from edge.errors import EngineError
from edge.steer import socketio
from edge.steer.udacity import MOST_SIMULATORS, Driver, Server
from edge.types import U8
from tests.support.broker import eventually

ROOT = Path(__file__).parent.parent.parent
NEUTRAL = {"steering_angle": "0.000000", "throttle": "0.000000"}


def picture(grey: int) -> str:
    done, packed = cv2.imencode(".jpg", np.full((160, 320, 3), grey, np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 95])
    assert done
    return base64.b64encode(packed.tobytes()).decode()


PICTURES = [picture(grey) for grey in range(0, 250, 10)]


def grey_of(image: U8) -> float:
    """A pilot: the darker, the further to the left."""
    return float(image.mean()) / 125 - 1


def telemetry(image: str, speed: str = "9.5") -> str:
    data = {"steering_angle": "0.0", "throttle": "0.1", "speed": speed, "image": image}
    return "42" + json.dumps(["telemetry", data])


MALFORMED = [
    '42["telemetry",null]',
    '42["telemetry"]',
    '42["telemetry",{}]',
    '42["telemetry",[1,2]]',
    '42["telemetry","text"]',
    "42[",
    "42",
    '42{"telemetry":1}',
    "42[]",
    "42[5]",
    "42" + "[" * 100_000,
    telemetry("!!!"),
    telemetry(""),
    telemetry(base64.b64encode(b"no picture").decode()),
    telemetry(PICTURES[3][:200]),
    telemetry(PICTURES[3], "fast"),
    telemetry(PICTURES[3], "nan"),
    '42["telemetry",{"speed":null,"image":null}]',
]


def answer(packet: str | None) -> dict[str, Any]:
    assert packet is not None
    found = re.fullmatch(r'42(\["steer", ?\{.*\}\])', packet)
    assert found, packet
    data: dict[str, Any] = json.loads(found[1])[1]
    assert all(isinstance(value, str) for value in data.values())
    return data


def bug(image: U8) -> float:
    raise ZeroDivisionError


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[int]:
    pytest.importorskip("websockets")
    command = [sys.executable, "-m", "edge", "steer", "serve", "--udacity", "--port", "0"]
    pilot = ("--pilot", f"tests.steer.test_udacity:{getattr(request, 'param', 'grey_of')}")
    with subprocess.Popen(
        [*command, *pilot], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        ready = process.stdout.readline()
        yield int(ready.rpartition(":")[2])
        process.send_signal(signal.SIGTERM)
        assert "messages answered" in process.stdout.read()
        assert process.wait(10) == 0


ADDRESS = "ws://127.0.0.1:{}/socket.io/?EIO=4&transport=websocket"


def test_who_stops_the_server_does_not_wait_for_simulators(server: int) -> None:
    """The end of the fixture is the test: its process ends although somebody is connected."""
    client = pytest.importorskip("websockets.sync.client")
    simulator = client.connect(ADDRESS.format(server)).__enter__()
    assert simulator.recv(5)


@pytest.mark.parametrize("server", ["bug"], indirect=True)
def test_a_pilot_with_a_bug_is_answered_with_neutral_too(server: int) -> None:
    client = pytest.importorskip("websockets.sync.client")
    with client.connect(ADDRESS.format(server)) as simulator:
        for _ in range(3):
            simulator.recv(5)
        simulator.send(telemetry(PICTURES[3]))
        assert answer(simulator.recv(5)) == NEUTRAL


def test_more_simulators_than_a_few_are_turned_away(server: int) -> None:
    client = pytest.importorskip("websockets.sync.client")
    closed = pytest.importorskip("websockets.exceptions").ConnectionClosed
    with contextlib.ExitStack() as stack:
        for _ in range(MOST_SIMULATORS):
            assert stack.enter_context(client.connect(ADDRESS.format(server))).recv(5)
        with client.connect(ADDRESS.format(server)) as one_more, pytest.raises(closed):
            one_more.recv(5)

    def is_heard() -> bool:
        with contextlib.suppress(closed), client.connect(ADDRESS.format(server)) as later:
            return bool(later.recv(5))
        return False

    eventually(is_heard)


def test_a_simulator_that_is_gone_without_a_word_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    client = pytest.importorskip("websockets.sync.client")
    closed = pytest.importorskip("websockets.exceptions").ConnectionClosed
    monkeypatch.setattr("edge.steer.udacity.SILENCE_S", 0.1)
    server = Server(Driver(grey_of, 15.0, SystemClock()), "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        with client.connect(ADDRESS.format(server.port)) as simulator:
            for _ in range(3):
                simulator.recv(5)
            with pytest.raises(closed):
                simulator.recv(5)
    finally:
        server.close()
        thread.join(10)
    assert not thread.is_alive()


def bomb(width: int, height: int) -> bytes:
    """A PNG of a bit a pixel that takes few bytes and much memory."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    body = zlib.compress(bytes((width // 8 + 1) * height), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_a_picture_that_would_take_gigabytes_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    def unpacked(*_: Any) -> None:
        raise AssertionError("it was unpacked")

    plain = bytearray(base64.b64decode(PICTURES[3]))
    at = plain.index(b"\xff\xc0")
    plain[at + 5 : at + 9] = struct.pack(">HH", 30000, 30000)
    flags = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    progressive = cv2.imencode(".jpg", np.zeros((160, 320, 3), np.uint8), flags)[1].tobytes()
    monkeypatch.setattr(cv2, "imdecode", unpacked)
    for picture in (bomb(8000, 8000), bytes(plain), progressive, b"\xff\xd8", b"\xff\xd8\xff\xe0" + bytes(40)):
        packet = telemetry(base64.b64encode(picture).decode())
        assert answer(Driver(grey_of, 15.0, SystemClock()).answer(packet)) == NEUTRAL


@given(st.binary(max_size=80))
def test_any_bytes_behind_a_jpegs_first_are_a_picture_or_neutral(data: bytes) -> None:
    packet = telemetry(base64.b64encode(b"\xff\xd8" + data).decode())
    answer(Driver(grey_of, 15.0, SystemClock()).answer(packet))


def test_a_thousand_messages_are_answered_in_order(server: int) -> None:
    client = pytest.importorskip("websockets.sync.client")
    with client.connect(f"ws://127.0.0.1:{server}/socket.io/?EIO=4&transport=websocket") as simulator:
        opened = json.loads(simulator.recv(5)[1:])
        assert {"sid", "upgrades", "pingInterval", "pingTimeout"} <= set(opened)
        assert simulator.recv(5) == "40"
        assert answer(simulator.recv(5)) == NEUTRAL
        wrong = 0
        for number in range(1000):
            if number % 10 == 9:
                simulator.send(MALFORMED[wrong % len(MALFORMED)])
                wrong += 1
                assert answer(simulator.recv(5)) == NEUTRAL
                continue
            if number % 100 == 0:
                simulator.send("2")
                assert simulator.recv(5) == "3"
            which = number * 7 % len(PICTURES)
            simulator.send(telemetry(PICTURES[which]))
            told = answer(simulator.recv(5))
            assert float(told["steering_angle"]) == pytest.approx(which * 10 / 125 - 1, abs=0.02)
            assert 0 <= float(told["throttle"]) <= 1


def test_many_at_once_are_answered_one_by_one(server: int) -> None:
    client = pytest.importorskip("websockets.sync.client")
    with client.connect(f"ws://127.0.0.1:{server}/socket.io/?EIO=4&transport=websocket") as simulator:
        for _ in range(3):
            simulator.recv(5)
        for which in range(20):
            simulator.send(telemetry(PICTURES[which]))
        told = [float(answer(simulator.recv(5))["steering_angle"]) for _ in range(20)]
        assert told == sorted(told)


def test_a_page_in_a_browser_may_not_drive(server: int) -> None:
    client = pytest.importorskip("websockets.sync.client")
    refused = pytest.importorskip("websockets.exceptions").InvalidStatus
    with pytest.raises(refused), client.connect(f"ws://127.0.0.1:{server}/", origin="https://example.org"):
        pass


@pytest.mark.parametrize("packet", MALFORMED, ids=range(len(MALFORMED)))
def test_what_is_malformed_is_answered_with_neutral(packet: str) -> None:
    driver = Driver(grey_of, 15.0, SystemClock())
    assert answer(driver.answer(packet)) == NEUTRAL
    assert (driver.answered, driver.refused) == (1, 1)


def fails(image: U8) -> float:
    raise EngineError("unplugged")


@pytest.mark.parametrize("pilot", [fails, lambda image: float("nan"), lambda image: float("inf")])
def test_a_pilot_that_fails_is_answered_with_neutral(pilot: Any) -> None:
    assert answer(Driver(pilot, 15.0, SystemClock()).answer(telemetry(PICTURES[0]))) == NEUTRAL


def test_what_is_no_event_is_not_answered() -> None:
    driver = Driver(grey_of, 15.0, SystemClock())
    assert [driver.answer(packet) for packet in ("40", "41", "3", "", '42["other",{}]')] == [None] * 5
    assert driver.answer("2probe") == "3probe"


@given(st.text(max_size=60))
def test_any_text_after_an_events_mark_is_answered_or_another_event(text: str) -> None:
    told = Driver(grey_of, 15.0, SystemClock()).answer("42" + text)
    assert told is None or answer(told) == NEUTRAL


@given(st.sampled_from(["steer", "telemetry"]), st.dictionaries(st.text(), st.text()))
def test_an_event_can_be_read_back(name: str, data: dict[str, str]) -> None:
    assert socketio.heard(socketio.event(name, data)) == (name, data)
