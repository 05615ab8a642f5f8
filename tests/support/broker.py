"""A real mosquitto on a free loopback port, to be stopped, killed and frozen, and a subscriber that misses nothing."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def eventually(check: Callable[[], Any], timeout: float = 10.0) -> Any:
    """Wait until `check()` is true and return it; fail after `timeout` seconds."""
    until = time.monotonic() + timeout
    while not (found := check()):
        assert time.monotonic() < until, "it did not come about in time"
        time.sleep(0.01)
    return found


class Broker:
    """mosquitto with a folder of its own. Sessions and retained messages survive a kill (saved at every change)."""

    def __init__(self, folder: Path, lines: Sequence[str] = (), *, anonymous: bool = True) -> None:
        program = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
        if program is None:
            pytest.skip("mosquitto is not installed (apt-get install mosquitto)")
        self.folder = folder
        self._program = program
        self.port = free_port()
        self._config = folder / "mosquitto.conf"
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None
        settings = [
            "per_listener_settings false",
            f"listener {self.port} 127.0.0.1",
            f"allow_anonymous {str(anonymous).lower()}",
            "persistence true",
            f"persistence_location {folder}/",
            "autosave_interval 1",
            "autosave_on_changes true",
            "max_queued_messages 100000",
            "max_inflight_messages 0",
            "user root",
            *lines,
        ]
        self._config.write_text("\n".join(settings) + "\n")

    def start(self) -> None:
        """Start it and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([self._program, "-c", str(self._config)], stdout=log, stderr=log)

        def listens() -> bool:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1.0):
                return True
            return False

        eventually(listens)

    def stop(self) -> None:
        """End it as the system would, with what it has saved."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Take it away without a warning."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it hang: the kernel still accepts connections, nobody answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.send_signal(signal.SIGCONT)
            self._process.wait(10)
            self._process = None


class Subscriber:
    """Listens with a persistent session, so that it misses nothing while the broker is away."""

    def __init__(self, broker: Broker, *, topic: str = "edge/#", **auth: str) -> None:
        self.messages: list[tuple[str, bytes, bool]] = []
        self.times: list[float] = []  # monotonic, of each message
        self._ready = threading.Event()
        self._client = client = paho.Client(CallbackAPIVersion.VERSION2, "test-subscriber", protocol=paho.MQTTv5)
        if auth:
            client.username_pw_set(auth["username"], auth["password"])
        session = Properties(PacketTypes.CONNECT)
        session.SessionExpiryInterval = 3600
        client.reconnect_delay_set(1, 1)
        client.on_connect = lambda *_: client.subscribe(topic, 1)
        client.on_subscribe = lambda *_: self._ready.set()
        client.on_message = self._hear
        client.connect("127.0.0.1", broker.port, 10, clean_start=False, properties=session)
        client.loop_start()
        assert self._ready.wait(5)

    @property
    def events(self) -> list[dict[str, Any]]:
        """Payloads on `edge/events` so far."""
        return [json.loads(payload) for topic, payload, _ in tuple(self.messages) if topic == "edge/events"]

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Send something and wait until the broker has it."""
        self._client.publish(topic, payload, 1, retain).wait_for_publish(5)

    def _hear(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        self.times.append(time.monotonic())
        self.messages.append((message.topic, bytes(message.payload), message.retain))

    def close(self) -> None:
        """Leave."""
        self._client.disconnect()
        self._client.loop_stop()


def retained(broker: Broker, topic: str = "edge/#") -> dict[str, bytes]:
    """What the broker retains at this moment, by topic."""
    found: dict[str, bytes] = {}
    done = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, "test-look", protocol=paho.MQTTv5)

    def on_message(_: Any, __: Any, message: paho.MQTTMessage) -> None:
        if message.topic == "test/end":
            done.set()
        elif message.retain:
            found[message.topic] = bytes(message.payload)

    client.on_message = on_message
    # The broker sends what it retains with the SUBACK; what is published after that comes behind it.
    client.on_connect = lambda *_: client.subscribe([(topic, 1), ("test/end", 1)])
    client.on_subscribe = lambda *_: client.publish("test/end", b"", 1)
    client.connect("127.0.0.1", broker.port, 10)
    client.loop_start()
    assert done.wait(5)
    client.disconnect()
    client.loop_stop()
    return found


@contextlib.contextmanager
def running(broker: Broker) -> Iterator[Broker]:
    """The broker, started, and gone at the end whatever became of it."""
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
