"""Home Assistant's device discovery: complete, stable, true to the configuration, and gone with what it tells of."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import jinja2
import pytest

from edge.clock import SystemClock
from edge.config.load import load
from edge.config.schema import Config
from edge.outbox import Outbox
from edge.sinks.homeassistant import Discovery, birth_topic
from edge.sinks.homeassistant.entities import ONLINE, PRESENT, devices
from edge.types import Stamp, event_payload
from tests.sinks.conftest import mqtt_sink, working
from tests.support import discovery
from tests.support.broker import Broker, Subscriber, eventually, retained
from tests.support.events import event
from tests.support.stand_ins import Memory

PORCH = '[[camera]]\nname = "porch"\nsource = "synthetic:"\nlabels = ["person", "traffic light", "motion"]\n'
PATH = '[[camera.zone]]\nname = "path"\npoints = [[0, 0], [1, 0], [1, 1]]\n'
YARD = '[[camera]]\nname = "yard"\nsource = "synthetic:"\nlabels = ["motion"]\n'
NODE = '[node]\nname = "pi"\n'


@pytest.fixture
def configured(tmp_path: Path) -> Any:
    def make(text: str) -> Config:
        path = tmp_path / "edge.toml"
        path.write_text(text)
        return load(path)

    return make


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    path = tmp_path / "machine-id"
    path.write_text("0123456789abcdef0123456789abcdef\n")
    return path


def messages(config: Config) -> dict[str, dict[str, Any]]:
    return devices(config, "abc", "1.0")


def rendered(template: str, **given: object) -> str:
    environment = jinja2.Environment(autoescape=True)
    environment.filters["to_json"] = lambda value: jinja2.utils.markupsafe.Markup(json.dumps(value))
    return environment.from_string(template).render(**given)


def test_every_message_has_what_home_assistant_requires(configured: Any) -> None:
    found = messages(configured(PORCH + PATH + YARD + NODE))
    assert list(found) == [
        f"homeassistant/device/{name}/config" for name in ("edge_pi", "edge_pi_porch", "edge_pi_yard")
    ]
    for topic, message in found.items():
        assert discovery.faults(topic, json.dumps(message).encode()) == []


CODE = '[[alarm.code]]\nname = "us"\ncode = "2468"\n'


@pytest.mark.parametrize("to_arm", [False, True])
def test_a_code_is_asked_for_there_and_known_only_here(configured: Any, to_arm: bool) -> None:
    alarm = f"[alarm]\ncode_to_arm = {str(to_arm).lower()}\n"
    message = messages(configured(PORCH + NODE + alarm + CODE))["homeassistant/device/edge_pi/config"]
    assert discovery.faults("homeassistant/device/edge_pi/config", json.dumps(message).encode()) == []
    panel = message["cmps"]["alarm"]
    assert (panel["code"], panel["cod_dis_req"], panel["cod_arm_req"]) == ("REMOTE_CODE", True, to_arm)
    assert "2468" not in json.dumps(message)
    sent = json.loads(rendered(panel["cmd_tpl"], action="DISARM", code='24"68'))
    assert sent == {"action": "DISARM", "code": '24"68'}
    assert json.loads(rendered(panel["cmd_tpl"], action="ARM_AWAY", code=None))["code"] is None


def test_without_a_code_none_is_asked_for(configured: Any) -> None:
    panel = messages(configured(PORCH + NODE))["homeassistant/device/edge_pi/config"]["cmps"]["alarm"]
    assert not {"code", "cmd_tpl"} & panel.keys()
    assert not panel["cod_arm_req"]
    assert not panel["cod_dis_req"]


def test_the_checker_finds_what_is_wrong(configured: Any) -> None:
    topic, message = next(iter(messages(configured(PORCH + NODE)).items()))
    message["cmps"]["alarm"].pop("cmd_t")
    message["cmps"]["latency"]["unit_of_meas"] = "°C"
    message["cmps"]["waiting"]["stat_c"] = "measurement"
    message["avty"][0].pop("val_tpl")
    assert len(discovery.faults(topic, json.dumps(message).encode())) == 4


def test_entities_follow_from_labels_and_zones(configured: Any) -> None:
    found = messages(configured(PORCH + PATH + YARD + NODE))
    porch = found["homeassistant/device/edge_pi_porch/config"]["cmps"]
    yard = found["homeassistant/device/edge_pi_yard/config"]["cmps"]
    assert porch["person-occupancy"]["stat_t"] == "edge/porch/person"
    assert porch["path-traffic_light-count"]["stat_t"] == "edge/path/traffic_light"
    assert porch["detection"]["evt_typ"] == ["person", "traffic_light", "motion", "tamper"]
    assert {name for name in porch if name.endswith("image")} == {"person-image", "traffic_light-image", "motion-image"}
    assert set(yard) == {
        "motion", "connection", "detection", "motion-image", "tamper", "view",
        "enabled-switch", "motion-switch", "notifications-switch", "snapshots-switch",
    }  # fmt: skip


def test_ids_are_all_different_and_outlive_a_new_name_of_the_node(configured: Any) -> None:
    def ids(text: str) -> list[str]:
        found = messages(configured(text))
        return [component["uniq_id"] for message in found.values() for component in message["cmps"].values()]

    tricky = (
        PORCH + PATH + YARD + '[[camera]]\nname = "porch_person"\nsource = "synthetic:"\nlabels = ["count", "motion"]\n'
    )
    first = ids(tricky + NODE)
    assert len(first) == len(set(first))
    assert ids(tricky + '[node]\nname = "attic"\n') == first


def test_the_machines_id_stays_a_secret_and_tells_machines_and_prefixes_apart(configured: Any, machine: Path) -> None:
    def told(text: str) -> str:
        return str(Discovery(configured(text), "1.0", Memory(), machine)())

    first = told(PORCH)
    assert "0123456789abcdef" not in first
    assert told(PORCH) == first
    assert told(PORCH + '[mqtt]\nprefix = "other"\n') != first.replace("edge/", "other/").replace("edge_", "other_")
    machine.write_text("f" * 32)
    assert told(PORCH) != first


@pytest.mark.parametrize("content", [None, "", "uninitialized\n", "\xff"])
def test_without_a_machines_id_a_random_one_stays(configured: Any, tmp_path: Path, content: str | None) -> None:
    absent = tmp_path / "absent"
    if content is not None:
        absent.write_text(content, encoding="latin-1")
    memory, config = Memory(), configured(PORCH)
    first = Discovery(config, "1.0", memory, absent)()
    assert Discovery(config, "1.0", memory, absent)() == first
    assert Discovery(config, "1.0", Memory(), absent)() != first


def test_an_entity_that_is_gone_is_named_once_more_so_that_it_goes(configured: Any, machine: Path) -> None:
    memory = Memory()
    topic = "homeassistant/device/edge_pi_porch/config"
    Discovery(configured(PORCH + PATH + NODE), "1.0", memory, machine)()
    less = PORCH.replace('"traffic light", ', "") + NODE
    for _ in range(2):  # whoever was away at the first time hears it at the second
        message = dict(Discovery(configured(less), "1.0", memory, machine)())[topic]
        assert json.loads(message)["cmps"]["path-person-count"] == {"p": "sensor"}
        assert json.loads(message)["cmps"]["traffic_light-image"] == {"p": "image"}
        assert discovery.faults(topic, message.encode()) == []
    again = json.loads(dict(Discovery(configured(PORCH + PATH + NODE), "1.0", memory, machine)())[topic])
    assert all(len(component) > 1 for component in again["cmps"].values())


@pytest.mark.parametrize("kept", ["", "[", "[]", '{"x": 1}', '{"homeassistant/device/edge_pi/config": {"a": 1}}'])
def test_what_was_kept_may_be_anything(configured: Any, machine: Path, kept: str) -> None:
    memory = Memory()
    memory.kept["homeassistant_told"] = kept
    assert len(Discovery(configured(PORCH + NODE), "1.0", memory, machine)()) == 2


@pytest.mark.parametrize(("word", "there"), [("online", "online"), ("offline", "offline"), ("stopped", "offline"),
                                             ("disabled", "offline")])  # fmt: skip
def test_availability_has_two_words_whatever_is_said(word: str, there: str) -> None:
    assert rendered(ONLINE, value=word) == there


@pytest.mark.parametrize(("value", "state"), [("0", "OFF"), ("1", "ON"), ("12", "ON"), ("", "OFF")])
def test_somebody_is_there_while_the_count_says_so(value: str, state: str) -> None:
    assert rendered(PRESENT, value=value) == state


def test_a_new_object_of_this_camera_is_an_event_and_old_news_is_not(configured: Any) -> None:
    found = messages(configured(PORCH + YARD + NODE))
    porch, yard = (
        found[f"homeassistant/device/edge_pi_{name}/config"]["cmps"]["detection"]["val_tpl"]
        for name in ("porch", "yard")
    )
    stamp = Stamp(boot_id="b", seq=1, node="pi", published_at=0.0)
    payload = event_payload(event("new", "7-abc", label="person"), stamp)
    said = json.loads(rendered(porch, value_json=payload))
    assert said["event_type"] == "person"
    assert (said["id"], said["armed"], said["zones"]) == ("7-abc", "armed_away", [])
    assert rendered(yard, value_json=payload) == ""
    for other in ({"type": "update"}, {"type": "end"}, {"replayed": True}):
        assert rendered(porch, value_json={**payload, **other}) == ""
    unknown = event_payload(event("new", label="cat"), stamp)
    assert rendered(porch, value_json=unknown) == ""


@pytest.mark.parametrize(("said", "state"), [("none", "OFF"), ("dark", "OFF"), ("unknown", "OFF"), ("moved", "ON"),
                                             ("covered", "ON"), ("blinded", "ON"), ("blurred", "ON")])  # fmt: skip
def test_a_light_that_is_off_is_nobodys_deed(configured: Any, said: str, state: str) -> None:
    porch = messages(configured(PORCH + NODE))["homeassistant/device/edge_pi_porch/config"]["cmps"]
    assert rendered(porch["tamper"]["val_tpl"], value=said) == state
    off = messages(configured(PORCH + "tamper = false\n" + NODE))["homeassistant/device/edge_pi_porch/config"]["cmps"]
    assert not {"tamper", "view"} & off.keys()
    assert "tamper" not in off["detection"]["evt_typ"]


def test_the_page_can_be_opened_from_there_where_its_address_is_known(configured: Any) -> None:
    found = devices(configured(PORCH + NODE), "abc", "1.0", "https://pi.example.org")
    for topic, message in found.items():
        assert message["dev"]["cu"] == message["o"]["url"] == "https://pi.example.org"
        assert discovery.faults(topic, json.dumps(message).encode()) == []
    template = found["homeassistant/device/edge_pi_porch/config"]["cmps"]["detection"]["val_tpl"]
    payload = event_payload(event("new", "7-abc"), Stamp(boot_id="b", seq=1, node="pi", published_at=0.0))
    assert json.loads(rendered(template, value_json=payload))["url"] == "https://pi.example.org/#event=7-abc"


def test_figures_that_are_not_there_yet_are_unknown(configured: Any) -> None:
    node = messages(configured(PORCH + NODE))["homeassistant/device/edge_pi/config"]["cmps"]
    none: dict[str, Any] = {"latency_ms": None, "throttled": None, "temp_c": None}
    assert rendered(node["latency"]["val_tpl"], value_json=none) == "None"
    assert rendered(node["temperature"]["val_tpl"], value_json=none) == "None"
    assert rendered(node["problem"]["val_tpl"], value_json=none) == "OFF"
    assert rendered(node["latency"]["val_tpl"], value_json={"latency_ms": {"p95": 7.1}}) == "7.1"
    # A Pi's flags: bit 0, too little voltage now; bit 16, so at some time since it was switched on.
    assert rendered(node["problem"]["val_tpl"], value_json={"throttled": 0x1}) == "ON"
    assert rendered(node["problem"]["val_tpl"], value_json={"throttled": 0x10000}) == "OFF"


def run(broker: Broker, folder: Path, config: Config, machine: Path) -> dict[str, bytes]:
    """A daemon's life; returns what the broker holds of discovery afterwards."""
    with closing(Outbox(folder, "pi", ["mqtt"], SystemClock())) as outbox:
        sink = mqtt_sink(broker, outbox, discovery=Discovery(config, "1.0", outbox, machine))
        with working(sink):
            assert sink.flush(5)
        outbox.flush(5)
    return retained(broker, "homeassistant/#")


