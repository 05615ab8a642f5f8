"""A real `edge run` in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

EDGE = Path(sys.executable).with_name("edge")


class Daemon:
    """`edge run` with a configuration of its own.

    Args:
        folder: gets `edge.toml`, the data folder `data` and the log `log`
        config: TOML; `node.data` is added if it has no `[node]`
        env: more environment
    """

    def __init__(self, folder: Path, config: str, env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.config = folder / "edge.toml"
        self.data = folder / "data"
        if "[node]" not in config:
            config = f'{config}\n[node]\nname = "bench"\ndata = "{self.data}"\n'
        self.config.write_text(config)
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[str] | None = None
        self.said: list[str] = []

    def start(self, timeout: float = 20.0) -> Daemon:
        """Start and wait for `ready`; fails with the log if it ends instead."""
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(
                [EDGE, "run", "--config", self.config], stdout=subprocess.PIPE, stderr=log, text=True, env=self._env
            )
        assert self._process.stdout is not None
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            line = self._process.stdout.readline()
            if line == "ready\n":
                self.said.append(self._process.stdout.readline().strip())
                return self
            if not line:
                break
        self.kill()
        raise AssertionError(f"the daemon did not start:\n{self.log()}")

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    def status(self) -> dict[str, Any]:
        """`edge status --json`."""
        status: dict[str, Any] = json.loads(self.edge("status", "--json"))
        return status

    def camera(self, name: str) -> dict[str, Any]:
        """One camera of the status."""
        return next(camera for camera in self.status()["cameras"] if camera["name"] == name)

    def edge(self, *arguments: str) -> str:
        """What a command with this configuration prints; it must succeed."""
        done = self._command(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def watches(self, camera: str) -> bool:
        """Whether a camera is online; False also for the moment of a reload in which nobody answers."""
        return any(each["name"] == camera and each["status"] == "online" for each in self._told("cameras"))

    def serves(self, model: str) -> bool:
        """Whether the only engine runs this model; False as for `watches`."""
        return [(each["model"], each["state"]) for each in self._told("engines")] == [(model, "up")]

    def _told(self, part: str) -> list[dict[str, Any]]:
        """Of the status; empty where nobody answers."""
        done = self._command("status", "--json")
        told: list[dict[str, Any]] = json.loads(done.stdout)[part] if done.returncode == 0 else []
        return told

    def _command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [EDGE, *arguments, "--config", self.config]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, env=self._env)

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> float:
        """SIGTERM; returns the seconds that it took to end, and fails if it did not end with 0."""
        assert self._process is not None
        begun = time.monotonic()
        self.signal(signal.SIGTERM)
        code = self._process.wait(10)
        self._close()
        assert code == 0, self.log()
        return time.monotonic() - begun

    def wait(self) -> None:
        """Until it ends, however it does."""
        assert self._process is not None
        self._process.wait()
        self._close()

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._close()

    def log(self) -> str:
        """What it wrote to stderr."""
        return (self.folder / "log").read_text()

    def _close(self) -> None:
        if self._process is not None and self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
