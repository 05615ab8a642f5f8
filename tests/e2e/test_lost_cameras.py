"""A camera whose cable is cut while the alarm is on, in the whole daemon."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.broker import eventually, free_port
from tests.support.daemon import Daemon
from tests.support.mailserver import PASSWORD, USERNAME, MailServer
from tests.support.rtsp import RtspCamera

CONFIG = """
[[camera]]
name = "porch"
source = "{}"
labels = ["motion"]
filter.motion.min_area = 0.9
[alarm]
labels = ["tamper"]
[web]
port = {}
[email]
host = "127.0.0.1"
port = {}
username = "{}"
password = "${{MAIL_PASSWORD}}"
from = "edge@example.org"
to = ["me@example.org"]
gather_s = 0
"""


def lost(daemon: Daemon) -> list[str]:
    return [row["type"] for row in json.loads(daemon.edge("events", "--json")) if row["after"]["sub_label"] == "lost"]


def test_a_cut_cable_is_an_event_with_its_last_picture_a_mail_and_an_intrusion(tmp_path: Path) -> None:
    camera = RtspCamera()
    camera.start()
    server = MailServer(tmp_path)
    server.start()
    config = CONFIG.format(camera.url, free_port(), server.port, USERNAME)
    daemon = Daemon(tmp_path, config, {"MAIL_PASSWORD": PASSWORD, "SSL_CERT_FILE": str(server.ca)})
    try:
        daemon.start()
        eventually(lambda: daemon.watches("porch"), 20)
        daemon.edge("arm")
        armed = daemon.status()["uptime_s"]
        eventually(lambda: daemon.status()["uptime_s"] > armed + 2.5)  # what goes sooner is said of the arming
        camera.kill()
        eventually(lambda: lost(daemon) == ["new"], 30)
        assert daemon.camera("porch")["tamper"] == "lost"
        (row,) = [row for row in json.loads(daemon.edge("events", "--json")) if row["after"]["label"] == "tamper"]
        assert row["snapshot"], "what it saw last"
        eventually(lambda: daemon.status()["alarm"] == "triggered", 10)
        mails = eventually(lambda: server.mails if len(server.mails) >= 2 else None, 20)
        said = [str(mail["Subject"]) for mail in mails]
        assert any("porch lost" in each for each in said), said
        assert any("tamper" in each.lower() for each in said), said
        assert "porch lost" in daemon.edge("alarm", "log")
        camera.start()
        eventually(lambda: lost(daemon) == ["new", "end"], 90)  # a try may take eight seconds, and ten lie between two
        eventually(lambda: "porch back" in daemon.edge("alarm", "log"))
        assert daemon.camera("porch")["tamper"] == "none"
        assert daemon.stop() < 2
    finally:
        daemon.kill()
        server.stop()
        camera.kill()
