"""`edge status`, `arm`, `disarm`, `events` against a real socket, alarm and database."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edge.alarm import Alarm, AlarmSettings, Code
from edge.alarm.machine import Plan
from edge.board import Board
from edge.clock import SystemClock
from edge.commands import alarm as alarm_commands
from edge.commands import control as control_commands
from edge.config.load import load_node
from edge.config.schema import Camera
from edge.control import ControlServer, handlers_of, place
from edge.outbox import Outbox, read_audit, read_events
from edge.switches import Panel
from tests.support.command import Edge
from tests.support.events import event


class House:
    """A daemon without cameras: the outbox and the alarm are the real ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outbox = Outbox(folder, "node", ["mqtt"], SystemClock())
        self.alarm = Alarm(self.outbox)
        self.switches = Panel([Camera(name="porch", source="synthetic:")], Board(), self.outbox)

    def status(self) -> dict[str, Any]:
        camera: dict[str, Any] = {"name": "porch", "status": "offline", "reason": "rtsp://***@cam: timed out"}
        camera |= {"fps": 0.0, "dropped": 3, "switches": self.switches["porch"].states()}
        camera["stay_off"] = self.switches["porch"].stay_off()
        return {
            "ready": True,
            "alarm": self.alarm.state,
            "uptime_s": 93784,
            "cameras": [camera],
            "engines": [{"name": "tflite", "model": "door", "version": 7, "state": "up", "reason": None}],
            "sinks": [{"name": "mqtt", "state": "back_off", "reason": "connection refused"}],
            "outbox": {"fault": None},
        }

    def events(self, limit: int) -> list[dict[str, Any]]:
        return read_events(self.folder, limit)[::-1]

    def arm(self, mode: str, by: str, *, code: str | None = None, now: bool = False) -> None:
        self.alarm.arm(mode, by, code, now=now)

    def panic(self, by: str) -> None:
        self.alarm.panic(by)

    def alarm_log(self, limit: int) -> list[dict[str, Any]]:
        return [entry.payload() for entry in read_audit(self.folder, limit)[::-1]]

    def disarm(self, code: str | None, by: str) -> None:
        self.alarm.disarm(by, code)

    def switch(self, camera: str, name: str, on: bool, by: str, *, code: str | None = None) -> None:
        self.switches.set(camera, name, on, by, code)


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Edge:
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    monkeypatch.setattr(place, "RUNTIME_FOLDER", tmp_path / "run")
    return Edge(monkeypatch, capsys)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose secrets this user does not have: the commands need none."""
    path = tmp_path / "edge.toml"
    path.write_text('[node]\ndata = "data"\n[mqtt]\nhost = "b"\nusername = "u"\npassword = "${NOT_OURS}"\n')
    return path


@pytest.fixture
def house(config: Path) -> Iterator[House]:
    node = load_node(config)
    house = House(node.data)
    server = ControlServer(node, handlers_of(house))
    stop = threading.Event()
    thread = threading.Thread(target=server.serve, args=(stop,))
    thread.start()
    yield house
    stop.set()
    thread.join()
    server.close()
    house.outbox.close()


def test_status_for_people_and_programs(edge: Edge, config: Path, house: House) -> None:
    done = edge("status", "--config", config)
    assert done.code == 0
    for said in ("watching, disarmed, up 1 d 2 h", "porch", "offline", "timed out", "tflite", "back_off", "refused"):
        assert said in done.out
    assert json.loads(edge("status", "--json", "--config", config).out) == house.status()


def test_status_says_what_somebody_switched_off(edge: Edge, config: Path, house: House) -> None:
    assert "switched off" not in edge("status", "--config", config).out
    for name in ("detect", "notifications", "enabled"):
        edge("switch", "porch", name, "off", "--config", config)
    (line,) = (line for line in edge("status", "--config", config).out.splitlines() if line.startswith("porch"))
    assert line.endswith("rtsp://***@cam: timed out; switched off: detect, notifications")


def test_arming_and_disarming(edge: Edge, config: Path, house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert edge("arm", "--config", config).out == "armed_away\n"
    assert edge("arm", "--mode", "night", "--config", config).out == "armed_night\n"
    assert house.status()["alarm"] == "armed_night"
    assert edge("disarm", "--code", "2468", "--config", config).out == "disarmed\n"
    assert house.alarm.state == "disarmed"
    assert "the command line (user" in caplog.text
    assert "2468" not in caplog.text


def test_switching_waits_until_it_is_so(
    edge: Edge, config: Path, house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("INFO")
    assert edge("switch", "porch", "motion", "off", "--config", config).out == "porch: motion off\n"
    assert house.switches["porch"].on("motion") is False
    assert "porch: motion switched off by the command line (user" in caplog.text

    house.switches["porch"].begin("enabled")  # a camera that is at work and cannot follow
    monkeypatch.setattr(control_commands, "SWITCH_S", 0.2)
    done = edge("switch", "porch", "enabled", "off", "--config", config)
    assert (done.code, done.out) == (1, "")
    assert "porch: enabled is not off yet" in done.err
    house.switches["porch"].rest("enabled")
    assert edge("switch", "porch", "enabled", "off", "--config", config).code == 0


def test_the_code_that_a_switch_wants_is_passed_on(edge: Edge, config: Path, house: House) -> None:
    settings = AlarmSettings(codes=(Code("Anna", "4711"),))
    house.alarm = Alarm(house.outbox, settings=settings)
    house.switches = Panel([Camera(name="porch", source="synthetic:")], Board(), house.outbox, house.alarm)
    house.alarm.arm("away", "a test")
    refused = edge("switch", "porch", "motion", "off", "--config", config)
    assert (refused.code, "disarm it first" in refused.err) == (2, True)
    done = edge("switch", "porch", "motion", "off", "--code", "4711", "--config", config)
    assert done.out == "porch: motion off\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [(("attic", "motion", "off"), "no camera `attic`"), (("porch", "pose", "on"), "no postures"),
     (("porch", "sound", "on"), "'sound' is not one of"), (("porch", "motion", "ON"), "'ON' is not one of")],
)  # fmt: skip
def test_a_switch_that_cannot_be_is_the_users_mistake(
    edge: Edge, config: Path, house: House, words: tuple[str, ...], said: str
) -> None:
    done = edge("switch", *words, "--config", config)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert len(done.err.splitlines()) <= 2


def test_a_wrong_mode_is_the_users_mistake(edge: Edge, config: Path, house: House) -> None:
    done = edge("arm", "--mode", "holiday", "--config", config)
    assert (done.code, len(done.err.splitlines())) == (2, 2)


def test_events_are_the_same_with_and_without_a_daemon(edge: Edge, config: Path, house: House) -> None:
    for kind in ("new", "update", "end"):
        house.outbox.put(event(kind))
    assert house.outbox.flush(5)
    running = json.loads(edge("events", "--json", "--config", config).out)
    assert [entry["type"] for entry in running] == ["new", "update", "end"]
    assert {"uid", "boot_id", "seq", "type", "after", "state", "replaced_by"} <= running[0].keys()
    assert len(json.loads(edge("events", "--json", "--limit", "1", "--config", config).out)) == 1
    assert json.loads(edge("events", "--json", "--limit", "100000", "--config", config).out) == running
    table = edge("events", "--config", config).out.splitlines()
    assert len(table) == 4
    assert "porch" in table[1]


def test_events_of_a_daemon_that_is_down(edge: Edge, config: Path) -> None:
    assert json.loads(edge("events", "--json", "--config", config).out) == []
    house = House(load_node(config).data)
    house.outbox.put(event())
    house.outbox.close()
    (entry,) = json.loads(edge("events", "--json", "--config", config).out)
    assert (entry["type"], entry["state"]) == ("new", "pending")


@pytest.mark.parametrize("command", ["status", "arm", "disarm"])
def test_without_a_daemon_one_line_says_so(edge: Edge, config: Path, command: str) -> None:
    done = edge(command, "--config", config)
    assert (done.code, done.out) == (1, "")
    assert "not running" in done.err
    assert len(done.err.splitlines()) == 1


def test_a_mistake_in_the_node_table_is_shown(edge: Edge, tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("[node]\ndta = 1\n")
    done = edge("status", "--config", path)
    assert done.code == 2
    assert f"{path}:2:1" in done.err
    assert "`data`" in done.err


class Guarded(House):
    """A house with a code and delays."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        settings = AlarmSettings(plan=Plan(exit_s=45), codes=(Code("Anna", "4711"),))
        self.alarm = Alarm(self.outbox, settings=settings)

    def status(self) -> dict[str, Any]:
        return {**super().status(), "alarm_detail": self.alarm.detail()}


