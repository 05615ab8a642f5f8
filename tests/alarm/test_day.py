"""A day of a house on a clock of its own: schedule, delays, codes, a power cut at every change, a clock that jumps."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from edge.alarm.machine import Place, Plan
from edge.alarm.schedule import Rule, Schedule, parse_at
from edge.alarm.settings import AlarmSettings, Code, Siren
from edge.commands.alarm import said
from edge.errors import AlarmRefused, StorageError
from tests.support.alarm_store import Bench, SetClock

BERLIN = ZoneInfo("Europe/Berlin")
WEEKDAYS = frozenset(range(5))
RULES = (
    Rule(parse_at("06:30"), "disarm"),
    Rule(parse_at("08:15"), "arm_away", WEEKDAYS),
    Rule(parse_at("17:00"), "disarm", WEEKDAYS),
    Rule(parse_at("sunset+30m"), "arm_home"),
    Rule(parse_at("23:00"), "arm_night"),
)
HOUSE = AlarmSettings(
    node="pi",
    plan=Plan(
        trigger_s=600,
        entry_s=30,
        exit_s=60,
        zones={"window": Place(), "garden": Place(frozenset({"away", "night"}), 30, 60)},
    ),
    codes=(Code("Anna", "4711"),),
    sirens=(Siren("zigbee/siren/set"),),
    schedule=Schedule(RULES, BERLIN, 52.52, 13.405),
    print="first",
)


def unix(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def at(bench: Bench) -> str:
    return datetime.fromtimestamp(bench.clock.unix, BERLIN).strftime("%H:%M")


def live(bench: Bench, until: str, step: float = 10.0) -> None:
    """Let the time pass as the alarm's two threads see it."""
    end = unix(until)
    while bench.clock.unix < end:
        bench.clock.advance(min(step, end - bench.clock.unix))
        bench.turn()
        bench.alarm.follow_schedule()


def morning(when: str = "2026-11-25T00:00", settings: AlarmSettings = HOUSE) -> Bench:
    """A house that was armed for the night. 2026-11-25 is a Wednesday; the sun sets shortly after four."""
    bench = Bench(settings, SetClock(wall=unix(when) - 60))
    bench.alarm.arm("night", "web", now=True)
    return bench


def test_a_day_of_24_hours() -> None:
    bench = morning()
    story: list[str] = []
    bench.alarm.listen(lambda state: story.append(f"{at(bench)} {state}"))

    live(bench, "2026-11-25T03:10")
    bench.see("garden")  # somebody in the garden at night
    live(bench, "2026-11-25T07:10")  # the disarming at 06:30 comes after it is over
    live(bench, "2026-11-25T11:00")
    bench.see("garden")
    for code in (None, "1111", "2222"):
        with pytest.raises(AlarmRefused):
            bench.alarm.disarm("web 10.0.0.7", code)
    bench.alarm.disarm("web 10.0.0.7", "4711")  # home early
    live(bench, "2026-11-25T12:00")
    bench.alarm.arm("away", "mqtt")  # and out again
    bench.see("window")  # live at once: a thief before the owner is round the corner
    live(bench, "2026-11-25T12:30")
    bench.alarm.disarm("mqtt", "4711")
    live(bench, "2026-11-26T00:00")

    assert story == [
        "03:10 pending",
        "03:10 triggered",
        "03:20 armed_night",
        "06:30 disarmed",
        "08:15 arming",
        "08:16 armed_away",
        "11:00 pending",
        "11:00 disarmed",
        "12:00 arming",
        "12:00 triggered",
        "12:10 armed_away",
        "12:30 disarmed",
        "16:31 arming",
        "16:32 armed_home",
        "17:00 disarmed",
        "23:00 arming",
        "23:01 armed_night",
    ]
    assert [line for line in bench.logged() if "schedule" in line] == [
        "disarm - schedule: done",
        "arm_away - schedule: done",
        "arm_home - schedule: done",
        "disarm - schedule: done",
        "arm_night - schedule: done",
    ]
    assert sum(topic == "zigbee/siren/set" and payload == "ON" for topic, payload in bench.sounded) == 2


