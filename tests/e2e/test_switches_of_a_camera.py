"""Switches of a running daemon, over MQTT and the command line: what is told is what is so, also after a restart."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.daemon import RESTART_S
from tests.support import discovery
from tests.support.broker import Broker, Subscriber, eventually, free_port, retained, running
from tests.support.daemon import Daemon
from tests.support.nets import GRID_MANIFEST, grid_detector

DOOR = '[[camera]]\nname = "door"\nsource = "synthetic:"\nmin_score = 0.1\n[[camera.zone]]\nname = "mat"\n'
CORNERS = "points = [[0, 0], [1, 0], [1, 1], [0, 1]]\n"
HALL = '[[camera]]\nname = "hall"\nsource = "synthetic:"\nlabels = ["motion"]\n'


@dataclass
class Home:
    """A daemon with two cameras, its broker and somebody who listens."""

    broker: Broker
    daemon: Daemon
    viewer: Subscriber

    def say(self, topic: str, payload: str) -> None:
        self.viewer.publish(f"edge/{topic}", payload)

    def told(self, topic: str) -> str:
        """The newest word on a topic."""
        return next((p.decode() for t, p, _ in reversed(tuple(self.viewer.messages)) if t == f"edge/{topic}"), "")

    def becomes(self, topic: str, word: str) -> None:
        eventually(lambda: self.told(topic) == word, 15)

    def events(self, camera: str) -> list[dict[str, Any]]:
        return [event for event in self.viewer.events if event["after"]["camera"] == camera]

    def next_event(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first event from now on that is wanted."""
        seen = len(self.viewer.events)
        found: dict[str, Any] = eventually(lambda: [e for e in self.viewer.events[seen:] if wanted(e)], 30)[0]
        return found


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    pytest.importorskip("onnxruntime")
    grid_detector(tmp_path / "grid.onnx")
    (tmp_path / "grid.toml").write_text(GRID_MANIFEST)
    with running(Broker(tmp_path)) as broker:
        viewer = Subscriber(broker)
        config = (
            f'{DOOR}{CORNERS}{HALL}[model]\nname = "{tmp_path}/grid.onnx"\nengine = "onnxruntime"\n'
            f'[web]\nport = {free_port()}\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
        )
        daemon = Daemon(tmp_path, config)
        try:
            daemon.start()
            here = Home(broker, daemon, viewer)
            here.becomes("door/status", "online")
            yield here
            assert "Traceback" not in daemon.log()
        finally:
            daemon.kill()
            viewer.close()


def test_off_closes_the_camera_and_on_opens_it_again(home: Home) -> None:
    eventually(lambda: int(home.told("mat/person") or 0) > 0, 15)
    home.say("door/enabled/set", "OFF")
    home.becomes("door/enabled/state", "OFF")
    home.becomes("door/status", "disabled")
    home.becomes("door/person", "0")
    home.becomes("mat/person", "0")
    camera = home.daemon.camera("door")
    assert (camera["status"], camera["reason"], camera["switches"]["enabled"]) == ("disabled", "switched off", False)
    frames, other = camera["frames"], home.daemon.camera("hall")["frames"]
    eventually(lambda: home.daemon.camera("hall")["frames"] > other + 3)
    assert home.daemon.camera("door")["frames"] == frames
    eventually(lambda: all(e["type"] == "end" for e in {e["after"]["id"]: e for e in home.events("door")}.values()))

    home.say("door/enabled/set", "ON")
    home.becomes("door/status", "online")
    assert home.told("door/enabled/state") == "ON"
    eventually(lambda: int(home.told("mat/person") or 0) > 0, 15)


def test_off_stays_off_over_a_kill_until_the_configuration_says_otherwise(home: Home) -> None:
    home.say("door/enabled/set", "OFF")
    home.say("hall/notifications/set", "OFF")
    home.becomes("door/status", "disabled")
    home.becomes("hall/notifications/state", "OFF")
    told = eventually(lambda: retained(home.broker)["edge/door/enabled/state"] == b"OFF")
    assert told
    # The switch is written down within a moment; then nothing can lose it.
    eventually(lambda: '"enabled": false' in (_kept(home) or ""))
    home.daemon.signal(signal.SIGKILL)
    home.daemon.kill()
    home.broker.stop()
    home.broker.start()
    home.daemon.start()
    eventually(lambda: retained(home.broker).get("edge/available") == b"online", 15)
    now = retained(home.broker)
    for camera in home.daemon.status()["cameras"]:
        for switch, on in camera["switches"].items():
            assert now[f"edge/{camera['name']}/{switch}/state"] == (b"ON" if on else b"OFF")
    assert now["edge/door/status"] == b"disabled"
    assert now["edge/door/enabled/state"] == now["edge/hall/notifications/state"] == b"OFF"

    # Switched on again after such a start, its model is there.
    assert home.daemon.edge("switch", "door", "enabled", "on") == "door: enabled on\n"
    eventually(lambda: int(home.told("door/person") or 0) > 0, 15)

    home.daemon.edge("switch", "hall", "enabled", "off")
    text = home.daemon.config.read_text()
    for word in ("false", "true"):  # changed, and changed back: newer than the switch both times
        home.daemon.config.write_text(text.replace(HALL, f"{HALL}enabled = {word}\n"))
        home.daemon.signal(signal.SIGHUP)
        wanted = word == "true"
        eventually(lambda w=wanted: _switches(home.daemon, "hall").get("enabled") is w, 15)  # type: ignore[misc]
    assert not _switches(home.daemon, "hall")["notifications"]


def _kept(home: Home) -> str | None:
    import sqlite3

    with sqlite3.connect(f"file:{home.daemon.data}/edge.db?mode=ro", uri=True) as db:
        row = db.execute("SELECT value FROM kept WHERE key = 'switches'").fetchone()
    db.close()
    return None if row is None else str(row[0])


