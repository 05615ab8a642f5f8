"""A broker, an outbox and the MQTT sink between them, in the test's own process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.board import Board
from edge.clock import SystemClock
from edge.outbox import Outbox
from edge.sinks.base import Sink
from edge.sinks.mqtt import MqttSettings, MqttSink
from tests.support.broker import Broker, running

QUICK = {"back_off": (0.05, 0.2), "retry": 0.05}


@contextmanager
def working(sink: Sink) -> Iterator[threading.Event]:
    """The sink's thread, ended cleanly at the end; gives the event that ends it."""
    stop = threading.Event()
    thread = threading.Thread(target=sink.run, args=(stop,), name=sink.name, daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        sink.wake()
        thread.join(5)
        assert not thread.is_alive()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """mosquitto, running."""
    folder = tmp_path / "broker"
    folder.mkdir()
    with running(Broker(folder)) as broker:
        yield broker


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox for the MQTT sink."""
    outbox = Outbox(tmp_path / "data", "bar", ["mqtt"], SystemClock())
    yield outbox
    outbox.close()


def mqtt_sink(broker: Broker, outbox: Outbox, board: Board | None = None, **given: Any) -> MqttSink:
    """A sink that is quick to reconnect. given: of MqttSettings where it has such a field, else of MqttSink."""
    fields = MqttSettings.__dataclass_fields__
    settings = MqttSettings("127.0.0.1", broker.port, **{**QUICK, **{k: v for k, v in given.items() if k in fields}})
    rest = {k: v for k, v in given.items() if k not in fields}
    return MqttSink(settings, "bar", outbox, board or Board(), SystemClock(), **rest)
