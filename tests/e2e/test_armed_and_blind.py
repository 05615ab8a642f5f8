"""Cameras that cannot see when the alarm is armed, and one that was turned while the power was off."""

from __future__ import annotations

import json
import subprocess
from contextlib import closing
from pathlib import Path

import numpy as np

from edge.types import U8
from tests.support.broker import Broker, Subscriber, eventually, free_port, retained, running
from tests.support.daemon import EDGE, Daemon
from tests.tamper.test_told import film
from tests.tamper.views import H, W, scene, shifted

STREET = scene()
GREY = np.full((H, W), 100, np.uint8)


def camera(name: str, source: str) -> str:
    return f'[[camera]]\nname = "{name}"\nsource = "{source}"\nlabels = ["motion"]\n'


def sees(path: Path, *pictures: tuple[U8, int]) -> str:
    """A camera that sees these pictures for so many seconds each."""
    film(path, *pictures)
    return camera("hall", f"file:{path}")


def page() -> str:
    return f"[web]\nport = {free_port()}\n"


def test_arming_says_which_cameras_cannot_see_and_arms(tmp_path: Path) -> None:
    with running(Broker(tmp_path)) as broker:
        hall = sees(tmp_path / "hall.mp4", (STREET, 4), (GREY, 90))
        yard = camera("yard", f"rtsp://127.0.0.1:{free_port()}/x")
        mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
        daemon = Daemon(tmp_path, hall + yard + mqtt + page())
        heard = Subscriber(broker)
        with closing(heard):
            try:
                daemon.start()
                both = [{"camera": "hall", "why": "covered"}, {"camera": "yard", "why": "offline"}]
                eventually(lambda: daemon.status()["alarm_detail"]["blind"] == both, 40)
                words = "hall is covered, yard is offline"
                eventually(lambda: retained(broker)["edge/alarm/blind"] == words.encode())
                command = [EDGE, "arm", "--config", daemon.config]
                done = subprocess.run(command, capture_output=True, text=True, timeout=30)
                assert (done.returncode, done.stdout, done.stderr) == (0, "armed_away\n", f"but {words}\n")
                eventually(lambda: any(event["after"]["label"] == "alarm" for event in heard.events))
                told = [event for event in heard.events if event["after"]["label"] == "alarm"]
                assert told[0]["after"]["sub_label"] == f"armed, but {words}"
                assert told[0]["armed"] == "armed_away"
                log = json.loads(daemon.edge("alarm", "log", "--json"))
                assert ("blind", "alarm", words) in [(line["what"], line["from"], line["result"]) for line in log]
                assert f"cannot see: {words}" in daemon.edge("alarm", "status")
            finally:
                daemon.kill()


def test_a_camera_that_was_turned_while_the_power_was_off_is_told_of(tmp_path: Path) -> None:
    config = sees(tmp_path / "hall.mp4", (STREET, 60))
    daemon = Daemon(tmp_path, config + page())
    try:
        daemon.start()
        eventually(lambda: daemon.camera("hall")["view"]["recognised"], 20)
        daemon.kill()
        sees(tmp_path / "hall.mp4", (shifted(STREET, 0.08), 60))
        daemon.start()
        eventually(lambda: daemon.camera("hall")["tamper"] == "moved", 30)
        daemon.stop()
        sees(tmp_path / "hall.mp4", (STREET, 60))
        daemon.start()
        eventually(lambda: daemon.camera("hall")["view"]["recognised"], 30)
        assert daemon.camera("hall")["tamper"] == "none"
        assert daemon.status()["alarm_detail"]["blind"] == []
    finally:
        daemon.kill()