@pytest.fixture
def guarded(config: Path) -> Iterator[Guarded]:
    house = Guarded(load_node(config).data)
    server = ControlServer(load_node(config), handlers_of(house))
    stop = threading.Event()
    thread = threading.Thread(target=server.serve, args=(stop,))
    thread.start()
    yield house
    stop.set()
    thread.join()
    server.close()
    house.outbox.close()


@pytest.mark.parametrize("before", ["arming", "armed_night", "disarmed"])
def test_now_without_a_mode_is_about_what_is_being_armed(
    edge: Edge, config: Path, guarded: Guarded, before: str
) -> None:
    if before != "disarmed":
        edge("arm", "--mode", "night", *(["--now"] if before == "armed_night" else []), "--config", config)
    assert guarded.alarm.state == before
    said = edge("arm", "--now", "--config", config).out
    assert said == ("armed_away\n" if before == "disarmed" else "armed_night\n")


def test_a_change_of_the_mode_asks_for_the_code_unseen(
    edge: Edge, config: Path, guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(alarm_commands, "asked_code", lambda: asked.append("Code") or "4711")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    assert edge("arm", "--mode", "night", "--config", config).out == "arming\n"
    assert edge("arm", "--now", "--config", config).out == "armed_night\n"
    assert edge("arm", "--mode", "night", "--config", config).out == "armed_night\n"
    assert asked == []
    assert edge("arm", "--config", config).code == 0
    assert asked == ["Code"]
    assert edge("arm", "--mode", "home", "--code", "4711", "--config", config).code == 0
    assert asked == ["Code"]
    edge("disarm", "--code", "4711", "--config", config)
    edge("arm", "--mode", "home", "--config", config)
    assert asked == ["Code"], "from disarmed none is wanted"


def test_codes_delays_panic_and_the_log(edge: Edge, config: Path, guarded: Guarded) -> None:
    assert edge("arm", "--config", config).out == "arming\n"
    assert "arming, 4" in edge("alarm", "status", "--config", config).out
    assert "alarm arming, 4" in edge("status", "--config", config).out
    assert edge("arm", "--now", "--config", config).out == "armed_away\n"
    for code in ((), ("--code", "1234")):
        done = edge("disarm", *code, "--config", config)
        assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    assert edge("alarm", "panic", "--config", config).out == "triggered\n"
    done = edge("arm", "--mode", "away", "--config", config)
    assert (done.code, "disarm it first" in done.err) == (2, True)
    assert edge("disarm", "--code", "4711", "--config", config).out == "disarmed\n"
    assert guarded.outbox.flush(5)
    log = json.loads(edge("alarm", "log", "--json", "--config", config).out)
    assert [(line["what"], line["by"], line["result"]) for line in log][-3:] == [
        ("panic", None, "done"),
        ("arm_away", None, "refused: triggered"),
        ("disarm", "Anna", "done"),
    ]
    assert all("the command line (user" in line["from"] for line in log if line["what"] != "start")
    guarded.alarm.note("porch/notifications off", log[-1]["from"])
    assert guarded.outbox.flush(5)
    shown = edge("alarm", "log", "--limit", "2", "--config", config).out
    assert len(shown.splitlines()) == 3
    assert "porch: notifications off" in shown
    assert "the command line" in shown
    assert "process" not in shown
    detail = json.loads(edge("alarm", "status", "--json", "--config", config).out)
    assert (detail["state"], detail["code"], detail["code_to_arm"], detail["by"]) == ("disarmed", True, False, "Anna")


def test_the_log_is_read_without_a_daemon_too(edge: Edge, config: Path) -> None:
    assert json.loads(edge("alarm", "log", "--json", "--config", config).out) == []
    house = Guarded(load_node(config).data)
    house.alarm.arm("night", "mqtt")
    house.outbox.close()
    log = json.loads(edge("alarm", "log", "--json", "--config", config).out)
    assert [line["what"] for line in log][-1] == "arm_night"
    assert " ?" in edge("alarm", "log", "--config", config).out  # the clock of that moment was not set


def test_times_are_those_of_the_house(edge: Edge, config: Path) -> None:
    config.write_text(config.read_text().replace("[node]", '[node]\ntimezone = "Asia/Kathmandu"'))
    house = Guarded(load_node(config).data)
    house.alarm.arm("night", "mqtt")
    house.outbox.put(event())
    house.outbox.close()
    zone = ZoneInfo("Asia/Kathmandu")
    (line,) = json.loads(edge("alarm", "log", "--json", "--limit", "1", "--config", config).out)
    there = f"{datetime.fromtimestamp(line['at'], zone):%Y-%m-%d %H:%M:%S}"
    assert there in edge("alarm", "log", "--config", config).out
    (told,) = json.loads(edge("events", "--json", "--config", config).out)
    there = f"{datetime.fromtimestamp(told['after']['frame_time'], zone):%Y-%m-%d %H:%M:%S}"
    assert there in edge("events", "--config", config).out


def test_a_data_folder_of_the_release_before_has_no_log_and_gets_one(edge: Edge, config: Path) -> None:
    folder = load_node(config).data
    House(folder).outbox.close()
    with closing(sqlite3.connect(folder / "edge.db")) as db:
        db.execute("DROP TABLE audit")
        db.execute("INSERT OR REPLACE INTO kept VALUES ('alarm', 'armed_night')")
        db.commit()
    assert json.loads(edge("alarm", "log", "--json", "--config", config).out) == []
    house = Guarded(folder)
    assert house.alarm.state == "armed_night"
    house.alarm.disarm("mqtt", "4711")
    house.outbox.close()
    log = json.loads(edge("alarm", "log", "--json", "--config", config).out)
    assert [line["what"] for line in log] == ["disarm"]
