"""Who is in view when the alarm is armed."""

from __future__ import annotations

from dataclasses import replace

from edge.alarm import AlarmSettings
from edge.alarm.leaving import GRACE_S
from edge.alarm.machine import Plan
from edge.types import Event
from tests.support.alarm_store import Bench, sighted


def person(bench: Bench, number: int, kind: str = "new") -> Event:
    """Somebody as a camera tells of them now."""
    event = sighted(bench.clock.unix, bench.alarm.state, kind=kind)
    return replace(event, after=replace(event.after, id=f"person{number}"))


def see(bench: Bench, number: int, kind: str = "new") -> None:
    bench.alarm.hear(person(bench, number, kind))
    bench.turn()


def test_who_is_in_view_as_it_is_armed_at_once_may_leave() -> None:
    bench = Bench()
    see(bench, 1)
    bench.alarm.arm("away", "web")
    see(bench, 1, "update")
    assert bench.alarm.state == "armed_away"
    see(bench, 1, "end")
    bench.advance(1)
    see(bench, 2)
    assert bench.alarm.state == "triggered"


def test_who_does_not_leave_sets_it_off() -> None:
    bench = Bench()
    see(bench, 1)
    bench.alarm.arm("away", "web")
    bench.advance(GRACE_S + 1)
    see(bench, 1, "update")
    assert bench.alarm.state == "triggered"


def test_an_exit_delay_is_all_the_time_that_there_is() -> None:
    bench = Bench(AlarmSettings(plan=Plan(exit_s=30.0)))
    see(bench, 1)
    bench.alarm.arm("away", "web")
    bench.advance(31)
    assert bench.alarm.state == "armed_away"
    see(bench, 1, "update")
    assert bench.alarm.state == "triggered"


def test_word_of_before_that_comes_late_is_excused_too() -> None:
    bench = Bench()
    late = person(bench, 1)
    bench.alarm.arm("away", "web")
    bench.alarm.hear(late)
    see(bench, 1, "update")
    assert bench.alarm.state == "armed_away"
