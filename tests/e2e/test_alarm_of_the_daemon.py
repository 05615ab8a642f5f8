"""The alarm of a real daemon: seen by a camera, told over MQTT and to a siren, ended by a code, kept over a restart."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

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
        exit_delay_s = 1  # without one, what moves as it is armed would have a minute to leave
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


SOUNDS_S = 14.0
"""Long enough for a reload on a busy machine in the midst of it."""


def by_reload(daemon: Daemon) -> None:
    daemon.config.write_text(daemon.config.read_text().replace("trigger_s = 3600", "trigger_s = 3000"))
    daemon.signal(signal.SIGHUP)


def by_kill(daemon: Daemon) -> None:
    daemon.kill()
    daemon.start()


@pytest.mark.parametrize("begin_anew", [by_reload, by_kill])
def test_a_siren_sounds_through_a_new_start_and_no_longer_than_it_may(
    begin_anew: Callable[[Daemon], None], tmp_path: Path
) -> None:
    with running(Broker(tmp_path)) as broker:
        more = f'topic = "zigbee/siren/set"\nmax_s = {SOUNDS_S}'
        daemon = Daemon(tmp_path, config(broker).replace('topic = "zigbee/siren/set"', more))
        listener = Subscriber(broker, topic="zigbee/#")

        def siren() -> list[bytes]:
            return [payload for _, payload, _ in tuple(listener.messages)]

        with closing(listener):
            try:
                daemon.start()
                eventually(lambda: siren() == [b"OFF"])
                daemon.edge("alarm", "panic")
                eventually(lambda: siren() == [b"OFF", b"ON"])
                begin_anew(daemon)
                eventually(lambda: len(siren()) > 2, 20)
                eventually(lambda: siren()[-1] == b"OFF", 30)
                assert siren()[1:] == [b"ON", b"ON", b"OFF"], "told again to whom may have missed it, and never off"
                assert SOUNDS_S - 0.5 <= listener.times[3] - listener.times[1] <= SOUNDS_S + 3
                assert daemon.status()["alarm"] == "triggered"
            finally:
                daemon.kill()