def test_a_camera_that_is_gone_and_discovery_switched_off_take_the_devices_away(
    broker: Broker, tmp_path: Path, configured: Any, machine: Path
) -> None:
    def lives(text: str) -> set[str]:
        found = run(broker, tmp_path / "data", configured(text), machine)
        return {topic.split("/")[2] for topic, payload in found.items() if payload}

    assert lives(PORCH + YARD + NODE) == {"edge_pi", "edge_pi_porch", "edge_pi_yard"}
    assert lives(PORCH + NODE) == {"edge_pi", "edge_pi_porch"}
    assert lives(PORCH + NODE + "[mqtt]\ndiscovery = false\n") == set()
    moved = PORCH + NODE + '[mqtt]\ndiscovery_prefix = "ha/found"\n'
    run(broker, tmp_path / "data", configured(moved), machine)
    assert "ha/found/device/edge_pi/config" in retained(broker, "ha/#")


def test_home_assistant_that_has_started_is_told_again(
    broker: Broker, outbox: Outbox, configured: Any, machine: Path
) -> None:
    config = configured(PORCH + NODE)
    birth = birth_topic(config)
    assert birth == "homeassistant/status"
    heard = Subscriber(broker, topic="homeassistant/device/#")
    heard.publish(birth, "online", retain=True)
    sink = mqtt_sink(broker, outbox, discovery=Discovery(config, "1.0", outbox, machine), birth=birth)
    with closing(heard), working(sink):
        assert sink.flush(5)
        eventually(lambda: len(heard.messages) == 2)
        heard.publish(birth, "offline")
        heard.publish(birth, "online")
        eventually(lambda: len(heard.messages) == 4)
        assert sink.flush(5)
        assert len(heard.messages) == 4
        assert heard.messages[:2] == heard.messages[2:]


