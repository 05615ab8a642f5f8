"""PINs: who may disarm, how long a guesser waits, and that nobody locks the owner out."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.alarm.codes import FREE_TRIES, Lockout
from edge.alarm.settings import AlarmSettings, Code
from edge.errors import AlarmRefused, UserError
from tests.support.alarm_store import Bench

ANNA, BEN = Code("Anna", "4711"), Code("Ben", "0042")
WRONG = "1234"
PAGE = "web 192.168.1.5"
SHELL = "the command line (user 1000, process 77)"


def house(**more: object) -> Bench:
    return Bench(AlarmSettings(codes=(ANNA, BEN), **more))  # type: ignore[arg-type]


def guess(bench: Bench, source: str, times: int) -> list[float]:
    """Wrong codes from a source; the seconds that each was told to wait."""
    waits = []
    for _ in range(times):
        with pytest.raises(AlarmRefused) as refused:
            bench.alarm.disarm(source, WRONG)
        waits.append(refused.value.locked_s)
    return waits


def test_disarming_wants_a_right_code_from_everywhere_and_the_log_says_whose_it_was() -> None:
    bench = house()
    bench.alarm.arm("away", PAGE)
    for source in (PAGE, SHELL, "mqtt"):
        for code in (None, WRONG, ""):
            with pytest.raises(AlarmRefused):
                bench.alarm.disarm(source, code)
    with pytest.raises(AlarmRefused):
        bench.alarm.command(b"DISARM", "mqtt")
    assert bench.alarm.state == "armed_away"
    assert sorted(line for line in bench.logged() if "refused" in line) == sorted(
        f"disarm - {source}: refused: {why}"
        for source in (PAGE, SHELL, "mqtt")
        for why in ("no code", "wrong code", "wrong code")
    )
    bench.alarm.command(json.dumps({"action": "DISARM", "code": "0042"}).encode(), "mqtt")
    assert bench.logged()[-1] == "disarm Ben mqtt: done"


def test_a_code_is_wanted_to_watch_less_and_to_arm_where_that_is_set() -> None:
    bench = house()
    bench.alarm.arm("away", PAGE)
    with pytest.raises(AlarmRefused, match="needed"):
        bench.alarm.arm("home", PAGE)
    bench.alarm.arm("home", PAGE, "4711")
    bench.alarm.arm("home", PAGE)  # nothing to change, nothing to ask
    strict = house(code_to_arm=True)
    with pytest.raises(AlarmRefused):
        strict.alarm.arm("away", PAGE)
    strict.alarm.arm("away", PAGE, "4711")
    assert strict.logged()[-1] == f"arm_away Anna {PAGE}: done"


def test_five_wrong_codes_lock_for_a_minute_and_each_further_one_doubles_that() -> None:
    bench = house()
    assert guess(bench, "mqtt", FREE_TRIES) == [0, 0, 0, 0, 60]
    waits = []
    for _ in range(6):
        with pytest.raises(AlarmRefused, match="Too many"):
            bench.alarm.disarm("mqtt", "4711")  # the right one, too early
        bench.clock.advance(bench.alarm.detail()["locked_s"])
        waits += guess(bench, "mqtt", 1)
    assert waits == [120, 240, 480, 900, 900, 900]
    bench.clock.advance(900)
    bench.alarm.disarm("mqtt", "4711")
    assert guess(bench, "mqtt", 1) == [0]


def test_a_guesser_on_the_broker_locks_out_nobody_at_the_page_or_the_device() -> None:
    bench = house()
    bench.alarm.arm("away", PAGE)
    guess(bench, "mqtt", FREE_TRIES)
    assert bench.alarm.detail()["locked_s"] == 60
    assert bench.alarm.detail()["locked"] == "mqtt"
    bench.alarm.disarm(PAGE, "4711")
    bench.alarm.arm("away", PAGE)
    bench.alarm.disarm(SHELL, "4711")


def test_tries_are_of_a_user_and_of_a_household_not_of_a_process_or_an_address() -> None:
    bench = house()
    for process in range(FREE_TRIES):
        guess(bench, f"the command line (user 1000, process {process})", 1)
    assert guess(bench, SHELL, 1)[0] > 0
    bench.alarm.disarm("the command line (user 0, process 1)", "4711")
    for host in range(FREE_TRIES):
        guess(bench, f"web 2001:db8::{host}", 1)
    assert guess(bench, "web 2001:db8::ffff", 1)[0] > 0
    bench.alarm.disarm("web 2001:db8:1::1", "4711")


def test_addresses_of_ipv4_are_apart_where_the_page_listens_on_all_of_ipv6() -> None:
    bench = house()
    guess(bench, "web ::ffff:192.0.2.66", FREE_TRIES)
    assert guess(bench, "web 192.0.2.66", 1)[0] > 0
    bench.alarm.disarm("web ::ffff:192.0.2.9", "4711")


def test_many_addresses_together_have_few_tries_and_the_device_itself_stays_open() -> None:
    bench = house()
    waits = [guess(bench, f"web 10.0.0.{host}", 1)[0] for host in range(30)]
    assert waits[23] == 0
    assert all(waits[24:])
    assert bench.alarm.detail()["locked"] == "web, all addresses"
    bench.alarm.disarm(SHELL, "4711")


@pytest.mark.parametrize("cut", [True, False])
def test_a_lock_outlives_a_restart_and_a_power_cut(cut: bool) -> None:
    bench = house()
    guess(bench, "mqtt", FREE_TRIES - 1)
    bench.power_cut() if cut else bench.start()
    assert guess(bench, "mqtt", 1) == [60]
    bench.clock.advance(50)
    bench.power_cut() if cut else bench.start()
    assert bench.alarm.detail()["locked_s"] == (60 if cut else 10)
    assert guess(bench, "mqtt", 1)[0] > 0
    bench.clock.advance(60)
    bench.alarm.disarm("mqtt", "4711")


def test_an_hour_without_a_try_forgives() -> None:
    bench = house()
    guess(bench, "mqtt", FREE_TRIES - 1)
    bench.clock.advance(3601)
    assert guess(bench, "mqtt", 1) == [0]


def test_a_lock_is_told_as_an_event_and_a_flood_of_tries_does_not_push_out_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = house()
    bench.alarm.arm("away", PAGE)
    guess(bench, "mqtt", 500)
    for _ in range(500):
        with pytest.raises(AlarmRefused):
            bench.alarm.command(b"DISARM", "mqtt")
        with pytest.raises(UserError):
            bench.alarm.disarm(PAGE)
    told = [(event.type, event.after.label, event.after.sub_label, event.armed) for event in bench.events]
    said = "lockout: too many wrong codes from mqtt"
    assert told == [("new", "alarm", said, "armed_away"), ("end", "alarm", said, "armed_away")]
    lines = bench.logged()
    assert "lockout - mqtt: 60 s" in lines
    assert len(lines) == 2 + FREE_TRIES + 1 + 1
    assert "disarm - mqtt: refused: wrong code" in lines
    assert f"disarm - {PAGE}: refused: no code" in lines
    assert len([row for row in caplog.records if "no code" in row.getMessage()]) == 1


def test_no_code_is_ever_written_down(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    bench = house()
    bench.alarm.arm("away", PAGE)
    guess(bench, "mqtt", 3)
    bench.alarm.disarm(PAGE, "4711")
    kept = json.dumps([bench.store.values, bench.logged(), caplog.text, repr(bench.settings), repr(bench.events)])
    for code in ("4711", "0042", WRONG):
        assert code not in kept


@given(st.text() | st.just("\ud800"))
def test_no_text_breaks_it_and_only_the_code_is_right(text: str) -> None:
    lockout = Lockout((ANNA,), "boot", None, 0.0)
    assert (lockout.check(text, "mqtt", 0.0).name == "Anna") == (text.strip() == "4711")


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_a_damaged_count_is_no_count(text: str) -> None:
    assert Lockout((ANNA,), "boot", text, 0.0).check("4711", "mqtt", 0.0).name == "Anna"


def test_sources_that_come_and_go_take_no_memory() -> None:
    lockout = Lockout((ANNA,), "boot", None, 0.0)
    for number in range(2000):
        lockout.check(WRONG, f"the command line (user {number}, process 1)", 0.0)
    assert len(json.loads(lockout.dump(0.0))["tries"]) <= 256


def test_wrong_codes_that_a_full_disk_could_not_count_are_counted_once_it_can() -> None:
    bench = house()
    bench.store.full = True
    guess(bench, "mqtt", FREE_TRIES)
    bench.turn()
    bench.store.full = False
    bench.clock.advance(2)
    bench.turn()
    bench.power_cut()
    assert bench.alarm.detail()["locked_s"] > 50


def test_a_wrong_code_waits_for_a_disk_that_hangs_no_longer_than_disarming_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = house()
    bench.alarm.arm("away", "web", now=True)

    def never(*given: object) -> None:
        raise AssertionError("this waits until the disk is done")

    monkeypatch.setattr(bench.store, "remember_all", never)
    bench.store.slow = True
    with pytest.raises(AlarmRefused):
        bench.alarm.disarm("mqtt", "0000")
    bench.alarm.disarm("mqtt", "4711")
    assert bench.alarm.state == "disarmed"
    bench.store.slow = False
    bench.turn()
    assert "disarm - mqtt: refused: wrong code" in bench.logged()