def _switches(daemon: Daemon, camera: str) -> dict[str, bool]:
    """Empty in the moment of a reload."""
    return next((each["switches"] for each in daemon._told("cameras") if each["name"] == camera), {})


def test_detection_that_is_off_infers_nothing_and_ends_what_was_seen(home: Home) -> None:
    eventually(lambda: int(home.told("door/all") or 0) > 0, 15)
    home.say("door/detect/set", "OFF")
    home.becomes("door/detect/state", "OFF")
    home.becomes("door/all", "0")
    eventually(lambda: all(e["type"] == "end" for e in {e["after"]["id"]: e for e in home.events("door")}.values()))
    before = home.daemon.camera("door")
    eventually(lambda: home.daemon.camera("door")["frames"] > before["frames"] + 3)
    after = home.daemon.camera("door")
    assert (after["inferences"], after["tracks"], after["status"]) == (before["inferences"], 0, "online")
    home.say("door/detect/set", "ON")
    home.becomes("door/detect/state", "ON")
    eventually(lambda: int(home.told("door/all") or 0) > 0, 15)


def test_motion_notifications_and_snapshots_are_switched_each_alone_and_outlive_a_restart(home: Home) -> None:
    first = eventually(lambda: home.events("hall"), 20)[0]
    assert first["notify"] is True
    assert first["after"]["has_snapshot"] is True

    home.say("hall/notifications/set", "OFF")
    home.say("hall/snapshots/set", "OFF")
    home.becomes("hall/snapshots/state", "OFF")
    seen = len(home.viewer.messages)
    later = home.next_event(lambda e: e["type"] == "new" and e["after"]["camera"] == "hall")
    assert later["notify"] is False
    assert later["after"]["has_snapshot"] is False
    assert later["after"]["snapshot"] is None
    assert not (home.daemon.data / "snapshots" / f"{later['after']['id']}.jpg").exists()
    assert not [topic for topic, _, _ in home.viewer.messages[seen:] if topic == "edge/hall/motion/snapshot"]

    home.becomes("hall/motion", "ON")
    home.say("hall/motion/set", "OFF")
    home.becomes("hall/motion/state", "OFF")
    home.becomes("hall/motion", "OFF")
    eventually(lambda: home.events("hall")[-1]["type"] == "end")
    frames = home.daemon.camera("hall")["frames"]
    told = len(home.events("hall"))
    eventually(lambda: home.daemon.camera("hall")["frames"] > frames + 20, 20)
    assert len(home.events("hall")) == told
    assert home.told("hall/motion") == "OFF"

    eventually(lambda: home.daemon.status()["uptime_s"] > RESTART_S)
    home.say("restart/set", "PRESS")
    home.becomes("available", "stopped")
    home.becomes("available", "online")
    assert home.daemon.status()["uptime_s"] < RESTART_S
    off = {name for name, on in home.daemon.camera("hall")["switches"].items() if not on}
    assert off == {"motion", "notifications", "snapshots", "detect", "pose"}


def test_what_is_no_command_is_counted_and_does_nothing(home: Home) -> None:
    before = home.daemon.status()["cameras"]
    for payload in ("on", "", "{", "x" * 5000, "y" * 70_000):
        home.say("door/enabled/set", payload)
    for topic in ("attic/enabled/set", "door/pose/set", "hall/detect/set", "mat/person/set"):
        home.say(topic, "ON")
    home.viewer.publish("edge/door/enabled/set", "OFF", retain=True)
    home.viewer.publish("edge/restart/set", "PRESS", retain=True)
    home.say("restart/set", "press")
    home.say("restart/set", "PRESS")  # too soon after the start
    # Of 70,000 bytes the broker spares us: we said at the connection how much we take.
    wanted = {"malformed": 3, "oversized": 1, "refused": 5, "retained": 2, "unknown": 0, "failed": 0}
    eventually(lambda: home.daemon.status()["commands_ignored"] == wanted)
    switches = [camera["switches"] for camera in home.daemon.status()["cameras"]]
    assert switches == [camera["switches"] for camera in before]
    assert home.daemon.log().count("a command on") == 4

    chance = np.random.default_rng(5)
    for number in range(60):
        topic = ("alarm/set", "restart/set", "door/enabled/set", "hall/pose/set", "\u00e9/\u2603/set")[number % 5]
        home.viewer.publish(f"edge/{topic}", chance.bytes(int(chance.integers(1, 99))).hex())
    home.say("door/notifications/set", "OFF")
    home.becomes("door/notifications/state", "OFF")  # it listens as before
    assert sum(home.daemon.status()["commands_ignored"].values()) == sum(wanted.values()) + 60
    home.say("door/enabled/set", "OFF")
    home.becomes("door/status", "disabled")
    assert home.daemon.stop() < 2


def test_every_topic_that_home_assistant_is_told_of_is_there(home: Home) -> None:
    eventually(lambda: {"edge/door/person/snapshot", "edge/hall/motion/snapshot"} <= set(retained(home.broker)), 20)
    found = retained(home.broker, "homeassistant/device/#")
    states = {*retained(home.broker), "edge/events"}
    assert len(found) == 3
    commands: set[str] = set()
    for topic, payload in found.items():
        assert discovery.faults(topic, payload) == []
        message = json.loads(payload)
        assert discovery.listened(message) <= states
        commands |= discovery.commanded(message)
    assert len(commands) == 2 + 5 + 4
    for topic in commands:  # each is listened to, since each refuses what is no word of it
        home.viewer.publish(topic, "no word of yours")
    eventually(lambda: home.daemon.status()["commands_ignored"]["malformed"] == len(commands))
