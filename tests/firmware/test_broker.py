"""The broker of a board, as a real mosquitto reads its files: for this board alone, and bridged to a central one."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
import trustme
from paho.mqtt.enums import CallbackAPIVersion

from edge.firmware.board import COMMON
from tests.support.broker import Broker, Subscriber, eventually, free_port, running

OWN = COMMON / "base/etc/mosquitto/conf.d/edge.conf"
BRIDGE = COMMON / "base/usr/share/edge/bridge.conf"


class BoardBroker(Broker):
    """mosquitto as Debian sets it up, with our files in its conf.d; only port, address and user are the test's."""

    def __init__(self, folder: Path, *files: str) -> None:
        super().__init__(folder)
        (folder / "conf.d").mkdir()
        for number, text in enumerate(files):
            (folder / "conf.d" / f"{number}.conf").write_text(text.replace("listener 1883 ", f"listener {self.port} "))
        debian = ["persistence true", f"persistence_location {folder}/", "log_dest stderr", "user root"]
        (folder / "mosquitto.conf").write_text("\n".join([*debian, f"include_dir {folder}/conf.d", ""]))

    @property
    def log(self) -> str:
        return (self.folder / "mosquitto.log").read_text()


@contextlib.contextmanager
def publisher(broker: Broker) -> Iterator[paho.Client]:
    client = paho.Client(CallbackAPIVersion.VERSION2, "edge", protocol=paho.MQTTv5)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", broker.port, 10)
    client.loop_start()
    yield client
    client.disconnect()
    client.loop_stop()


def publish(client: paho.Client, numbers: range) -> None:
    sent = [client.publish("edge/events", f'{{"seq": {number}}}', 1) for number in numbers]
    for message in sent:
        message.wait_for_publish(10)


def test_mosquitto_takes_the_file_and_listens_to_this_board_alone(tmp_path: Path) -> None:
    with running(BoardBroker(tmp_path, OWN.read_text())) as broker, publisher(broker) as client:
        subscriber = Subscriber(broker)
        publish(client, range(3))
        eventually(lambda: len(subscriber.events) == 3)
        subscriber.close()
        listening = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True) if shutil.which("ss") else None
        assert not [
            line for line in broker.log.splitlines() if re.search("Error|Warning", line) and " root" not in line
        ]
    if listening is not None:
        assert f"127.0.0.1:{broker.port}" in listening.stdout
        assert f"0.0.0.0:{broker.port}" not in listening.stdout


def test_mosquitto_would_refuse_a_setting_that_it_does_not_know(tmp_path: Path) -> None:
    broker = BoardBroker(tmp_path, OWN.read_text() + "max_queued_mesages 1\n")
    config = broker.folder / "mosquitto.conf"
    done = subprocess.run([broker._program, "-c", config], capture_output=True, text=True, timeout=10)
    assert done.returncode != 0
    assert "max_queued_mesages" in done.stderr


@pytest.mark.slow
def test_a_bridge_brings_every_event_to_the_central_broker_though_that_was_away(tmp_path: Path) -> None:
    authority, port = trustme.CA(), free_port()
    certificate = authority.issue_cert("localhost")
    for name, blob in (("cert", certificate.cert_chain_pems[0]), ("key", certificate.private_key_pem)):
        blob.write_to_path(tmp_path / f"{name}.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    (tmp_path / "central").mkdir()
    (tmp_path / "board").mkdir()
    tls = [f"listener {port} 127.0.0.1", f"certfile {tmp_path}/cert.pem", f"keyfile {tmp_path}/key.pem"]
    central = Broker(tmp_path / "central", tls)
    bridge = BRIDGE.read_text().replace("central.example:8883", f"localhost:{port}")
    bridge = bridge.replace("/etc/ssl/certs/ca-certificates.crt", f"{tmp_path}/ca.pem")
    with running(central), running(BoardBroker(tmp_path / "board", OWN.read_text(), bridge)) as board:
        there = Subscriber(central)
        with publisher(board) as client:
            publish(client, range(200))
            eventually(lambda: len(there.events) >= 200)
            there.close()
            central.stop()
            publish(client, range(200, 1800))
            central.start()
            there = Subscriber(central)
            publish(client, range(1800, 2000))
            eventually(lambda: {event["seq"] for event in there.events} >= set(range(200, 2000)), 40)
        here = Subscriber(board)
        there.publish("edge/alarm/set", "ARM_AWAY")
        there.publish("edge/porch/detect/set", "OFF")
        eventually(lambda: {topic for topic, _, _ in here.messages} >= {"edge/alarm/set", "edge/porch/detect/set"})
        here.close()
        there.close()


def test_a_bridge_that_nobody_filled_in_is_not_where_mosquitto_looks() -> None:
    assert not [path for path in COMMON.rglob("conf.d/*.conf") if "address" in path.read_text()]
