"""The MQTT sink against a real mosquitto: order, truth of the retained states, outages."""

from __future__ import annotations

import json
import time
from pathlib import Path

from edge.bell import Bell
from edge.board import Board
from edge.outbox import Outbox, read_events
from edge.sinks.mqtt.link import Link
from tests.sinks.conftest import mqtt_sink, working
from tests.support.broker import Broker, Subscriber, eventually, retained
from tests.support.events import event


def test_events_arrive_in_order_and_leave_the_outbox_on_their_puback(
    broker: Broker, outbox: Outbox, tmp_path: Path
) -> None:
    subscriber = Subscriber(broker)
    sink = mqtt_sink(broker, outbox)
    with working(sink):
        for i in range(60):
            outbox.put(event("new", f"object{i}"))
        eventually(lambda: len(subscriber.events) == 60)
        assert sink.flush(5)
    subscriber.close()
    got = subscriber.events
    assert [e["seq"] for e in got] == list(range(1, 61))
    assert not any(e["replayed"] for e in got)
    assert all(e["published_at"] >= e["captured_at"] for e in got)
    assert outbox.flush(2)
    assert outbox.stats().sinks["mqtt"].depth == 0
    assert {e["state"] for e in read_events(tmp_path / "data")} == {"delivered"}


def test_on_connect_come_states_then_discovery_then_online_then_the_backlog(broker: Broker, outbox: Outbox) -> None:
    subscriber = Subscriber(broker, topic="#")
    board = Board()
    board.set("alarm/state", "armed_away")
    board.set("porch/person", 2, qos=0)
    board.set("porch/person/snapshot", b"\xff\xd8\x00\xff", qos=0)
    outbox.put(event())
    assert outbox.flush(2)
    sink = mqtt_sink(
        broker,
        outbox,
        board,
        discovery=lambda: [("homeassistant/device/x/config", "{}")],
        stats=lambda: outbox.stats().payload(),
    )
    with working(sink):
        eventually(lambda: subscriber.events)
        now = retained(broker)
    assert [topic for topic, _, _ in subscriber.messages[:7]] == [
        "edge/alarm/state",
        "edge/porch/person",
        "edge/porch/person/snapshot",
        "edge/stats",
        "homeassistant/device/x/config",
        "edge/available",
        "edge/events",
    ]
    assert now["edge/alarm/state"] == b"armed_away"
    assert now["edge/porch/person/snapshot"] == b"\xff\xd8\x00\xff"
    assert now["edge/available"] == b"online"
    assert json.loads(now["edge/stats"])["depth"] >= 0
    assert "edge/events" not in now
    eventually(lambda: subscriber.messages[-1][:2] == ("edge/available", b"stopped"))
    assert retained(broker)["edge/available"] == b"stopped"
    subscriber.close()


def test_states_that_change_while_the_broker_is_away_are_true_after_each_reconnect(
    broker: Broker, outbox: Outbox
) -> None:
    board = Board()
    board.set("alarm/state", "disarmed")
    sink = mqtt_sink(broker, outbox, board)
    with working(sink):
        eventually(lambda: sink.status.state.phase == "up")
        for i, value in enumerate(("armed_away", "triggered", "disarmed")):
            broker.kill()
            eventually(lambda: sink.status.state.phase == "back_off")
            assert f":{broker.port}" in sink.status.state.reason
            board.set("alarm/state", value)
            board.set(f"camera{i}/motion", "ON")
            broker.start()
            eventually(lambda: sink.status.state.phase == "up")
            assert sink.flush(5)
            now = retained(broker)
            assert {t: now[f"edge/{t}"] for t in board.snapshot()} == {
                t: s.payload for t, s in board.snapshot().items()
            }
        board.set("alarm/state", "arming")
        board.set("alarm/state", "armed_home")
        assert sink.flush(5)
        assert retained(broker)["edge/alarm/state"] == b"armed_home"


def test_killed_daemon_leaves_offline_behind(broker: Broker, outbox: Outbox) -> None:
    sink = mqtt_sink(broker, outbox)
    with Link(sink._settings, "edge-gone", [], lambda *_: None) as link:
        bell = Bell()
        link.open(bell)
        while not link.up:
            link.turn(1.0)
    bell.close()
    eventually(lambda: retained(broker).get("edge/available") == b"offline")


