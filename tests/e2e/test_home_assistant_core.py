"""A real Home Assistant Core beside a real daemon: `make test-homeassistant`, which names its environment to us."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edge.daemon import RESTART_S
from tests.support.broker import Broker, eventually, free_port, retained, running
from tests.support.daemon import Daemon
from tests.support.home_assistant import HomeAssistant
from tests.support.nets import GRID_MANIFEST, grid_detector

VENV = os.environ.get("EDGE_HOMEASSISTANT", "")
pytestmark = pytest.mark.skipif(not VENV, reason="a Home Assistant of its own is wanted: make test-homeassistant")

DOOR = (
    '[[camera]]\nname = "door"\nsource = "synthetic:"\nmin_score = 0.1\nlabels = ["person", "motion"]\n'
    '[[camera.zone]]\nname = "mat"\npoints = [[0, 0], [1, 0], [1, 1], [0, 1]]\n'
)
HALL = '[[camera]]\nname = "hall"\nsource = "synthetic:"\nlabels = ["motion"]\n'
CODE = "2468"
# What the model takes for people is always there: it is not to set the alarm off.
ALARM = f'[alarm]\nlabels = ["tamper"]\n[[alarm.code]]\nname = "us"\ncode = "{CODE}"\n'
PANEL = "alarm_control_panel.bench_alarm"
LONG = 90.0
"""Seconds that Home Assistant may take to start, or to connect again."""


@dataclass
class Home:
    """The daemon, its broker and the Home Assistant that listens there."""

    broker: Broker
    daemon: Daemon
    hass: HomeAssistant

    def devices(self) -> dict[str, dict[str, Any]]:
        """Ours, by name."""
        return {each["name"]: each for each in self.hass.registry("device") if each["manufacturer"] == "edge"}

    def shows(self, entity: str, state: str, timeout: float = 20.0) -> None:
        eventually(lambda: self.hass.state(entity) == state, timeout)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("home")
    grid_detector(folder / "grid.onnx")
    (folder / "grid.toml").write_text(GRID_MANIFEST)
    with running(Broker(folder)) as broker:
        daemon = Daemon(
            folder,
            f'{DOOR}{HALL}[model]\nname = "{folder}/grid.onnx"\nengine = "onnxruntime"\n[web]\nport = {free_port()}\n'
            f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n{ALARM}',
        )
        hass = HomeAssistant(Path(VENV), folder / "hass", broker.port)
        try:
            daemon.start()
            hass.start()
            eventually(lambda: PANEL in hass.states(), LONG)
            yield Home(broker, daemon, hass)
            assert "Traceback" not in daemon.log()
        finally:
            hass.stop()
            daemon.kill()


def test_every_entity_is_discovered_and_none_is_complained_of(home: Home) -> None:
    told = {
        component["uniq_id"]: component["p"]
        for payload in retained(home.broker, "homeassistant/device/#").values()
        for component in json.loads(payload)["cmps"].values()
    }
    assert len(told) > 25

    def found() -> dict[str, str]:
        entities = home.hass.registry("entity")
        return {each["unique_id"]: each["entity_id"].split(".")[0] for each in entities if each["platform"] == "mqtt"}

    eventually(lambda: found() == told, LONG)
    devices = home.devices()
    assert set(devices) == {"bench", "Door", "Hall"}
    assert devices["Door"]["via_device_id"] == devices["bench"]["id"]
    complaints = [
        line
        for line in home.hass.log().splitlines()
        if "components.mqtt" in line and (" ERROR " in line or " WARN" in line)
    ]
    assert complaints == []


def test_it_shows_what_is_so(home: Home) -> None:
    home.shows(PANEL, "disarmed")
    home.shows("binary_sensor.door_connection", "on")
    eventually(lambda: int(home.hass.state("sensor.door_person_count")) > 0)
    home.shows("binary_sensor.door_mat_person", "on")
    version = home.daemon.status()["version"]
    home.shows("sensor.bench_version", version)
    home.shows("switch.door_camera", "on")
    home.shows("binary_sensor.bench_supply_or_heat", "off")
    eventually(lambda: home.hass.picture("image.door_person")[:3] == b"\xff\xd8\xff")
    eventually(lambda: home.hass.state("event.hall_detection") not in ("", "unknown"), 40)
    event = home.hass.states()["event.hall_detection"]["attributes"]
    assert event["event_type"] == "motion"
    assert event["armed"] == "disarmed"


def test_it_arms_and_disarms_us(home: Home) -> None:
    for mode in ("away", "home", "night"):
        assert home.hass.call("alarm_control_panel", f"alarm_arm_{mode}", PANEL) == 200
        home.shows(PANEL, f"armed_{mode}")
        assert home.daemon.status()["alarm"] == f"armed_{mode}"
        assert home.hass.call("alarm_control_panel", "alarm_disarm", PANEL, code=CODE) == 200
        home.shows(PANEL, "disarmed")
        assert home.daemon.status()["alarm"] == "disarmed"


def test_a_wrong_code_does_not_disarm_and_the_panel_can_raise_the_alarm(home: Home) -> None:
    home.hass.call("alarm_control_panel", "alarm_arm_home", PANEL)
    home.shows(PANEL, "armed_home")
    home.hass.call("alarm_control_panel", "alarm_disarm", PANEL, code="1357")
    eventually(lambda: home.daemon.status()["commands_ignored"]["refused"] == 1)
    assert home.hass.state(PANEL) == "armed_home"
    home.hass.call("alarm_control_panel", "alarm_trigger", PANEL)
    home.shows(PANEL, "triggered")
    home.hass.call("alarm_control_panel", "alarm_disarm", PANEL, code=CODE)
    home.shows(PANEL, "disarmed")


def test_it_switches_a_camera_off_and_on(home: Home) -> None:
    assert home.hass.call("switch", "turn_off", "switch.door_camera") == 200
    home.shows("switch.door_camera", "off")
    home.shows("binary_sensor.door_motion", "unavailable")
    home.shows("binary_sensor.door_connection", "off")
    assert home.daemon.camera("door")["status"] == "disabled"
    assert home.hass.state("binary_sensor.hall_motion") in ("on", "off")
    assert home.hass.call("switch", "turn_on", "switch.door_camera") == 200
    home.shows("switch.door_camera", "on")
    home.shows("binary_sensor.door_connection", "on")
    eventually(lambda: home.hass.state("sensor.door_person_count") not in ("unavailable", "0"))
    assert home.hass.call("switch", "turn_off", "switch.hall_notifications") == 200
    home.shows("switch.hall_notifications", "off")
    assert home.daemon.camera("hall")["switches"]["notifications"] is False


def test_after_a_broker_restart_it_shows_what_changed_meanwhile(home: Home) -> None:
    home.broker.stop()
    home.daemon.edge("switch", "hall", "enabled", "off")  # before arming: while armed it would want the code
    home.daemon.edge("arm", "--mode", "night")
    home.shows("switch.hall_camera", "unavailable")
    home.broker.start()
    home.shows(PANEL, "armed_night", LONG)
    home.shows("switch.hall_camera", "off")
    home.shows("binary_sensor.hall_motion", "unavailable")
    home.shows("binary_sensor.door_connection", "on")
    home.daemon.edge("switch", "hall", "enabled", "on")
    home.shows("switch.hall_camera", "on")


def test_a_daemon_that_is_killed_is_unavailable_and_comes_back_as_it_was(home: Home) -> None:
    home.daemon.edge("disarm", "--code", CODE)
    home.daemon.edge("arm", "--mode", "home")
    home.daemon.signal(signal.SIGKILL)
    home.shows(PANEL, "unavailable", 40)
    home.daemon.kill()
    home.daemon.start()
    home.shows(PANEL, "armed_home", 40)
    home.shows("switch.hall_notifications", "off")
    home.daemon.edge("disarm", "--code", CODE)
    home.shows(PANEL, "disarmed")


def test_its_button_restarts_us_and_a_camera_that_is_gone_leaves_it(home: Home) -> None:
    eventually(lambda: home.daemon.status()["uptime_s"] > RESTART_S, RESTART_S + 5)
    home.daemon.config.write_text(home.daemon.config.read_text().replace(HALL, ""))
    assert home.hass.call("button", "press", "button.bench_restart") == 200
    eventually(lambda: not [entity for entity in home.hass.states() if ".hall_" in entity], 40)
    home.shows("binary_sensor.door_connection", "on", 40)
    eventually(lambda: set(home.devices()) == {"bench", "Door"}, LONG)
