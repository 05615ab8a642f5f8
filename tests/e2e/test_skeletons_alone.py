"""`privacy.blur = "skeleton"`, whole: what leaves the daemon or is kept by it has nothing of what a camera sees."""

from __future__ import annotations

import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from edge.evidence import skeleton
from edge.types import U8
from tests.e2e.test_clips_of_the_daemon import address, log_in
from tests.support.broker import Broker, Subscriber, eventually, free_port, running
from tests.support.daemon import Daemon
from tests.support.figures import STANDING
from tests.support.leaks import marked, marked_film, pictures_in, plain
from tests.support.mailserver import PASSWORD, USERNAME, MailServer
from tests.support.nets import GRID_MANIFEST, grid_detector, poser

CONFIG = """
[[camera]]
name = "hall"
source = "file:{clip}"
loop = true
labels = ["person", "motion"]
min_score = 0.1
[[camera.zone]]
name = "bed"
points = [[0.5, 0.5], [0.9, 0.5], [0.9, 0.9], [0.5, 0.9]]
[model]
name = "{folder}/grid.onnx"
engine = "onnxruntime"
[pose]
enabled = true
model = "{folder}/poser.onnx"
engine = "onnxruntime"
[alarm]
armed_at_first_start = true
[web]
port = {web}
metrics = true
[jsonl]
path = "{folder}/events.jsonl"
[mqtt]
host = "127.0.0.1"
port = {mqtt}
[email]
host = "127.0.0.1"
port = {mail}
username = "{user}"
password = "{password}"
from = "edge@example.org"
to = "owner@example.org"
[clips]
before_s = 0
after_s = 0
longest_s = 10
[privacy]
blur = "{blur}"
"""


@dataclass
class Seen:
    """What was found, by the way it took.

    pictures: how many; marked, drawn: most pixels of one that have the marker's hue, and a skeleton's
    bare: the ways of those that are not plain; records: of joints that the page gave
    """

    pictures: dict[str, int] = field(default_factory=dict)
    marked: dict[str, int] = field(default_factory=dict)
    bare: list[str] = field(default_factory=list)
    drawn: dict[str, int] = field(default_factory=dict)
    records: int = 0

    def look(self, way: str, data: bytes) -> None:
        for image in pictures_in(data):
            self.pictures[way] = self.pictures.get(way, 0) + 1
            self.marked[way] = max(self.marked.get(way, 0), marked(image))
            self.drawn[way] = max(self.drawn.get(way, 0), amber(image))
            if not plain(image):
                self.bare.append(way)


@pytest.fixture
def mail(tmp_path: Path) -> Iterator[MailServer]:
    server = MailServer(tmp_path)
    server.start()
    yield server
    server.stop()


def amber(image: U8) -> int:
    """How many pixels have the colour of a skeleton's left side."""
    return int((np.abs(image.astype(int) - skeleton.LEFT).max(axis=2) < 40).sum())


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by the folder that it is in, or its name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def ask(daemon: Daemon, seen: Seen) -> None:
    """Everything that the page answers."""
    with httpx.Client(base_url=address(daemon), timeout=10) as client:
        log_in(client, daemon)
        rows: list[dict[str, Any]] = client.get("/api/objects?limit=200").json()
        assert rows
        for row in rows:
            name = row["after"]["id"]
            event = f"/api/events/{name}"
            for path in (event, f"{event}.jpg", f"{event}-1.jpg", f"{event}-2.jpg", f"{event}/thumb.jpg"):
                seen.look("page: events", client.get(path).content)
            for path in (f"{event}/pose.csv", f"{event}/pose.json", f"/api/clips/{name}.mp4"):
                answer = client.get(path)
                seen.look("page: clips and joints", answer.content)
                seen.records += path.endswith("csv") and answer.status_code == 200
        for path in ("/", "/areas?camera=hall", "/settings", "/api/status", "/api/events?limit=200", "/metrics"):
            seen.look("page: the rest", client.get(path).content)
        for path in ("/api/config", "/api/config/areas/hall", "/api/alarm/log"):
            seen.look("page: the rest", client.get(path).content)
        for path in ("/live?cam=hall", "/live/hall.mjpeg", "/feed"):
            seen.look("page: the rest", client.get("/live/hall.jpg").content)  # of a film that is empty at times
            with client.stream("GET", path) as stream:
                parts, size = [], 0
                for part in stream.iter_raw():
                    parts.append(part)
                    size += len(part)
                    if size > (200_000 if path.startswith("/live") else 1000):
                        break
            seen.look("page: streams", b"".join(parts))