def test_frozen_broker_is_noticed_and_nothing_is_lost(broker: Broker, outbox: Outbox) -> None:
    subscriber = Subscriber(broker)
    sink = mqtt_sink(broker, outbox, ack_timeout=0.5, keepalive=2)
    with working(sink):
        outbox.put(event("new", "before"))
        eventually(lambda: len(subscriber.events) == 1)
        broker.freeze()
        for i in range(30):
            outbox.put(event("new", f"frozen{i}"))
        eventually(lambda: "acknowledged nothing" in sink.status.state.reason)
        eventually(lambda: "does not answer" in sink.status.state.reason)
        broker.thaw()
        eventually(lambda: sink.status.state.phase == "up")
        assert sink.flush(5)
        eventually(lambda: {e["seq"] for e in subscriber.events} == set(range(1, 32)))
    first = list(dict.fromkeys(e["uid"] for e in subscriber.events))
    assert [int(uid.rpartition("-")[2]) for uid in first] == list(range(1, 32))
    subscriber.close()


def test_silent_broker_is_noticed_by_keepalive_alone(broker: Broker, outbox: Outbox) -> None:
    sink = mqtt_sink(broker, outbox, keepalive=1)
    with working(sink):
        eventually(lambda: sink.status.state.phase == "up")
        broker.freeze()
        began = time.monotonic()
        eventually(lambda: sink.status.state.phase == "back_off")
        assert time.monotonic() - began < 4
        broker.thaw()


def test_commands_are_heard_and_retained_ones_ignored(broker: Broker, outbox: Outbox, caplog: object) -> None:
    subscriber = Subscriber(broker)
    subscriber.publish("edge/alarm/set", "DISARM", retain=True)
    heard: list[tuple[str, bytes]] = []
    sink = mqtt_sink(
        broker, outbox, commands=["alarm/set", "+/+/set"], on_command=lambda topic, body: heard.append((topic, body))
    )
    with working(sink):
        eventually(lambda: sink.status.state.phase == "up")
        assert sink.flush(5)
        subscriber.publish("edge/alarm/set", "ARM_NIGHT", retain=True)
        subscriber.publish("edge/porch/detect/set", "OFF")
        subscriber.publish("edge/alarm/set", "ARM_HOME")
        eventually(lambda: len(heard) >= 2)
        time.sleep(0.1)
    assert heard == [("porch/detect/set", b"OFF"), ("alarm/set", b"ARM_HOME")]
    assert "retained command on edge/alarm/set ignored" in caplog.text  # type: ignore[attr-defined]
    subscriber.close()


def test_late_message_says_that_it_is_replayed(broker: Broker, tmp_path: Path) -> None:
    from edge.clock import SystemClock
    from edge.outbox import Limits

    outbox = Outbox(tmp_path / "late", "bar", ["mqtt"], SystemClock(), Limits(fresh_s=0.2))
    subscriber = Subscriber(broker)
    outbox.put(event("new", "late"))
    time.sleep(0.3)
    with working(mqtt_sink(broker, outbox)):
        eventually(lambda: len(subscriber.events) == 1)
        outbox.put(event("new", "fresh"))
        eventually(lambda: len(subscriber.events) == 2)
    assert [e["replayed"] for e in subscriber.events] == [True, False]
    subscriber.close()
    outbox.close()


def test_mqtt_311_delivers_as_well(broker: Broker, outbox: Outbox) -> None:
    subscriber = Subscriber(broker)
    heard: list[bytes] = []
    sink = mqtt_sink(
        broker, outbox, protocol=311, commands=["alarm/set"], on_command=lambda topic, body: heard.append(body)
    )
    with working(sink):
        outbox.put(event())
        eventually(lambda: len(subscriber.events) == 1)
        subscriber.publish("edge/alarm/set", "DISARM")
        eventually(lambda: heard == [b"DISARM"])
    assert retained(broker)["edge/available"] == b"stopped"
    subscriber.close()
