"""What the whole daemon does not tell, and does not show."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.broker import Broker, Subscriber, eventually, free_port, retained
from tests.support.daemon import Daemon
from tests.support.film import film

CAMERA = '[[camera]]\nname = "hall"\nsource = "file:{}"\nloop = true\nlabels = ["motion"]\n'


def config(clip: Path, more: str) -> str:
    return f"{CAMERA.format(clip)}[web]\nport = {free_port()}\n{more}"


def test_disarmed_states_go_on_and_nothing_is_told_or_recorded(tmp_path: Path) -> None:
    clip = film(tmp_path / "walk.mp4", pictures=60, w=320, walk=40)
    broker = Broker(tmp_path)
    broker.start()
    viewer = Subscriber(broker)
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    daemon = Daemon(tmp_path, config(clip, mqtt + "[privacy]\nwhen_disarmed = true\n")).start()
    try:
        for state in (b"ON", b"OFF"):
            eventually(lambda state=state: retained(broker).get("edge/hall/motion") == state, 20)
        assert viewer.events == []
        assert json.loads(daemon.edge("events", "--json")) == []
        assert not [topic for topic in retained(broker) if topic.endswith("snapshot")]
        assert daemon.status()["storage"]["recording"] == 0

        daemon.edge("arm")
        told = eventually(lambda: viewer.events, 20)
        assert [told[0]["type"], told[0]["before"], told[0]["armed"]] == ["new", None, "armed_away"]
        eventually(lambda: daemon.status()["storage"]["recording"] == 1, 10)
        daemon.edge("disarm")
        eventually(lambda: daemon.status()["storage"]["recording"] == 0, 10)
        eventually(lambda: daemon.camera("hall")["clips"]["seconds"] < 1.0, 10)
        assert daemon.stop() < 2
    finally:
        daemon.kill()
        viewer.close()
        broker.stop()


def test_pictures_stay_on_the_device_where_they_must(tmp_path: Path) -> None:
    clip = film(tmp_path / "walk.mp4", pictures=60, w=320, walk=40)
    broker = Broker(tmp_path)
    broker.start()
    viewer = Subscriber(broker)
    mqtt = f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n'
    privacy = '[privacy]\npictures_leave = false\nblur = "people"\n'
    daemon = Daemon(tmp_path, config(clip, mqtt + privacy)).start()
    try:
        told = eventually(lambda: [event for event in viewer.events if event["type"] == "end"], 30)
        assert told[0]["after"]["has_snapshot"]
        assert not told[0]["after"]["has_clip"], "a clip cannot be blurred"
        assert daemon.camera("hall")["clips"] is None
        assert not [topic for topic in retained(broker) if topic.endswith("snapshot")]
        rows = json.loads(daemon.edge("events", "--json"))
        assert any(row["snapshot"] and Path(row["snapshot"]).is_file() for row in rows)
    finally:
        daemon.kill()
        viewer.close()
        broker.stop()
