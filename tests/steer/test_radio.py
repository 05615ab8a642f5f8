"""Steering over a real broker."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.clock import SystemClock
from edge.sinks.mqtt.link import Link
from edge.sinks.mqtt.settings import MqttSettings
from edge.steer.actuators.base import LinkLost
from edge.steer.radio import Radio
from tests.support.broker import Broker, Subscriber, eventually, retained, running
from tests.support.driving import Drive, driving
from tests.support.film import film

OWN = ("--pilot", "tests.support.pilots:steer")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("clip") / "road.mp4", pictures=900, fps=30, w=64)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    folder = tmp_path / "broker"
    folder.mkdir()
    with running(Broker(folder)) as broker:
        yield broker


@pytest.fixture
def drive(tmp_path: Path, clip: Path, broker: Broker) -> Iterator[Drive]:
    settings = f'actuator = "mqtt"\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    with driving(tmp_path, f'[steer]\nsource = "file:{clip}"\nloop = true\n{settings}', *OWN) as drive:
        yield drive


def state(heard: Subscriber) -> str:
    states = [payload for topic, payload, _ in tuple(heard.messages) if topic == "edge/steer/state"]
    return str(json.loads(states[-1])["state"]) if states else ""


def test_orders_states_and_commands(drive: Drive, broker: Broker) -> None:
    heard = Subscriber(broker, topic="edge/steer/#")
    drive.reaches("ARM", "armed")
    heard.publish("edge/steer/set", "ENGAGE")
    eventually(lambda: state(heard) == "engaged")
    eventually(lambda: drive.order("STATUS")["steering"] > 0.4)
    heard.publish("edge/steer/set", "DISARM")
    eventually(lambda: state(heard) == "disarmed")
    heard.publish("edge/steer/set", "ARM", retain=True)
    heard.publish("edge/steer/set", "nonsense")
    time.sleep(0.3)
    assert state(heard) == "disarmed"
    begun = time.time()
    drive.ended()
    commands = [json.loads(payload) for topic, payload, _ in heard.messages if topic == "edge/steer/command"]
    assert [one["seq"] for one in commands] == sorted({one["seq"] for one in commands})
    assert begun * 1000 - 60_000 < commands[0]["seq"] < begun * 1000, "above those of any run before"
    assert {one["expires_ms"] for one in commands} == {200}
    assert max(one["steering"] for one in commands) > 0.4
    assert (commands[-1]["steering"], commands[-1]["throttle"]) == (0.0, 0.0)
    kept = retained(broker, "edge/steer/#")
    assert "edge/steer/command" not in kept
    assert json.loads(kept["edge/steer/state"])["reason"] == "steering has ended"
    heard.close()


@pytest.mark.parametrize("fault", ["kill", "freeze", "stop"])
def test_a_broker_that_is_lost_disarms(drive: Drive, broker: Broker, fault: str) -> None:
    drive.engaged()
    moment = time.monotonic()
    getattr(broker, fault)()
    drive.neutral_after(moment, "disarmed")
    drive.needs_a_hand()
    assert "broker" in drive.order("STATUS")["reason"]
    assert drive.order("ARM")["state"] == "disarmed", "without a broker, there is no way to the car"
    if fault == "freeze":
        broker.thaw()
    else:
        broker.start()
    drive.engaged()


def test_the_last_will_says_disarmed(drive: Drive, broker: Broker) -> None:
    drive.engaged()
    loop = drive.loop
    drive.process.kill()
    drive.process.wait()
    eventually(lambda: json.loads(retained(broker, "edge/steer/state")["edge/steer/state"])["state"] == "disarmed")
    assert json.loads(retained(broker, "edge/steer/state")["edge/steer/state"])["reason"] == "steering is gone"
    eventually(lambda: not Path(f"/proc/{loop}").exists())


def radio_to(broker: Broker) -> Radio:
    settings = MqttSettings(host="127.0.0.1", port=broker.port, connect_timeout=2.0)
    return Radio(settings, "edge-steer-test", SystemClock(), 0.12)


def test_a_command_from_before_the_loss_of_the_broker_is_never_sent(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    real = Link.publish

    def publish(link: Link, topic: str, payload: bytes, qos: int, retain: bool) -> int:
        sent.append(topic)
        return real(link, topic, payload, qos, retain)

    monkeypatch.setattr(Link, "publish", publish)
    radio = radio_to(broker)
    radio.start()
    try:
        eventually(lambda: radio.up)
        broker.stop()
        eventually(lambda: not radio.up)
        radio.send("command", {"seq": 7}, qos=0, retain=False)
        broker.start()
        eventually(lambda: radio.up)
        radio.send("state", {"state": "armed"}, qos=1, retain=True)
        eventually(lambda: "edge/steer/state" in sent)
        assert sent == ["edge/steer/state"]
    finally:
        radio.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_radio_that_dies_of_a_bug_is_a_lost_broker(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    radio = radio_to(broker)
    radio.start()
    eventually(lambda: radio.up)
    monkeypatch.setattr("edge.steer.radio.Link.turn", lambda self, timeout: [][0])
    radio.send("state", {}, qos=0, retain=False)
    eventually(lambda: not radio.up)
    with pytest.raises(LinkLost, match="ended"):
        list(radio.heard())
    radio.close()
