"""A broker with passwords, an ACL and TLS: what it refuses is parked and shown, the rest goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from edge.board import Board
from edge.clock import SystemClock
from edge.outbox import Outbox, read_events
from edge.sinks.mqtt import MqttSettings, MqttSink, TlsSettings
from tests.sinks.conftest import mqtt_sink, working
from tests.support.broker import Broker, Subscriber, eventually, free_port, running
from tests.support.events import event


@pytest.fixture
def extra() -> list[str]:
    """More lines for the broker's configuration."""
    return []


@pytest.fixture
def guarded(tmp_path: Path, extra: list[str]) -> Iterator[Broker]:
    """A broker that knows `edge` and `house` by password; `edge` may not write `edge/events`; TLS with its own CA."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "server.pem"))
    for user in ("edge", "house"):
        new = [] if (folder / "passwords").exists() else ["-c"]
        subprocess.run(["mosquitto_passwd", *new, "-b", str(folder / "passwords"), user, f"{user}-pw"], check=True)
    (folder / "acl").write_text("user edge\ntopic readwrite edge/#\ntopic deny edge/events\n\nuser house\ntopic #\n")
    broker = Broker(
        folder,
        [
            f"password_file {folder / 'passwords'}",
            f"acl_file {folder / 'acl'}",
            f"certfile {folder / 'server.pem'}",
            f"keyfile {folder / 'server.pem'}",
            *extra,
        ],
        anonymous=False,
    )
    with running(broker):
        yield broker


def _sink(broker: Broker, outbox: Outbox, folder: Path, board: Board, **given: object) -> MqttSink:
    settings = MqttSettings(
        "127.0.0.1",
        broker.port,
        username="edge",
        password=str(given.get("password", "edge-pw")),
        tls=TlsSettings(given.get("ca", folder / "guarded" / "ca.pem")),  # type: ignore[arg-type]
        back_off=(0.05, 0.1),
        retry=0.05,
    )
    return MqttSink(settings, "bar", outbox, board, SystemClock())


def test_denied_topic_is_parked_after_three_tries_and_states_go_on(
    guarded: Broker, outbox: Outbox, tmp_path: Path
) -> None:
    board = Board()
    sink = _sink(guarded, outbox, tmp_path, board)
    with working(sink):
        outbox.put(event("new", "a"))
        outbox.put(event("new", "b"))
        eventually(lambda: outbox.stats().sinks["mqtt"].parked == 2)
        assert sink.status.state.phase == "fault"
        assert sink.status.state.reason == "the broker refuses edge/events: Not authorized"
        board.set("alarm/state", "armed_away")
        assert sink.flush(5)
    stats = outbox.stats().sinks["mqtt"]
    assert (stats.depth, stats.parked, stats.reason) == (0, 2, "Not authorized")
    assert [e["state"] for e in read_events(tmp_path / "data")] == ["parked", "parked"]


@pytest.mark.parametrize("extra", [["max_queued_messages 0"]])
def test_broker_that_hangs_up_after_each_refusal_does_not_block_the_queue(guarded: Broker, outbox: Outbox) -> None:
    # mosquitto 2.0 does so with this setting: it sends the PUBACK and ends the connection.
    outbox.put(event("new", "a"))
    outbox.put(event("new", "b"))
    sink = _sink(guarded, outbox, guarded.folder.parent, Board())
    with working(sink):
        eventually(lambda: outbox.stats().sinks["mqtt"].parked == 2)


def test_wrong_password_untrusted_certificate_and_plain_text_are_each_one_clear_line(
    guarded: Broker, outbox: Outbox, tmp_path: Path
) -> None:
    def line(sink: MqttSink) -> str:
        with working(sink):
            eventually(lambda: sink.status.state.phase == "back_off")
            return sink.status.state.reason

    where = f"127.0.0.1:{guarded.port}"
    wrong = line(_sink(guarded, outbox, tmp_path, Board(), password="swordfish"))
    assert wrong == f"the broker at {where} refuses us (not authorised); check mqtt.username and mqtt.password"
    untrusted = line(_sink(guarded, outbox, tmp_path, Board(), ca=None))
    assert untrusted.startswith(f"TLS: the certificate of {where} is not trusted")
    assert "mqtt.tls.ca cannot" not in untrusted
    absent = line(_sink(guarded, outbox, tmp_path, Board(), ca=tmp_path / "absent.pem"))
    assert absent.startswith("TLS:")
    assert "absent" in absent or "cannot be read" in absent
    plain = line(mqtt_sink(guarded, outbox, ack_timeout=1.0))
    assert "lost" in plain or "does not answer" in plain
    assert "\n" not in wrong + untrusted + plain


def test_absent_broker_and_unknown_name_are_each_one_clear_line(outbox: Outbox) -> None:
    for host, words in (("127.0.0.1", "connection refused"), ("broker.invalid", "is not known (DNS)")):
        sink = MqttSink(
            MqttSettings(host, free_port(), password="swordfish", back_off=(0.05, 0.1)),
            "bar",
            outbox,
            Board(),
            SystemClock(),
        )
        with working(sink):
            eventually(lambda: sink.status.state.phase == "back_off")  # noqa: B023  looked at before the next round
            assert words in sink.status.state.reason
            assert "swordfish" not in repr(sink._settings) + sink.status.state.reason


def test_message_that_is_too_large_is_parked_and_those_behind_it_go_on(tmp_path: Path, outbox: Outbox) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    with running(Broker(folder, ["max_packet_size 3000"])) as broker:
        subscriber = Subscriber(broker)
        sink = mqtt_sink(broker, outbox)
        outbox.put(event("new", "small"))
        outbox.put(event("new", "large" + "x" * 4000))
        outbox.put(event("new", "behind"))
        with working(sink):
            eventually(lambda: outbox.stats().sinks["mqtt"].parked == 1)
            eventually(lambda: [e["after"]["id"] for e in subscriber.events] == ["small", "behind"])
        subscriber.close()
