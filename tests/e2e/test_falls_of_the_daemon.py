"""A fall before a camera of the whole daemon: over MQTT, in the mail, switched off, and after a restart."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import EdgeError
from edge.models.store import find
from tests.e2e.test_switches_of_a_camera import Home
from tests.support import discovery
from tests.support.broker import Broker, Subscriber, eventually, free_port, retained, running
from tests.support.daemon import Daemon
from tests.support.mailserver import PASSWORD, USERNAME, MailServer
from tests.support.shared_data import DATA

CLIP = DATA / "falls" / "s3_fall_16.mp4"
MODELS = ("ssdlite-pedestrian", "pose-detection", "pose-landmark-full")


def _absent() -> str | None:
    """Why this cannot be tried here."""
    if not CLIP.is_file():
        return f"{CLIP} is absent"
    for name in MODELS:
        try:
            find(name)
        except EdgeError as fault:
            return str(fault)
    return None


ABSENT = _absent()
pytestmark = pytest.mark.skipif(ABSENT is not None, reason=ABSENT or "")


@pytest.fixture
def mails(tmp_path: Path) -> Iterator[MailServer]:
    server = MailServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def home(tmp_path: Path, mails: MailServer) -> Iterator[Home]:
    with running(Broker(tmp_path)) as broker:
        viewer = Subscriber(broker)
        config = (
            f'[[camera]]\nname = "hall"\nsource = "file:{CLIP}"\nloop = true\n[pose]\nenabled = true\n'
            f'[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n[web]\nport = {free_port()}\n'
            f'[email]\nhost = "127.0.0.1"\nport = {mails.port}\nusername = "{USERNAME}"\npassword = "{PASSWORD}"\n'
            f'ca = "{mails.ca}"\nfrom = "edge@example.org"\nto = "ann@example.org"\n'
        )
        daemon = Daemon(tmp_path, config)
        try:
            daemon.start(60)
            yield Home(broker, daemon, viewer)
            assert "Traceback" not in daemon.log()
        finally:
            daemon.kill()
            viewer.close()


def test_a_fall_is_told_and_mailed_while_disarmed_and_the_switch_outlasts_a_kill(home: Home, mails: MailServer) -> None:
    eventually(lambda: "fallen" in [p.decode() for t, p, _ in home.viewer.messages if t == "edge/hall/posture"], 60)
    fall = eventually(lambda: [e for e in home.events("hall") if (e["after"]["activity"] or {}).get("confirmed")])[0]
    assert fall["after"]["activity"]["kind"] == "fall"
    assert fall["armed"] == "disarmed"
    assert len(fall["after"]["pose"]["keypoints"]) == 17
    mail = eventually(lambda: list(mails.mails), 20)[0]
    assert str(mail["Subject"]).startswith("Fall: hall camera, ")
    now = retained(home.broker, "#")
    told = {topic: payload for topic, payload in now.items() if topic.startswith("homeassistant/")}
    assert [fault for topic, payload in told.items() for fault in discovery.faults(topic, payload)] == []
    assert any(b'"fall"' in payload and b"hall/posture" in payload for payload in told.values())
    engines = home.daemon.status()["engines"]
    assert [engine["model"] for engine in engines][-1] == "pose-landmark-full"
    assert home.daemon.camera("hall")["pose"]["state"] == "up"

    home.say("hall/pose/set", "OFF")
    home.becomes("hall/pose/state", "OFF")
    home.becomes("hall/posture", "none")
    assert home.daemon.camera("hall")["pose"]["state"] == "off"
    home.next_event(lambda event: event["type"] == "new" and event["after"]["pose"] is None)
    home.daemon.signal(signal.SIGKILL)
    home.daemon.kill()
    home.daemon.start(60)
    eventually(lambda: retained(home.broker).get("edge/available") == b"online", 15)
    kept = retained(home.broker)
    assert (kept["edge/hall/pose/state"], kept["edge/hall/posture"]) == (b"OFF", b"none")
    assert home.daemon.edge("switch", "hall", "pose", "on") == "hall: pose on\n"
    home.becomes("hall/pose/state", "ON")
    seen = len(home.viewer.messages)
    eventually(
        lambda: any(t == "edge/hall/posture" and p != b"none" for t, p, _ in list(home.viewer.messages)[seen:]), 30
    )
