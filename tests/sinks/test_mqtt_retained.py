"""What stays on a real broker over restarts, and packets that one is too small for."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from edge.board import Board
from edge.clock import SystemClock
from edge.outbox import Outbox
from edge.sinks.mqtt import limit
from edge.sinks.mqtt.limit import Limit
from tests.sinks.conftest import mqtt_sink, working
from tests.support.broker import Broker, Subscriber, eventually, retained, running
from tests.support.events import event


def _run(broker: Broker, folder: Path, states: dict[str, str], **given: object) -> dict[str, bytes]:
    """A daemon's life with these states on its board; returns what the broker holds afterwards."""
    outbox = Outbox(folder, "bar", ["mqtt"], SystemClock())
    board = Board()
    for topic, value in states.items():
        board.set(topic, value)
    sink = mqtt_sink(broker, outbox, board, **given)
    with working(sink):
        assert sink.flush(5)
    assert outbox.close()
    return retained(broker, "#")


def test_topics_of_a_camera_that_is_gone_are_cleared(broker: Broker, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    yard = {"yard/status": "online", "yard/person": "1", "yard/person/snapshot": "jpeg"}
    first = {"alarm/state": "disarmed", "porch/person": "2", "porch/person/snapshot": "jpeg", **yard}
    discovery = [("homeassistant/device/edge_bar_yard/config", "{}")]
    before = _run(broker, folder, first, discovery=lambda: discovery, stats=lambda: {"a": 1})
    assert set(before) == {*(f"edge/{topic}" for topic in (*first, "available", "stats")), discovery[0][0]}

    # `garden` is what `yard` is called now; of the porch this run has made no picture yet.
    second = {"alarm/state": "disarmed", "porch/person": "0", "garden/status": "online"}
    after = _run(broker, folder, second, stats=lambda: {"a": 1})
    kept = {*second, "available", "stats", "porch/person/snapshot"}
    assert set(after) == {f"edge/{topic}" for topic in kept}

    moved = _run(broker, folder, second, prefix="house")
    assert set(moved) == {f"house/{topic}" for topic in (*second, "available")}


def test_pictures_told_under_other_terms_are_cleared(broker: Broker, tmp_path: Path) -> None:
    folder, picture = tmp_path / "data", "edge/porch/person/snapshot"
    quiet = {"porch/person": "0", "porch/dog": "0"}
    seen = {**quiet, "porch/person/snapshot": "a face", "porch/dog/snapshot": "a dog"}
    assert _run(broker, folder, seen, terms="blur none")[picture] == b"a face"
    assert _run(broker, folder, quiet, terms="blur none")[picture] == b"a face"
    blurred = _run(broker, folder, {**quiet, "porch/person/snapshot": "no face"}, terms="blur faces")
    assert blurred[picture] == b"no face"
    assert "edge/porch/dog/snapshot" not in blurred
    assert _run(broker, folder, quiet, terms="blur faces")[picture] == b"no face"
    assert set(_run(broker, folder, quiet, terms="none leaves")) == {
        "edge/available",
        "edge/porch/person",
        "edge/porch/dog",
    }


def test_pictures_of_unknown_terms_are_cleared(broker: Broker, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    _run(broker, folder, {"porch/person": "0", "porch/person/snapshot": "a face"}, terms="blur none")
    outbox = Outbox(folder, "bar", ["mqtt"], SystemClock())
    outbox.note("mqtt_retained", '["edge/porch/person", "edge/porch/person/snapshot"]')
    assert outbox.close()
    assert set(_run(broker, folder, {"porch/person": "0"}, terms="blur none")) == {
        "edge/available",
        "edge/porch/person",
    }


def test_an_empty_state_is_retained_no_more_and_not_listed(broker: Broker, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "data", "bar", ["mqtt"], SystemClock())
    board = Board()
    board.set("porch/person", 1, qos=0)
    board.set("porch/person/snapshot", b"a face", qos=0)
    with working(sink := mqtt_sink(broker, outbox, board)):
        assert sink.flush(5)
        eventually(lambda: "person/snapshot" in (outbox.recall("mqtt_retained") or ""))
        board.set("porch/person/snapshot", b"")
        assert sink.flush(5)
        eventually(lambda: "person/snapshot" not in (outbox.recall("mqtt_retained") or ""))
    assert "edge/porch/person/snapshot" not in retained(broker, "#")
    outbox.close()


def test_command_to_something_else_is_sent_and_not_retained(broker: Broker, outbox: Outbox) -> None:
    board = Board()
    board.set("/zigbee/siren/set", "off", retain=False)
    sink = mqtt_sink(broker, outbox, board)
    heard = Subscriber(broker, topic="zigbee/#")
    with closing(heard), working(sink):
        assert sink.flush(5)
        board.set("/zigbee/siren/set", "on", retain=False)
        eventually(lambda: [payload for _, payload, _ in heard.messages] == [b"off", b"on"])
    assert "zigbee/siren/set" not in retained(broker, "#")


def test_list_of_topics_is_written_only_when_it_changes(broker: Broker, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "data", "bar", ["mqtt"], SystemClock())
    board = Board()
    board.set("porch/person", 0)
    db = sqlite3.connect(tmp_path / "data" / "edge.db")
    sink = mqtt_sink(broker, outbox, board)
    with working(sink):
        assert sink.flush(5)
        eventually(lambda: "edge/porch/person" in (outbox.recall("mqtt_retained") or ""))
        assert outbox.flush(5)
        before = db.execute("PRAGMA data_version").fetchone()
        for count in range(5):
            board.set("porch/person", count)
            assert sink.flush(5)
        broker.stop()
        broker.start()
        eventually(lambda: sink.status.state.phase == "up" and sink.flush(1))
        assert outbox.flush(5)
        assert db.execute("PRAGMA data_version").fetchone() == before
        board.set("porch/dog", 1)
        assert sink.flush(5)
        eventually(lambda: "edge/porch/dog" in (outbox.recall("mqtt_retained") or ""))
    db.close()
    outbox.close()


def test_disk_that_takes_nothing_holds_up_no_state(broker: Broker, tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "data", "bar", ["mqtt"], SystemClock())
    other = sqlite3.connect(tmp_path / "data" / "edge.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    board = Board()
    board.set("porch/status", "online")
    sink = mqtt_sink(broker, outbox, board)
    with working(sink):
        assert sink.flush(2)
        assert retained(broker)["edge/porch/status"] == b"online"
        other.execute("ROLLBACK")
        eventually(lambda: "edge/porch/status" in (outbox.recall("mqtt_retained") or ""))
    other.close()
    outbox.close()


@pytest.mark.parametrize("protocol", [311, 5])
def test_large_state_does_not_keep_events_back(tmp_path: Path, outbox: Outbox, protocol: int) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    with running(Broker(folder, ["max_packet_size 20000"])) as broker:
        subscriber = Subscriber(broker)
        board = Board()
        board.set("porch/person/snapshot", b"\xff" * 60_000, qos=0)
        board.set("porch/dog/snapshot", b"\xff" * 40_000, qos=0)
        board.set("porch/cat/snapshot", b"\xff" * 10_000, qos=0)
        sink = mqtt_sink(broker, outbox, board, protocol=protocol)
        outbox.put(event("new", "a"))
        outbox.put(event("new", "large" + "x" * 30_000))
        outbox.put(event("new", "b"))
        with working(sink):
            eventually(lambda: outbox.stats().sinks["mqtt"].parked == 1)
            eventually(lambda: {e["after"]["id"] for e in subscriber.events} == {"a", "b"})  # one may come twice
            assert sink.status.state.phase == "fault"
            assert "/snapshot: " in sink.status.state.reason
            assert "bytes are more than its limit of" in sink.status.state.reason
            for label in ("person", "dog"):
                board.set(f"porch/{label}/snapshot", b"\xff" * 9_000, qos=0)
            assert sink.flush(5)
            assert len(retained(broker)["edge/porch/person/snapshot"]) == 9_000
            assert len(retained(broker)["edge/porch/cat/snapshot"]) == 10_000
        subscriber.close()


class SetClock(SystemClock):
    """A monotonic clock that a test sets."""

    now = 1e6

    def monotonic(self) -> float:
        return self.now


def test_limit_is_learned_from_three_losses_in_a_row_and_forgotten_after_a_day() -> None:
    clock = SetClock()
    learned = Limit(clock)
    for largest in (60_000, 60_000, 0, 60_000, 50_000, limit.PLAUSIBLE, 70_000, 70_000):
        learned.lost(largest)
        assert learned.begin() == limit.UNLIMITED
    learned.lost(60_000)
    assert learned.begin() == 59_999
    learned.lost(40_000)
    assert learned.begin() == 39_999
    clock.now += limit.FORGOTTEN_S + 1
    assert learned.begin() == limit.UNLIMITED
