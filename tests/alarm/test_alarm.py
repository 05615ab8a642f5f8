"""Arming and disarming: durable before it is told, the same from any thread, deaf to nonsense."""

from __future__ import annotations

import itertools
import json
import logging
import threading
from contextlib import suppress
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.alarm import Alarm
from edge.errors import StorageError, UserError
from edge.inbox import Inbox
from tests.support.alarm_store import MemoryStore


class Disk(MemoryStore):
    """What the outbox does, in memory."""

    def alarm(self, armed: bool = False) -> Alarm:
        return Alarm(self, armed_at_first_start=armed)


def test_the_first_start_is_disarmed_unless_set() -> None:
    assert Disk().alarm().state == "disarmed"
    assert Disk().alarm(armed=True).state == "armed_away"


def test_the_last_state_outlives_a_restart_whatever_the_setting() -> None:
    disk = Disk()
    disk.alarm(armed=True).disarm("web")
    assert disk.alarm(armed=True).state == "disarmed"
    disk.alarm().arm("night", "web")
    assert disk.alarm().state == "armed_night"


def test_the_first_state_is_kept_even_if_nobody_touches_it() -> None:
    disk = Disk()
    disk.alarm(armed=True)
    assert disk.alarm(armed=False).state == "armed_away"


def test_a_state_of_a_newer_release_is_taken_for_armed(caplog: pytest.LogCaptureFixture) -> None:
    assert Disk({"alarm": "triggered"}).alarm().state == "armed_away"
    assert "triggered" in caplog.text


@pytest.mark.parametrize(("mode", "state"), [("home", "armed_home"), ("away", "armed_away"), ("night", "armed_night")])
def test_each_mode_has_its_state(mode: str, state: str) -> None:
    alarm = Disk().alarm()
    alarm.arm(mode, "web")
    assert alarm.state == state


def test_a_mode_that_is_none_is_the_users_mistake() -> None:
    alarm = Disk().alarm()
    with pytest.raises(UserError, match="home, away, night"):
        alarm.arm("holiday", "web")
    assert alarm.state == "disarmed"


def test_listeners_hear_of_changes_that_are_durable_and_of_nothing_else() -> None:
    disk = Disk()
    alarm = disk.alarm()
    heard = []
    alarm.listen(lambda state: heard.append((state, disk.values["alarm"])))
    alarm.disarm("web")
    alarm.arm("home", "web")
    alarm.arm("home", "web")
    alarm.disarm("web")
    assert heard == [("armed_home", "armed_home"), ("disarmed", "disarmed")]


def test_what_cannot_be_stored_does_not_happen() -> None:
    disk = Disk()
    alarm = disk.alarm()
    heard: list[str] = []
    alarm.listen(heard.append)
    disk.full = True
    with pytest.raises(StorageError):
        alarm.arm("away", "web")
    with pytest.raises(StorageError):
        alarm.command(b"ARM_AWAY", "mqtt")
    assert (alarm.state, heard) == ("disarmed", [])


@pytest.mark.parametrize(
    ("payload", "state"),
    [
        (b"ARM_HOME", "armed_home"),
        (b" ARM_NIGHT\n", "armed_night"),
        (b'{"action": "ARM_AWAY"}', "armed_away"),
        (b'{"action": "DISARM", "code": "1234"}', "disarmed"),
        (b'{"action": "DISARM", "code": 1234}', "disarmed"),
        (b"DISARM", "disarmed"),
    ],
)
def test_commands_as_home_assistant_sends_them(payload: bytes, state: str) -> None:
    alarm = Disk({"alarm": "armed_home"}).alarm()
    alarm.command(payload, "mqtt")
    assert alarm.state == state


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"disarm",
        b"ARM",
        b"{",
        b"{}",
        b'{"action": null}',
        b'{"action": "DISARM", "code": [1]}',
        b'{"action": ["DISARM"]}',
        b'"DISARM"',
        b"\xff\xfe",
        b"DISARM" + b" " * 2000,
        b'{"a":' * 300,
    ],
)
def test_nonsense_is_no_command_and_changes_nothing(payload: bytes) -> None:
    alarm = Disk({"alarm": "armed_home"}).alarm()
    with pytest.raises(ValueError, match=r"\w"):
        alarm.command(payload, "mqtt")
    assert alarm.state == "armed_home"


def test_a_pin_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    alarm = Disk({"alarm": "armed_home"}).alarm()
    inbox = Inbox({"alarm/set": partial(alarm.command, by="mqtt")}, lambda camera, name, on: None)
    for payload in ({"action": "DISARM", "code": "86421"}, {"action": "NO", "code": "86421"}, {"code": "86421"}):
        inbox.heard("alarm/set", json.dumps(payload).encode())
    assert caplog.records
    assert "86421" not in caplog.text


@given(
    st.binary(max_size=60) | st.dictionaries(st.text(), st.integers() | st.text()).map(lambda d: json.dumps(d).encode())
)
def test_no_payload_breaks_it(payload: bytes) -> None:
    with suppress(ValueError):
        Disk().alarm().command(payload, "mqtt")


def test_many_threads_leave_state_disk_and_listeners_agreed() -> None:
    disk = Disk()
    alarm = disk.alarm()
    heard: list[str] = []
    alarm.listen(heard.append)

    def flip(mode: str) -> None:
        for _ in range(200):
            alarm.arm(mode, "thread")
            alarm.disarm("thread")

    threads = [threading.Thread(target=flip, args=(mode,)) for mode in ("home", "away", "night")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alarm.state == disk.values["alarm"] == heard[-1]
    assert all(a != b for a, b in itertools.pairwise(heard))