def test_postures_and_falls_appear_where_they_are_looked_for(configured: Any) -> None:
    blind = '[[camera]]\nname = "bath"\nsource = "synthetic:"\npose = false\n'
    found = messages(configured(PORCH + blind + YARD + NODE + "[pose]\nenabled = true\n"))
    for topic, message in found.items():
        assert discovery.faults(topic, json.dumps(message).encode()) == []
    mine = {"fall", "posture", "pose-switch"}
    have = {
        name: mine & found[f"homeassistant/device/edge_pi_{name}/config"]["cmps"].keys()
        for name in ("porch", "bath", "yard")
    }
    assert have == {"porch": mine, "bath": set(), "yard": set()}
    parts = found["homeassistant/device/edge_pi_porch/config"]["cmps"]
    fall = parts["fall"]
    assert (fall["p"], fall["stat_t"], fall["dev_cla"]) == ("binary_sensor", "edge/porch/posture", "safety")
    words = {word: rendered(fall["val_tpl"], value=word) for word in parts["posture"]["ops"]}
    assert words == {"none": "OFF", "standing": "OFF", "sitting": "OFF", "lying": "OFF", "fallen": "ON"}


def test_without_postures_there_is_nothing_of_them(configured: Any) -> None:
    parts = messages(configured(PORCH + NODE))["homeassistant/device/edge_pi_porch/config"]["cmps"]
    assert not {"fall", "posture", "pose-switch"} & parts.keys()