def lived(tmp_path: Path, mail: MailServer, blur: str) -> Seen:
    """Run everything until there is something on every way; what could be found on each."""
    pytest.importorskip("onnxruntime")
    grid_detector(tmp_path / "grid.onnx")
    (tmp_path / "grid.toml").write_text(GRID_MANIFEST)
    poser(tmp_path / "poser.onnx", STANDING)
    clip = marked_film(tmp_path / "walk.mp4")
    seen = Seen()
    with running(Broker(tmp_path)) as broker:
        viewer = Subscriber(broker, topic="#")
        ports = {"web": free_port(), "mqtt": broker.port, "mail": mail.port}
        login = {"user": USERNAME, "password": PASSWORD}
        config = CONFIG.format(clip=clip, folder=tmp_path, blur=blur, **ports, **login)
        daemon = Daemon(tmp_path, config, {"SSL_CERT_FILE": str(mail.ca)}).start()
        try:
            eventually(lambda: {"person", "motion"} <= labels(viewer), 30)
            eventually(lambda: any(topic.endswith("person/snapshot") for topic, _, _ in tuple(viewer.messages)), 10)
            eventually(lambda: mail.mails, 20)
            eventually(lambda: list(daemon.data.glob("poses/*")), 20)
            eventually(lambda: daemon.camera("hall")["view"]["since"], 30)  # else there is none to be kept
            if blur == "none":
                eventually(lambda: list(daemon.data.glob("clips/*.mp4")), 30)
            ask(daemon, seen)
            daemon.edge("doctor", "--bundle", str(tmp_path / "bundle.tar.gz"))
        finally:
            daemon.stop()
            viewer.close()
        for topic, payload, _ in viewer.messages:
            seen.look("broker", topic.encode() + b" " + payload)
    for letter in mail.mails:
        for part in letter.walk():
            if not part.is_multipart():
                seen.look("mail", part.get_payload(decode=True) or b"")
        seen.look("mail", letter.as_bytes())
    for name, data in files(daemon.data).items():
        seen.look("data: files", data)
        if name.endswith(".db"):
            with closing(sqlite3.connect(daemon.data / name)) as database:
                seen.look("data: database", "\n".join(database.iterdump()).encode())
    seen.look("jsonl", (tmp_path / "events.jsonl").read_bytes())
    seen.look("log", (tmp_path / "log").read_bytes())
    with tarfile.open(tmp_path / "bundle.tar.gz") as bundle:
        for entry in bundle:
            content = bundle.extractfile(entry)
            seen.look("bundle", content.read() if content else b"")
    assert "Traceback" not in daemon.log()
    return seen


def labels(viewer: Subscriber) -> set[str]:
    return {event["after"]["label"] for event in viewer.events if event["after"]["has_snapshot"]}


WAYS = ("page: events", "page: the rest", "page: streams", "broker", "mail", "data: files")


def test_nothing_that_a_camera_sees_leaves_or_is_kept(tmp_path: Path, mail: MailServer) -> None:
    seen = lived(tmp_path, mail, "skeleton")
    assert {way for way in WAYS if not seen.pictures.get(way)} == set(), "there are pictures on every way"
    assert {way: most for way, most in seen.marked.items() if most} == {}
    assert seen.bare == []
    assert {way for way in WAYS if seen.drawn.get(way, 0) < 50} == set(), "there are skeletons on every way"
    assert seen.records > 0, "what is kept of an event is its joints"
    assert "data: database" not in seen.pictures
    assert "page: clips and joints" not in seen.pictures


def test_without_it_the_same_look_finds_the_person_on_every_way(tmp_path: Path, mail: MailServer) -> None:
    seen = lived(tmp_path, mail, "none")
    assert {way for way in (*WAYS, "page: clips and joints") if seen.marked.get(way, 0) < 500} == set()
    assert "data: database" in seen.pictures, "the camera's view"
    assert {"jsonl", "log", "bundle"}.isdisjoint(seen.pictures)
