"""The RTSP camera of the tests, to be killed, frozen and started again."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.broker import free_port

SERVER = Path(__file__).with_name("rtsp_server.py")
PYTHON = "/usr/bin/python3"


class RtspCamera:
    """A process that serves `rtsp://127.0.0.1:PORT/cam`, so many pictures a second with a key picture each second."""

    def __init__(self, *login: str, fps: int = 15) -> None:
        self.port = free_port()
        self._env = {**os.environ, "EDGE_TEST_FPS": str(fps)}
        self._login = login
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Its address, with the login if it wants one."""
        login = f"{':'.join(self._login)}@" if self._login else ""
        return f"rtsp://{login}127.0.0.1:{self.port}/cam"

    def start(self) -> None:
        """Start; returns once it listens. Skips the test where GStreamer's server is not installed."""
        self._process = subprocess.Popen(
            [PYTHON, str(SERVER), str(self.port), *self._login],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=self._env,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            self.kill()
            pytest.skip("no RTSP server here (apt-get install python3-gi gir1.2-gst-rtsp-server-1.0 and plug-ins)")

    def stall(self) -> None:
        """Send no more pictures, but sound as before."""
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR1)

    def toggle(self) -> None:
        """Take the ball out of the picture, or put it back: nothing moves, or something does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR2)

    def freeze(self) -> None:
        """Stop answering without closing anything."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End it the hard way; safe to call twice."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()
            self._process = None