@pytest.mark.parametrize("minutes", [0.5, 90.0])
def test_a_power_cut_at_every_change_of_the_day_forgets_nothing(minutes: float) -> None:
    """The power goes at each change and comes back later; the board has no clock until it is set."""
    calm, times = morning(), list[tuple[float, str]]()
    calm.alarm.listen(lambda state: times.append((calm.clock.unix, state)))
    live(calm, "2026-11-25T11:00")
    calm.see("garden")
    live(calm, "2026-11-26T00:00")
    assert len(times) == 11

    for when, state in times:
        bench = morning()
        while bench.clock.unix < when:
            if bench.clock.unix == unix("2026-11-25T11:00"):
                bench.see("garden")
            bench.clock.advance(5)
            bench.turn()
            bench.alarm.follow_schedule()
        if when == unix("2026-11-25T11:00"):
            bench.see("garden")
        assert bench.alarm.state == state
        bench.turn()
        back = when + 60 * minutes
        bench.power_cut(wall=0.0)
        bench.turn()
        expected = {"arming": {"armed_home", "armed_away", "armed_night"}, "pending": {"triggered"}}.get(state, {state})
        assert bench.alarm.state in expected
        bench.alarm.follow_schedule()
        assert bench.alarm.state in expected, "no clock, no schedule"
        bench.clock.advance(20)
        bench.clock.unix, bench.clock.ok = back, True  # by 56 years
        before = len(bench.heard)
        for _ in range(300):
            bench.advance(5)
            bench.alarm.follow_schedule()
        newest = HOUSE.schedule.latest(when, bench.clock.unix)
        wanted = {None: None, "disarm": "disarmed"}.get(newest and newest.do, newest and f"armed_{newest.do[4:]}")
        if newest is not None:
            assert bench.alarm.state == wanted, (at(bench), state)
        elif state != "disarmed":
            assert bench.alarm.state != "disarmed", "armed, and forgotten"
        scheduled = [line for line in bench.heard[before:] if line in ("disarmed", "arming")]
        assert len(scheduled) <= 2, "no burst of what was missed"


def test_a_house_that_should_be_armed_at_ten_and_boots_at_half_past_is_armed_once_the_clock_is_set() -> None:
    bench = morning()
    live(bench, "2026-11-25T22:50")
    bench.alarm.disarm("web", "4711")
    bench.power_cut(wall=12345.0)
    for _ in range(10):
        bench.advance(5)
        bench.alarm.follow_schedule()
    assert bench.alarm.state == "disarmed"
    bench.clock.unix, bench.clock.ok = unix("2026-11-25T23:20"), True
    bench.alarm.follow_schedule()
    assert bench.alarm.state == "arming"
    assert bench.alarm.detail()["by"] == "schedule"


def test_what_somebody_does_after_a_scheduled_change_stands_even_before_the_clock_is_set() -> None:
    bench = morning()
    live(bench, "2026-11-25T22:50")
    bench.power_cut(wall=12345.0)
    bench.advance(60)
    bench.alarm.disarm("web", "4711")
    bench.advance(30)
    bench.clock.unix, bench.clock.ok = unix("2026-11-25T23:20"), True
    bench.alarm.follow_schedule()
    assert bench.alarm.state == "disarmed"  # it was 23:19 when the owner said so
    live(bench, "2026-11-26T00:00")
    assert bench.alarm.state == "disarmed"


@pytest.mark.parametrize(("back", "state"), [("2026-11-25T23:20", "arming"), ("2026-11-26T07:00", "disarmed")])
def test_an_order_of_which_nobody_knows_the_time_is_overruled_by_arming_alone(back: str, state: str) -> None:
    bench = morning()
    bench.power_cut(wall=12345.0)  # no clock
    bench.alarm.disarm("web", "4711") if state == "arming" else bench.alarm.arm("home", "web", "4711", now=True)
    held = bench.alarm.state
    bench.power_cut(wall=12345.0)
    assert bench.alarm.state == held
    bench.clock.unix, bench.clock.ok = unix(back), True
    bench.alarm.follow_schedule()
    assert bench.alarm.state == (state if state == "arming" else held)


