"""The alarm of a real daemon: seen by a camera, told over MQTT and to a siren, ended by a code, kept over a restart."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

from tests.support.broker import Broker, Subscriber, eventually, free_port, retained, running
from tests.support.daemon import Daemon


def config(broker: Broker) -> str:
    return f"""
        [[camera]]
        name = "door"
        source = "synthetic:"
        labels = ["motion"]
        [alarm]
        labels = ["motion"]
        trigger_s = 3600
        [[alarm.code]]
        name = "Anna"
        code = "4711"
        [[alarm.siren]]
        topic = "zigbee/siren/set"
        [web]
        port = {free_port()}
        [mqtt]
        host = "127.0.0.1"
        port = {broker.port}
    """


def test_from_an_intrusion_to_the_siren_and_back(tmp_path: Path) -> None:
    with running(Broker(tmp_path)) as broker:
        daemon = Daemon(tmp_path, config(broker))
        heard = Subscriber(broker, topic="#")

        def siren() -> list[bytes]:
            return [payload for topic, payload, _ in tuple(heard.messages) if topic == "zigbee/siren/set"]

        with closing(heard):
            try:
                daemon.start()
                eventually(lambda: siren() == [b"OFF"])
                daemon.edge("arm")
                eventually(lambda: daemon.status()["alarm"] == "triggered", 20)
                eventually(lambda: siren()[-1] == b"ON")
                eventually(lambda: retained(broker)["edge/alarm/state"] == b"triggered")
                eventually(lambda: any(event["after"]["label"] == "alarm" for event in heard.events))

                daemon.kill()
                daemon.start()
                assert daemon.status()["alarm"] == "triggered"
                assert daemon.status()["alarm_detail"]["mode"] == "away"
                heard.publish("edge/alarm/set", "DISARM")
                heard.publish("edge/alarm/set", '{"action": "DISARM", "code": "0000"}')
                daemon.edge("disarm", "--code", "4711")
                eventually(lambda: siren()[-1] == b"OFF")
                log = json.loads(daemon.edge("alarm", "log", "--json"))
                told = [(line["what"], line["by"], line["result"]) for line in log]
                assert ("disarm", "Anna", "done") in told
                eventually(
                    lambda: (
                        ("disarm", None, "refused: wrong code")
                        in [
                            (i["what"], i["by"], i["result"]) for i in json.loads(daemon.edge("alarm", "log", "--json"))
                        ]
                    )
                )
                heard.publish("edge/alarm/set", "PANIC")
                eventually(lambda: daemon.status()["alarm"] == "triggered")
                daemon.stop()
                assert siren()[-1] == b"OFF", "a clean stop silences"
                assert "4711" not in daemon.log()
            finally:
                daemon.kill()
