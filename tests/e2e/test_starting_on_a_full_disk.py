"""The power went while others had filled the disk: the house that was armed is watched all the same."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

from tests.support.broker import Broker, Subscriber, eventually, free_port, running
from tests.support.daemon import Daemon
from tests.support.disk import filled, small_disk


def config(broker: Broker, data: Path) -> str:
    return f"""
        [node]
        name = "bench"
        data = "{data}"
        [[camera]]
        name = "door"
        source = "synthetic:"
        labels = ["motion"]
        [alarm]
        labels = ["motion"]
        exit_delay_s = 5
        [[alarm.siren]]
        topic = "zigbee/siren/set"
        [web]
        port = {free_port()}
        [mqtt]
        host = "127.0.0.1"
        port = {broker.port}
    """


def test_an_armed_house_is_watched_from_a_disk_that_is_full_and_all_is_stored_once_there_is_room(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", 4) as disk, running(Broker(tmp_path)) as broker:
        daemon = Daemon(tmp_path, config(broker, disk))
        heard = Subscriber(broker, topic="zigbee/siren/set")
        with closing(heard):
            try:
                daemon.start()
                daemon.edge("arm")
                daemon.kill()
                ballast = filled(disk)

                daemon.start()
                assert daemon.status()["alarm"] != "disarmed"
                assert daemon.status()["outbox"]["fault"] == f"data folder {disk} is full; make room on its disk"
                eventually(lambda: daemon.status()["alarm"] == "triggered", 20)
                eventually(lambda: heard.messages[-1][1] == b"ON")

                ballast.unlink()
                eventually(lambda: daemon.status()["outbox"]["fault"] is None, 20)
                eventually(lambda: daemon.status()["alarm_detail"]["fault"] is None, 20)
                told = [event["after"]["label"] for event in json.loads(daemon.edge("events", "--json"))]
                assert "alarm" in told
                daemon.kill()
                daemon.start()
                assert daemon.status()["alarm"] == "triggered"
                daemon.stop()
            finally:
                daemon.kill()