def test_a_schedule_that_waits_for_the_clock_says_so_once_and_that_it_counts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    bench = morning()
    bench.alarm.follow_schedule()
    assert bench.alarm.detail()["schedule_waits"] is False
    assert "waits" not in caplog.text
    bench.power_cut(wall=12345.0)
    for _ in range(5):
        bench.alarm.follow_schedule()
    assert bench.alarm.detail()["schedule_waits"] is True
    assert "the schedule waits: the clock is not set" in said(bench.alarm.detail() | {"state": "disarmed"}, BERLIN)
    bench.clock.unix, bench.clock.ok = unix("2026-11-25T23:20"), True
    bench.alarm.follow_schedule()
    assert bench.alarm.detail()["schedule_waits"] is False
    said_so = [record.message for record in caplog.records if "the clock is" in record.message]
    assert said_so == ["the schedule waits: the clock is not set", "the clock is set: the schedule counts"]
    none = Bench(AlarmSettings(), SetClock(wall=12345.0))
    assert none.alarm.detail()["schedule_waits"] is False


def test_a_schedule_that_is_new_begins_to_count_when_it_is_first_seen() -> None:
    quiet = Bench(AlarmSettings(codes=HOUSE.codes), SetClock(wall=unix("2026-11-24T20:00")))
    quiet.advance(86_400)
    quiet.settings = HOUSE
    quiet.start()
    quiet.turn()
    quiet.alarm.follow_schedule()
    assert quiet.alarm.state == "disarmed"
    live(quiet, "2026-11-25T23:02")
    assert quiet.alarm.state == "armed_night"


def test_a_disk_that_refuses_arms_as_soon_as_it_takes_it_and_the_log_is_not_flooded() -> None:
    bench = morning()
    live(bench, "2026-11-25T22:50")
    bench.alarm.disarm("web", "4711")
    bench.store.full = True
    live(bench, "2026-11-25T23:30")
    assert bench.alarm.state == "disarmed"
    with pytest.raises(StorageError):
        bench.alarm.arm("home", "web")
    bench.store.full = False
    live(bench, "2026-11-25T23:32")
    assert bench.alarm.state == "armed_night"
    assert len(bench.logged()) < 40


def test_a_clock_that_is_set_back_repeats_nothing() -> None:
    bench = morning()
    live(bench, "2026-11-25T06:31")
    assert bench.alarm.state == "disarmed"
    bench.clock.unix -= 3600
    bench.alarm.arm("home", "web", now=True)
    live(bench, "2026-11-25T06:25")
    assert bench.alarm.state == "armed_home"
    live(bench, "2026-11-25T06:31")
    assert bench.alarm.state == "disarmed"  # it is half past six again, and this order came before


def test_the_status_tells_what_comes_next() -> None:
    bench = morning()
    assert bench.alarm.detail()["next"] == {"at": unix("2026-11-25T06:30"), "do": "disarm"}
    bench.clock.ok = False
    assert bench.alarm.detail()["next"] is None
    assert bench.alarm.detail()["since"] is None


def test_an_order_that_changed_nothing_counts_after_a_restart_as_well() -> None:
    bench = morning("2026-11-25T12:00")
    bench.alarm.disarm("web", "4711")
    bench.power_cut(wall=12345.0)  # while it should have been armed
    bench.advance(60)
    bench.alarm.disarm("web", "4711")
    bench.turn()
    bench.clock.unix, bench.clock.ok = unix("2026-11-25T23:30"), True
    bench.alarm.follow_schedule()
    assert bench.alarm.state == "disarmed"
    bench.start()
    bench.alarm.follow_schedule()
    assert bench.alarm.state == "disarmed"
