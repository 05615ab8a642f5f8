"""Who is in view when the alarm is armed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edge.alarm import AlarmSettings
from edge.alarm.leaving import GRACE_S
from edge.alarm.machine import Plan
from edge.types import Event
from tests.support.alarm_store import Bench, sighted


def person(
    bench: Bench,
    number: int,
    kind: str = "new",
    *,
    camera: str = "door",
    label: str = "person",
    stationary: bool = False,
) -> Event:
    """Somebody as a camera tells of them now."""
    event = sighted(bench.clock.unix, bench.alarm.state, kind=kind, camera=camera, label=label, stationary=stationary)
    return replace(event, after=replace(event.after, id=f"person{number}"))


def see(bench: Bench, number: int, kind: str = "new", **more: Any) -> None:
    bench.alarm.hear(person(bench, number, kind, **more))
    bench.turn()


def test_who_is_in_view_as_it_is_armed_at_once_may_leave() -> None:
    bench = Bench()
    see(bench, 1)
    bench.alarm.arm("away", "web")
    see(bench, 1, "update")
    assert bench.alarm.state == "armed_away"
    see(bench, 1, "end")
    bench.advance(GRACE_S + 1)
    assert bench.alarm.state == "armed_away"
    see(bench, 2)
    assert bench.alarm.state == "triggered"


def test_who_was_elsewhere_is_not_excused() -> None:
    bench = Bench()
    see(bench, 1)
    bench.alarm.arm("away", "web")
    see(bench, 2, camera="yard")
    assert bench.alarm.state == "triggered"


def test_a_car_in_the_drive_excuses_nobody_there() -> None:
    bench = Bench()
    see(bench, 1, label="car", stationary=True)
    bench.alarm.arm("away", "web")
    see(bench, 2)
    assert bench.alarm.state == "triggered"


@pytest.mark.parametrize("label", ["person", "motion"])
@pytest.mark.parametrize("before", [True, False])
def test_who_stands_still_and_is_found_again_under_another_id_may_still_leave(label: str, before: bool) -> None:
    bench = Bench(AlarmSettings(motion_at=frozenset({"door"})))
    see(bench, 1, label=label)
    if before:
        see(bench, 1, "end", label=label)
        bench.advance(3)
    bench.alarm.arm("away", "web")
    if not before:
        see(bench, 1, "end", label=label)
    bench.advance(2)
    see(bench, 2, label=label)
    assert bench.alarm.state == "armed_away"


def test_who_does_not_leave_sets_it_off_when_the_minute_is_over_though_nothing_new_is_told() -> None:
    bench = Bench()
    see(bench, 1)
    bench.alarm.arm("away", "web")
    see(bench, 1, "update")
    assert bench.alarm.turn() <= GRACE_S
    bench.advance(GRACE_S - 1)
    assert bench.alarm.state == "armed_away"
    assert bench.alarm.turn() == pytest.approx(1)
    bench.advance(1)
    assert bench.alarm.state == "triggered"


def test_who_came_to_rest_or_went_sets_nothing_off_when_the_minute_is_over() -> None:
    bench = Bench()
    for number in (1, 2):
        see(bench, number)
    bench.alarm.arm("away", "web")
    for number in (1, 2):
        see(bench, number, "update")
    see(bench, 1, "update", stationary=True)
    see(bench, 2, "end")
    bench.advance(GRACE_S + 1)
    assert bench.alarm.state == "armed_away"


def test_disarming_ends_the_grace_with_all_that_waited_for_its_end() -> None:
    bench = Bench()
    see(bench, 1)
    bench.alarm.arm("away", "web")
    see(bench, 1, "update")
    bench.alarm.disarm("web")
    see(bench, 1, "end")
    bench.advance(30)
    bench.alarm.arm("away", "web")
    bench.advance(GRACE_S + 1)
    assert bench.alarm.state == "armed_away"


def test_a_view_that_was_told_of_before_sets_nothing_off_and_excuses_nobody() -> None:
    bench = Bench(AlarmSettings(labels=frozenset({"person", "tamper"})))
    see(bench, 1, label="tamper")
    bench.alarm.arm("away", "web")
    see(bench, 1, "update", label="tamper")
    bench.advance(GRACE_S + 1)
    assert bench.alarm.state == "armed_away"
    bench.alarm.disarm("web")
    bench.alarm.arm("away", "web")
    see(bench, 2)
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
