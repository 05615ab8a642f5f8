"""The world around one daemon: a broker, a mail server, an RTSP camera and a disk, all real, all breakable."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from tests.support.broker import Broker, Subscriber, eventually, free_port
from tests.support.daemon import Daemon
from tests.support.mailserver import PASSWORD, USERNAME, MailServer
from tests.support.rtsp import RtspCamera

FPS = 10
DISK_MB = 256
BALLAST = "ballast"
RESTART_S = 0.5


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that breaks for a while. kind: what breaks; `breaks` and `mends` are done by the one who plays fate."""

    name: str
    kind: str
    breaks: Callable[[], None]
    mends: Callable[[], None]


class World:
    """Starts all of it in a folder. `disk` is False where no file system of a fixed size can be mounted here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Broker(folder)
        self.mail = MailServer(folder)
        self.camera = RtspCamera()
        self.disk = _mount(folder / "disk")
        self.broker.start()
        self.mail.start()
        self.camera.start()
        self.heard = Subscriber(self.broker)
        os.environ["MAIL_PASSWORD"] = PASSWORD
        self.daemon = Daemon(folder, self._config())
        self.lives = self.refusals = 0
        self._ending = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def keep_running(self) -> None:
        """Start the daemon, and again whenever it ends, as systemd does; returns once it first runs."""
        self._keeper.start()
        eventually(lambda: self.lives, 60)

    def _keep(self) -> None:
        while not self._ending.is_set():
            try:
                self.daemon.start(60)
            except AssertionError:  # no room on its disk, say: the next try may find some
                self.refusals += 1
                self._ending.wait(RESTART_S)
                continue
            self.lives += 1
            self.daemon.wait()

    def close(self) -> None:
        """End all of it."""
        self._ending.set()
        self.daemon.signal(signal.SIGTERM)
        self._keeper.join(10)
        self.daemon.kill()
        self.heard.close()
        self.camera.kill()
        self.mail.stop()
        self.broker.stop()
        if self.disk:
            subprocess.run(["umount", self.folder / "disk"], check=False)

    @property
    def data(self) -> Path:
        """The daemon's data folder."""
        return self.folder / "disk" / "data"

    def newest_event(self) -> int:
        """The id of the event that was stored last."""
        with contextlib.closing(sqlite3.connect(self.data / "edge.db")) as db:
            return int(db.execute("SELECT max(id) FROM events").fetchone()[0])

    def waiting(self, newest: int) -> dict[str, int]:
        """How many events up to that one wait, by sink."""
        query = "SELECT sink, count(*) FROM deliveries WHERE state = 'pending' AND event_id <= ? GROUP BY 1"
        with contextlib.closing(sqlite3.connect(self.data / "edge.db")) as db:
            return dict(db.execute(query, (newest,)).fetchall())

    def faults(self) -> list[Fault]:
        """What can break here."""
        found = [
            Fault("the broker is killed", "broker", self.broker.kill, self.broker.start),
            Fault("the broker hangs", "broker", self.broker.freeze, self.broker.thaw),
            Fault("the broker restarts", "broker", self.broker.stop, self.broker.start),
            Fault("the mail server is away", "mail", self.mail.stop, self.mail.start),
            Fault("the mail server is busy", "mail", self._busy, self.mail.answers.clear),
            Fault("the camera is away", "camera", self.camera.kill, self.camera.start),
            Fault("the camera hangs", "camera", self.camera.freeze, self.camera.thaw),
            Fault("the camera sends no picture", "camera", self.camera.stall, self._restart_camera),
        ]
        if self.disk:
            found.append(Fault("the disk is full", "disk", self._fill, self._empty))
        return found

    def _busy(self) -> None:
        self.mail.answers += ["451 4.7.1 try again later"] * 3

    def _restart_camera(self) -> None:
        self.camera.kill()
        self.camera.start()

    def _fill(self) -> None:
        """To the last block, as a log that somebody forgot would."""
        with (self.folder / "disk" / BALLAST).open("wb", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue

    def _empty(self) -> None:
        (self.folder / "disk" / BALLAST).unlink(missing_ok=True)

    def _config(self) -> str:
        lines = [f'[node]\nname = "bench"\ndata = "{self.data}"']
        for name, still in (("hall", 2.0), ("yard", 3.0), ("shed", 5.0)):
            clip = _clip(self.folder / f"{name}.mp4", still)
            lines.append(f'[[camera]]\nname = "{name}"\nsource = "file:{clip}"\nloop = true\nlabels = ["motion"]')
        lines += [
            f'[[camera]]\nname = "ball"\nsource = "{self.camera.url}"\nlabels = ["motion"]',
            "[alarm]\narmed_at_first_start = true",
            "[storage]\nquota = 0.1\nkeep_free = 0.02",
            f'[mqtt]\nhost = "127.0.0.1"\nport = {self.broker.port}',
            f'[email]\nhost = "127.0.0.1"\nport = {self.mail.port}\nfrom = "edge@example.org"\nto = "me@example.org"\n'
            f'username = "{USERNAME}"\npassword = "${{MAIL_PASSWORD}}"\nca = "{self.mail.ca}"\nthrottle_s = 5.0',
            f"[web]\nport = {free_port()}",
        ]
        return "\n\n".join(lines) + "\n"


def _mount(folder: Path) -> bool:
    """A small file system of its own, so that a full disk is really full."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", folder]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True, check=False).returncode == 0


def _clip(path: Path, still: float, moving: float = 2.0) -> Path:
    """H.264 at 320x240: a block walks for `moving` seconds, then nothing does for `still`."""
    rng = np.random.default_rng(1)
    wall = np.kron(rng.integers(70, 150, (12, 16)), np.ones((20, 20))).astype(np.uint8)
    with av.open(str(path), "w") as made:
        stream = made.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "g": str(FPS)})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for index in range(round((moving + still) * FPS)):
            luma = wall.copy()
            part = index / (moving * FPS)
            if part < 1:
                left = round(part * 280)
                luma[80:180, left : left + 40] = 230
            picture = np.concatenate([luma, np.full((120, 320), 128, np.uint8)])
            made.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        made.mux(stream.encode())
    return path
