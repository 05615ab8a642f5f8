"""What the alarm would have done with the events of a clip."""

from __future__ import annotations

from dataclasses import replace

from edge.alarm import AlarmSettings
from edge.alarm.machine import Place, Plan
from edge.rehearsal import Rehearsal
from edge.tally import table
from tests.support.alarm_store import sighted

PLAN = Plan(trigger_s=60.0, zones={"path": Place(entry_s=20.0), "road": Place(frozenset())})


def test_delays_and_zones_hold_on_the_clips_own_clock() -> None:
    alarm = Rehearsal(AlarmSettings(plan=PLAN), "night")
    assert alarm.armed == "armed_night"
    alarm.take(sighted(5.0, alarm.armed, "road"))
    alarm.take(sighted(10.0, alarm.armed, "path"))
    alarm.take(sighted(12.0, alarm.armed, "path", kind="end"))
    alarm.pass_until(100.0)
    assert [(change["time"], change["state"]) for change in alarm.changes] == [
        (10.0, "pending"), (30.0, "triggered"), (90.0, "armed_night"),
    ]  # fmt: skip
    assert table({"alerts": {}, "zones": {}, "lines": {}, "alarm": alarm.changes})[0] == (
        "  alarm  pending at 10.0 s: person at door (path)"
    )


def test_what_the_alarm_does_not_go_by_changes_nothing() -> None:
    alarm = Rehearsal(replace(AlarmSettings(plan=PLAN), labels=frozenset({"dog"})), "away")
    alarm.take(sighted(5.0, alarm.armed))
    alarm.pass_until(1000.0)
    assert alarm.changes == []


def test_movement_sets_it_off_only_at_cameras_that_look_for_nothing_else() -> None:
    settings = AlarmSettings(plan=PLAN, motion_at=frozenset({"door"}))
    for each, changes in ((settings, ["pending"]), (replace(settings, motion_at=frozenset({"yard"})), [])):
        alarm = Rehearsal(each, "away")
        alarm.take(sighted(5.0, alarm.armed, "path", label="motion"))
        assert [change["state"] for change in alarm.changes] == changes
