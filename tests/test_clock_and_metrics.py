"""Clocks and durations."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from edge.alarm import Alarm, AlarmSettings, World, machine_boot
from edge.alarm.schedule import Rule, Schedule, parse_at
from edge.clock import OnceSynchronised, SystemClock, synchronised
from edge.config.schema import Camera, Config, Node
from edge.daemon import Daemon
from edge.metrics import Stages
from edge.outbox import Outbox
from tests.support.alarm_store import SetClock


def test_the_systems_clock_runs() -> None:
    clock = SystemClock()
    assert clock.monotonic() <= clock.monotonic()
    assert clock.wall() > 1_700_000_000


def test_whether_the_clock_is_kept_is_known_here() -> None:
    assert synchronised() in (True, False)


def test_a_clock_that_was_set_stays_so_without_a_time_server_and_over_a_restart_in_the_same_boot() -> None:
    kernel, kept = [False], dict[str, str]()
    first = OnceSynchronised("monday", lambda: kernel[0])
    first.keep(kept.__setitem__)
    assert not first()
    assert not kept
    kernel[0] = True
    assert first()
    first.keep(kept.__setitem__)
    kernel[0] = False  # the internet is away for nine hours
    assert first()

    for boot, known in (("monday", True), ("tuesday", False)):
        again = OnceSynchronised(boot, lambda: kernel[0])
        again.recall(kept.get(OnceSynchronised.KEY))
        assert again() is known
    nameless = OnceSynchronised("", lambda: False)
    nameless.recall("")
    assert not nameless()


def test_the_daemon_takes_up_that_its_clock_was_set_in_this_boot(tmp_path: Path) -> None:
    before = Outbox(tmp_path, "n", [], SystemClock())
    before.remember(OnceSynchronised.KEY, machine_boot())
    before.close()
    camera = Camera(name="hall", source="file:nowhere.mp4")
    daemon = Daemon(Config(camera=(camera,), node=Node(name="n", data=tmp_path)))
    try:
        assert daemon.status()["clock_ok"]
    finally:
        daemon.stop()


def test_the_schedule_arms_at_night_though_the_internet_went_away_in_the_morning() -> None:
    clock, kernel = SetClock(wall=datetime(2026, 11, 28, 8, tzinfo=UTC).timestamp()), [True]
    rules = (Rule(parse_at("22:00"), "arm_night"),)
    settings = AlarmSettings(schedule=Schedule(rules, UTC, None, None), print="first")
    world = World(clock=clock, clock_ok=OnceSynchronised("monday", lambda: kernel[0]), boot="monday")
    kept = dict[str, str]()
    alarm = Alarm(kept.__setitem__, kept.get, settings=settings, world=world)
    alarm.follow_schedule()
    kernel[0] = False
    for _ in range(15):
        clock.advance(3600)
        alarm.follow_schedule()
    assert alarm.state == "armed_night"


def test_stages_give_medians_and_forget_what_is_old() -> None:
    stages = Stages(keep=100)
    for i in range(1, 201):
        stages.add("infer", i / 1e3)
    summary = stages.summary()["infer"]
    assert summary["p50"] == 150
    assert 194 <= summary["p95"] <= 196
    everything = Stages(keep=None)
    for _ in range(1000):
        everything.add("x", 0.001)
    assert everything.summary()["x"]["sum"] == 1000
