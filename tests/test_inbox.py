"""Commands over MQTT: words are done, all else is counted and said once; no bytes and no topic do any harm."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.alarm import Alarm
from edge.board import Board
from edge.config.schema import Camera
from edge.errors import StorageError
from edge.inbox import KINDS, LARGEST, Inbox
from edge.switches import NAMES, Panel
from tests.support.alarm_store import MemoryStore
from tests.support.stand_ins import Memory


@dataclass
class Home:
    """A daemon's ears: the alarm, the switches and the inbox before them are the real ones."""

    disk: MemoryStore
    board: Board
    alarm: Alarm
    panel: Panel
    inbox: Inbox


def home() -> Home:
    disk, board = MemoryStore(), Board()
    alarm = Alarm(disk)
    cameras = [Camera(name=name, source="synthetic:") for name in ("porch", "yard")]
    panel = Panel(cameras, board, Memory())

    def failing(payload: bytes) -> None:
        raise StorageError("the disk is full")

    whole = {"alarm/set": lambda payload: alarm.command(payload, "mqtt"), "fails/set": failing}
    return Home(disk, board, alarm, panel, Inbox(whole, lambda *wish: panel.set(*wish, "mqtt")))


@pytest.fixture
def here() -> Home:
    return home()


def test_a_word_is_done(here: Home) -> None:
    here.inbox.heard("porch/motion/set", b"OFF")
    assert here.board.get("porch/motion/state") == "OFF"
    assert here.board.get("yard/motion/state") == "ON"
    here.inbox.heard("porch/motion/set", b"ON")
    assert here.board.get("porch/motion/state") == "ON"
    here.inbox.heard("alarm/set", b"ARM_HOME")
    assert here.alarm.state == "armed_home"
    assert not any(here.inbox.counts().values())


@pytest.mark.parametrize(
    ("topic", "payload", "kind"),
    [
        ("porch/motion/set", b"on", "malformed"),
        ("porch/motion/set", b" ON", "malformed"),
        ("porch/motion/set", b"\xff\x00", "malformed"),
        ("porch/motion/set", b"{}", "malformed"),
        ("alarm/set", b"ARM", "malformed"),
        ("porch/motion/set", b"O" * (LARGEST + 1), "oversized"),
        ("alarm/set", b" " * (LARGEST + 1), "oversized"),
        ("attic/motion/set", b"ON", "refused"),
        ("porch/sound/set", b"ON", "refused"),
        ("porch/pose/set", b"ON", "refused"),
        ("porch/set", b"ON", "unknown"),
        ("a/b/c/set", b"ON", "unknown"),
        ("", b"ON", "unknown"),
        ("fails/set", b"x", "failed"),
    ],
)
def test_all_else_is_counted_said_once_and_changes_nothing(
    here: Home, topic: str, payload: bytes, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    before = here.board.snapshot()
    for _ in range(3):
        here.inbox.heard(topic, payload)
    assert here.inbox.counts() == {**dict.fromkeys(KINDS, 0), kind: 3}
    assert here.board.snapshot() == before
    assert here.alarm.state == "disarmed"
    assert len([row for row in caplog.records if row.name.startswith("edge.")]) == 1


def test_the_alarm_refuses_and_fails_a_thousand_times_in_one_line_each(
    here: Home, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    here.disk.full = True
    here.alarm.panic("kitchen")
    for _ in range(1000):
        here.inbox.heard("alarm/set", b"ARM_AWAY")  # over a triggered alarm
    assert here.inbox.counts()["refused"] == 1000
    calm = home()
    calm.disk.full = True
    for _ in range(1000):
        calm.inbox.heard("alarm/set", b"ARM_AWAY")
    assert calm.inbox.counts()["failed"] == 1000
    assert [row.getMessage().split(": ", 2)[2] for row in caplog.records] == [
        "the alarm is triggered; disarm it first",
        "the disk is full",
    ]


def test_a_log_line_has_no_room_for_tricks(here: Home, caplog: pytest.LogCaptureFixture) -> None:
    here.inbox.heard("porch/x\nERROR all is lost\x1b[2J/set", b"ON")
    here.inbox.retained("y" * 10_000)
    assert len(caplog.records) == 2
    for row in caplog.records:
        assert "\n" not in row.getMessage()
        assert "\x1b" not in row.getMessage()
        assert len(row.getMessage()) < 400


NAMED = st.sampled_from(["alarm", "porch", "yard", "restart", "set", "state", "fails", *NAMES])
TOPICS = st.one_of(st.lists(NAMED | st.text(max_size=20), max_size=5).map("/".join), st.text(max_size=200))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["action", "code"]) | st.text(max_size=5), inner, max_size=5)
    ),
    max_leaves=20,
)
WORDS = st.sampled_from([b"ON", b"OFF", b"DISARM", b"ARM_HOME", b"PANIC", b"PRESS", b""])
BOMBS = st.builds(
    lambda left, depth, right: (left * depth + right * depth).encode(),
    st.sampled_from(["[", '{"action":', '{"code":[', "{", '[{"a":']),
    st.integers(0, 200_000),
    st.sampled_from(["]", "}", "", "]}"]),
)
NUMBERS = st.integers(1, 100_000).map(lambda digits: b'{"action":"DISARM","code":' + b"9" * digits + b"}")
PAYLOADS = st.one_of(
    WORDS, st.binary(max_size=200), BOMBS, NUMBERS, VALUES.map(lambda value: json.dumps(value).encode()),
    st.integers(0, 1 << 20).map(bytes),
)  # fmt: skip


@given(st.lists(st.tuples(TOPICS, PAYLOADS), max_size=20), st.booleans())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_no_topic_and_no_bytes_do_harm(commands: list[tuple[str, bytes]], full: bool) -> None:
    here = home()
    here.disk.full = full
    for topic, payload in commands:
        here.inbox.heard(topic, payload)
        here.inbox.retained(topic)
    assert here.alarm.state in ("disarmed", "armed_home", "armed_away", "armed_night", "triggered")
    assert here.inbox.counts()["retained"] == len(commands)
    assert set(here.board.snapshot()) == {f"{name}/{switch}/state" for name in ("porch", "yard") for switch in NAMES}
    assert all(state.payload in (b"ON", b"OFF") for state in here.board.snapshot().values())
