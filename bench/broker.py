"""A mosquitto for measurements, and a subscriber that notes when each event came."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from bench.table import Missing


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event's JSON object. at: Unix time at which the subscriber had it."""

    at: float
    event: dict[str, Any]


@contextlib.contextmanager
def mosquitto() -> Iterator[int]:
    """A broker on a free loopback port; gives the port. Raises Missing where mosquitto is not installed."""
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if program is None:
        raise Missing("mosquitto: apt-get install mosquitto")
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name, socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
        server.close()
        config = Path(name) / "m.conf"
        config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
        broker = subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL)
        try:
            _wait(port)
            yield port
        finally:
            broker.terminate()
            broker.wait()


@contextlib.contextmanager
def listening(port: int) -> Iterator[list[Arrival]]:
    """The events as they arrive, in a list that grows until the block ends."""
    arrivals: list[Arrival] = []
    client = paho.Client(CallbackAPIVersion.VERSION2, "bench", protocol=paho.MQTTv5)
    client.on_connect = lambda *_: client.subscribe("edge/events", 1)
    client.on_message = lambda _c, _u, message: arrivals.append(Arrival(time.time(), json.loads(message.payload)))
    client.connect("127.0.0.1", port)
    client.loop_start()
    try:
        yield arrivals
    finally:
        client.disconnect()
        client.loop_stop()


def _wait(port: int) -> None:
    until = time.monotonic() + 5
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit("mosquitto did not start")
