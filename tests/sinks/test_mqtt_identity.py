"""The client id: not to be guessed, and the same at each start."""

from __future__ import annotations

import re

import pytest

from edge.errors import StorageError
from edge.outbox import Outbox
from edge.sinks.mqtt.identity import KEY, client_id
from tests.sinks.conftest import mqtt_sink, working
from tests.support.broker import Broker, eventually


def test_it_is_kept_and_another_device_has_another() -> None:
    one, two = Memory(), Memory()
    first = client_id(one, "haus 1/ü")
    assert re.fullmatch(r"edge-haus_1__-[0-9a-f]{12}", first)
    assert client_id(one, "haus 1/ü") == first
    assert client_id(two, "haus 1/ü") != first
    one.kept[KEY] = "nonsense/#"
    assert "nonsense" not in client_id(one, "pi")


def test_a_disk_that_cannot_be_read_does_not_keep_us_off_the_broker(caplog: pytest.LogCaptureFixture) -> None:
    assert re.fullmatch("edge-pi-[0-9a-f]{12}", client_id(Broken(), "pi"))
    assert "for this run alone: the disk is gone" in caplog.text


def test_the_broker_sees_the_same_id_after_a_restart_and_no_name_alone(broker: Broker, outbox: Outbox) -> None:
    for round_ in (1, 2):
        sink = mqtt_sink(broker, outbox)
        with working(sink):
            eventually(lambda sink=sink: sink.status.state.phase == "up")
        assert outbox.flush(2)
        log = broker.folder.joinpath("mosquitto.log").read_text()
        ids = re.findall(r"as (edge-\S+) \(", log)
        assert len(ids) == round_
        assert set(ids) == {f"edge-bar-{outbox.recall(KEY)}"}


class Memory:
    """What the outbox keeps, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def note(self, key: str, value: str) -> None:
        self.kept[key] = value

    def recall(self, key: str) -> str | None:
        return self.kept.get(key)


class Broken(Memory):
    def recall(self, key: str) -> str | None:
        raise StorageError("the disk is gone")
