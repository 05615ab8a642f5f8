"""The alarm as a whole: sirens, events, the log, a disk that refuses or hangs, restarts and power cuts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from edge.alarm.keeping import NOTES
from edge.alarm.machine import Place, Plan
from edge.alarm.settings import AlarmSettings, Code, Siren
from edge.errors import AlarmRefused, StorageError, UserError
from tests.support.alarm_store import Bench, sighted

DELAYS = Plan(trigger_s=600, entry_s=30, exit_s=45, zones={"window": Place()})
YARD = Siren("zigbee/yard/set", max_s=180)
HALL = Siren("zigbee/hall/set", on='{"warning": 1}', off='{"warning": 0}', max_s=60, modes=frozenset({"away"}))
HOUSE = AlarmSettings(node="pi", plan=DELAYS, sirens=(YARD, HALL))


def triggered(mode: str = "away", settings: AlarmSettings = HOUSE) -> Bench:
    bench = Bench(settings)
    bench.alarm.arm(mode, "web", now=True)
    bench.see("window")
    assert bench.alarm.state == "triggered"
    return bench


def test_leaving_coming_home_and_somebody_else() -> None:
    bench = Bench(HOUSE)
    bench.alarm.arm("away", "web")
    assert bench.alarm.detail()["until_s"] == 45
    bench.see()
    bench.advance(45)
    bench.see()
    bench.advance(20)
    bench.alarm.disarm("web")
    bench.alarm.arm("night", "web", now=True)
    bench.see()
    bench.advance(30)
    bench.advance(600)
    told = "arming armed_away pending disarmed armed_night pending triggered armed_night"
    assert bench.heard == told.split()
    assert bench.logged() == [
        "start - alarm: done",
        "arm_away - web: done",
        "armed - alarm: done",
        "pending - alarm: person at door",
        "disarm - web: done",
        "arm_night - web: done",
        "pending - alarm: person at door",
        "triggered - alarm: person at door",
        "over - alarm: done",
    ]


def test_a_trigger_is_an_event_with_a_beginning_and_an_end() -> None:
    bench = triggered()
    bench.alarm.disarm("web")
    bench.alarm.panic("web 10.0.0.2")
    bench.advance(600)
    told = [(event.type, event.after.camera, event.after.label, event.armed) for event in bench.events]
    assert told == [
        ("new", "pi", "alarm", "triggered"),
        ("end", "pi", "alarm", "disarmed"),
        ("new", "pi", "alarm", "triggered"),
        ("end", "pi", "alarm", "disarmed"),
    ]
    assert [event.after.sub_label for event in bench.events[::2]] == [
        "triggered: person at door (window)",
        "panic: web 10.0.0.2",
    ]
    assert len({event.after.id for event in bench.events}) == 2


def test_what_stands_still_what_is_not_wanted_and_what_has_gone_is_no_intrusion() -> None:
    bench = Bench(AlarmSettings(labels=frozenset({"person", "tamper"})))
    bench.see()
    bench.alarm.arm("away", "web")
    bench.see(stationary=True)
    bench.see(label="cat")
    bench.see(kind="end")
    bench.see(label="tamper", sub_label="dark")
    assert bench.alarm.state == "armed_away"
    bench.see(label="tamper", sub_label="covered", kind="update")
    assert bench.alarm.state == "triggered"


def test_what_was_seen_before_arming_does_not_trigger_afterwards() -> None:
    bench = Bench()
    bench.alarm.hear(sighted(bench.clock.unix, "disarmed"))
    bench.alarm.arm("away", "web")
    bench.turn()
    assert bench.alarm.state == "armed_away"


def test_sirens_sound_in_their_modes_for_their_time_and_never_longer_than_the_alarm() -> None:
    bench = triggered()
    assert bench.sirens == {YARD.topic: "ON", HALL.topic: HALL.on}
    bench.advance(60)
    assert bench.sirens == {YARD.topic: "ON", HALL.topic: HALL.off}
    bench.advance(120)
    assert bench.sirens == {YARD.topic: "OFF", HALL.topic: HALL.off}
    assert bench.alarm.state == "triggered"
    home = triggered("home")
    assert home.sirens == {YARD.topic: "ON", HALL.topic: HALL.off}
    home.alarm.disarm("web")
    assert home.sirens[YARD.topic] == "OFF"
    home.alarm.panic("mqtt")
    assert home.sirens == {YARD.topic: "ON", HALL.topic: HALL.on}


def test_the_thread_wakes_when_a_siren_or_a_delay_is_over() -> None:
    bench = triggered()
    bench.turn()
    assert bench.alarm.turn() == 30.0  # never longer, whatever is due
    bench.advance(50)
    assert bench.alarm.turn() == pytest.approx(10)


def test_a_siren_that_was_on_when_the_power_went_is_told_what_is_true() -> None:
    bench = Bench(HOUSE)
    assert bench.sirens == {YARD.topic: "OFF", HALL.topic: HALL.off}  # at every start, on the board
    bench = triggered()
    bench.turn()
    bench.power_cut()
    assert bench.sirens[YARD.topic] == "ON"
    bench.advance(180)
    assert bench.sirens[YARD.topic] == "OFF"
    bench.alarm.disarm("web")
    bench.power_cut()
    assert bench.sirens[YARD.topic] == "OFF"


def test_a_clean_stop_silences() -> None:
    bench = triggered()
    stop = threading.Event()
    stop.set()
    bench.alarm.run(stop, lambda within: None)
    assert set(bench.sirens.values()) == {"OFF", HALL.off}


def test_whoever_goes_on_after_a_reload_tells_the_sirens_and_their_time_goes_on() -> None:
    bench = triggered()
    bench.turn()
    bench.advance(100)
    told = len(bench.sounded)
    bench.alarm.hand_over({YARD.topic})
    bench.alarm.silence()
    assert bench.sounded[told:] == [], "the hall's was over; the yard's is not ours any more"
    bench.start()
    bench.advance(79)
    assert bench.sirens[YARD.topic] == "ON"
    bench.advance(2)
    assert bench.sirens[YARD.topic] == "OFF"
    assert bench.alarm.state == "triggered"


def test_a_siren_that_nobody_goes_on_with_is_silenced() -> None:
    bench = triggered()
    bench.alarm.hand_over({HALL.topic})
    bench.alarm.silence()
    assert bench.sirens == {YARD.topic: "OFF", HALL.topic: HALL.on}


def test_a_process_killed_while_it_sounds_sounds_on_for_the_time_that_is_left() -> None:
    bench = triggered()
    bench.turn()
    bench.clock.advance(100)
    bench.start()
    bench.turn()
    assert bench.sirens[YARD.topic] == "ON"
    bench.advance(81)
    assert bench.sirens[YARD.topic] == "OFF"
    bench.advance(420)
    assert bench.alarm.state == "armed_away"


@pytest.mark.parametrize(
    ("away", "state", "yard"), [(100, "triggered", "ON"), (200, "triggered", "OFF"), (700, "armed_away", "OFF")]
)
@pytest.mark.parametrize("set_later", [False, True])
def test_after_a_power_cut_the_wall_clock_says_how_long_it_has_sounded(
    away: float, state: str, yard: str, set_later: bool
) -> None:
    bench = triggered()
    bench.turn()
    back = bench.clock.unix + away
    bench.power_cut(wall=0.0 if set_later else back, ok=not set_later)
    if set_later:
        bench.turn()
        assert (bench.alarm.state, bench.sirens[YARD.topic]) == ("triggered", "ON"), "nobody can tell yet"
        bench.clock.unix, bench.clock.ok = back, True
    bench.turn()
    assert (bench.alarm.state, bench.sirens[YARD.topic]) == (state, yard)
    bench.advance(181 - min(away, 181))
    assert bench.sirens[YARD.topic] == "OFF"
    bench.advance(601 - min(away, 600))
    assert (bench.alarm.state, bench.board) == ("armed_away", "armed_away")


def test_a_clock_that_was_wrong_ends_no_alarm() -> None:
    bench = Bench(HOUSE)
    bench.clock.ok = False
    bench.clock.unix = 0.0
    bench.alarm.arm("away", "web", now=True)
    bench.see("window")
    bench.turn()
    bench.power_cut(wall=1_800_000_000.0, ok=True)
    bench.turn()
    assert (bench.alarm.state, bench.sirens[YARD.topic]) == ("triggered", "ON")


def test_a_full_disk_arms_nobody_triggers_all_the_same_and_lets_the_owner_disarm() -> None:
    bench = Bench(HOUSE)
    bench.store.full = True
    with pytest.raises(StorageError):
        bench.alarm.arm("away", "web", now=True)
    assert (bench.alarm.state, bench.heard) == ("disarmed", [])
    bench.store.full = False
    bench.alarm.arm("away", "web", now=True)
    bench.store.full = True
    bench.see("window")
    assert (bench.alarm.state, bench.sirens[YARD.topic]) == ("triggered", "ON")
    bench.turn()
    assert bench.alarm.detail()["fault"] == "the disk is full"
    bench.alarm.disarm("web")
    assert (bench.alarm.state, bench.sirens[YARD.topic]) == ("disarmed", "OFF")
    assert bench.store.values["alarm"] == "armed_away"  # a power cut now errs on the armed side
    bench.store.full = False
    bench.advance(2)
    assert bench.store.values["alarm"] == "disarmed"
    assert bench.alarm.detail()["fault"] is None
    assert "disarm - web: done, not stored yet" in bench.logged()


def test_a_disk_that_hangs_delays_neither_the_siren_nor_the_owner() -> None:
    bench = Bench(HOUSE)
    bench.alarm.arm("away", "web", now=True)
    bench.store.slow = True
    bench.see("window")
    assert bench.alarm.state == "triggered"
    bench.alarm.disarm("web")
    assert bench.alarm.state == "disarmed"
    bench.store.slow = False
    bench.turn()
    bench.turn()
    assert bench.store.values["alarm"] == "disarmed"


def test_what_comes_while_an_order_is_being_stored_is_not_lost() -> None:
    bench = Bench(HOUSE)
    store = bench.store.remember_all

    def panicking(*given: object) -> None:
        store(*given)  # type: ignore[arg-type]
        bench.alarm.panic("mqtt")

    bench.store.remember_all = panicking  # type: ignore[method-assign]
    with pytest.raises(UserError, match="disarm it first"):
        bench.alarm.arm("away", "web", now=True)
    bench.store.remember_all = store  # type: ignore[method-assign]
    assert bench.alarm.state == "triggered"
    bench.turn()
    assert bench.store.values["alarm"].startswith("triggered ")
    assert [line for line in bench.logged() if line.startswith("arm")] == [
        "arm_away - web: done",
        "arm_away - web: overtaken: triggered",
    ]


def hung(
    monkeypatch: pytest.MonkeyPatch, bench: Bench, then: StorageError | None
) -> tuple[list[str], Callable[[], None]]:
    """Have `arm_home` wait for a disk that hangs; what became of it, once the disk is let go."""
    store, reached, free = bench.store.remember_all, threading.Event(), threading.Event()
    became: list[str] = []

    def hanging(*given: object) -> None:
        reached.set()
        assert free.wait(10)
        if then is not None:
            raise then
        store(*given)  # type: ignore[arg-type]

    def arm() -> None:
        try:
            bench.alarm.arm("home", "web", now=True)
            became.append("armed")
        except (UserError, StorageError) as fault:
            became.append(str(fault))

    monkeypatch.setattr("edge.alarm.core.DISARM_S", 0.05)
    monkeypatch.setattr(bench.store, "remember_all", hanging)
    thread = threading.Thread(target=arm)
    thread.start()
    assert reached.wait(10)

    def let_go() -> None:
        free.set()
        thread.join(10)

    return became, let_go


@pytest.mark.parametrize("fault", [None, StorageError("the disk hangs")])
@pytest.mark.parametrize("panicked", [True, False])
def test_disarming_waits_for_no_order_that_hangs_and_has_the_last_word(
    monkeypatch: pytest.MonkeyPatch, fault: StorageError | None, panicked: bool
) -> None:
    bench = Bench(HOUSE)
    became, let_go = hung(monkeypatch, bench, fault)
    if panicked:
        bench.alarm.panic("kitchen")
    bench.alarm.disarm("mqtt")
    assert (bench.alarm.state, became) == ("disarmed", [])
    assert bench.alarm.detail()["fault"] == "the disk is too slow or hangs"
    let_go()
    assert became == ["the alarm was disarmed meanwhile; arm it again" if fault is None else str(fault)]
    assert (bench.alarm.state, bench.alarm.detail()["by"]) == ("disarmed", "mqtt")
    bench.advance(2)
    assert (bench.store.values["alarm"], bench.alarm.detail()["fault"]) == ("disarmed", None)
    assert "disarm - mqtt: done, not stored yet" in bench.logged()
    if fault is None:
        assert "arm_home - web: overtaken: disarmed" in bench.logged()


def test_orders_that_a_full_disk_refuses_do_not_push_out_what_the_log_holds() -> None:
    bench = Bench(HOUSE)
    bench.store.full = True
    for _ in range(1000):
        for mode in ("home", "away"):
            with pytest.raises(StorageError):
                bench.alarm.arm(mode, "mqtt")
        bench.clock.advance(0.01)
    bench.store.full = False
    bench.advance(2)
    bench.alarm.arm("night", "web", now=True)
    told = [line for line in bench.logged() if "failed: the disk is full" in line]
    assert told == [f"arm_{mode} - mqtt: failed: the disk is full" for mode in ("home", "away")]


def test_disarming_over_and_over_while_the_disk_hangs_is_a_line_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(HOUSE)
    became, let_go = hung(monkeypatch, bench, None)
    for _ in range(5):
        bench.alarm.disarm("mqtt")
    let_go()
    assert became == ["the alarm was disarmed meanwhile; arm it again"]
    bench.advance(2)
    assert bench.logged().count("disarm - mqtt: done, not stored yet") == 1


def test_an_order_behind_one_that_hangs_is_given_up_and_not_done_later(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(HOUSE)
    monkeypatch.setattr("edge.alarm.core.TURN_S", 0.05)
    became, let_go = hung(monkeypatch, bench, None)
    with pytest.raises(StorageError, match="nothing was done"):
        bench.alarm.arm("away", "the command line", now=True)
    let_go()
    bench.advance(2)
    assert (bench.alarm.state, became) == ("armed_home", ["armed"])
    assert [entry for entry in bench.logged() if "nothing was done" in entry]


def test_an_order_that_changes_nothing_is_in_the_log_but_fills_it_not() -> None:
    bench = Bench(HOUSE)
    for _ in range(5):
        bench.alarm.disarm("web")
    bench.alarm.disarm("mqtt")
    bench.advance(60)
    bench.alarm.disarm("web")
    assert bench.logged()[1:] == [f"disarm - {source}: no change" for source in ("web", "mqtt", "web")]


def test_nobody_arms_over_an_alarm_and_the_log_says_who_tried() -> None:
    bench = triggered()
    with pytest.raises(UserError, match="triggered; disarm it first"):
        bench.alarm.arm("home", "web")
    assert bench.logged()[-1] == "arm_home - web: refused: triggered"


@pytest.mark.parametrize(
    ("state", "after_cut", "after_restart"),
    [
        ("arming", "armed_away", "arming"),
        ("armed_away", "armed_away", "armed_away"),
        ("pending", "triggered", "pending"),
        ("triggered", "triggered", "triggered"),
        ("disarmed", "disarmed", "disarmed"),
    ],
)
def test_what_each_state_is_after_a_power_cut_and_after_a_restart(
    state: str, after_cut: str, after_restart: str
) -> None:
    for cut in (True, False):
        bench = Bench(HOUSE)
        if state != "disarmed":
            bench.alarm.arm("away", "web", now=state != "arming")
        if state in ("pending", "triggered"):
            bench.see("window") if state == "triggered" else bench.see()
        bench.turn()
        assert bench.alarm.state == state
        bench.clock.advance(10)
        bench.power_cut() if cut else bench.start()
        bench.turn()
        assert bench.alarm.state == (after_cut if cut else after_restart)
        if state in ("pending", "triggered") and not cut:
            assert bench.alarm.detail()["until_s"] == (20 if state == "pending" else 590)
        assert bench.store.values["alarm"].split()[0] == bench.alarm.state


def test_panic_from_a_disarmed_house_outlives_a_power_cut_and_ends_disarmed() -> None:
    bench = Bench(HOUSE)
    bench.alarm.command(b'{"action": "PANIC"}', "mqtt")
    bench.turn()
    bench.power_cut()
    bench.turn()
    assert bench.alarm.state == "triggered"
    assert "still so after a restart" in (bench.events[-1].after.sub_label or "")
    bench.advance(600)
    assert bench.alarm.state == "disarmed"


@pytest.mark.parametrize("kept", ["pending", "pending {}", "armed_moon", 'triggered {"until": 1}', "arming [1]", "x y"])
def test_what_makes_no_sense_is_taken_for_armed(kept: str) -> None:
    bench = Bench(HOUSE)
    bench.store.values["alarm"] = kept
    bench.power_cut()
    bench.turn()
    assert bench.alarm.state == "armed_away"


def test_since_when_it_is_armed_is_known_over_a_power_cut() -> None:
    bench = Bench(HOUSE)
    bench.alarm.arm("away", "web", now=True)
    armed_at = bench.clock.unix
    bench.advance(100)
    assert bench.alarm.detail()["since"] == armed_at
    bench.power_cut(wall=armed_at + 500, ok=True)
    assert bench.alarm.detail()["since"] == armed_at
    assert bench.alarm.detail()["by"] == "web"


def test_an_order_that_failed_and_came_to_the_disk_all_the_same_is_undone_there() -> None:
    bench = Bench(HOUSE)
    store = bench.store.remember_all

    def hanging(*given: object) -> None:
        store(*given)  # type: ignore[arg-type]
        raise StorageError("the disk hangs; whether alarm was stored shows at the next start")

    bench.store.remember_all = hanging  # type: ignore[method-assign]
    with pytest.raises(StorageError, match="hangs"):
        bench.alarm.arm("away", "web", now=True)
    bench.store.remember_all = store  # type: ignore[method-assign]
    assert (bench.alarm.state, bench.store.values["alarm"]) == ("disarmed", "armed_away")
    bench.turn()
    assert bench.store.values["alarm"] == "disarmed"


def test_a_flood_of_panics_is_one_alarm_and_pushes_nothing_out_of_the_log() -> None:
    bench = Bench()
    for _ in range(500):
        bench.alarm.panic("mqtt")
    bench.turn()
    assert len(bench.events) == 1
    assert len([line for line in bench.logged() if line.startswith("panic")]) == 1


def test_another_mode_wants_the_code_also_behind_an_order_that_is_on_its_way() -> None:
    bench = Bench(AlarmSettings(codes=(Code("anna", "1234"),)))
    bench.alarm.arm("away", "web")
    with pytest.raises(AlarmRefused):
        bench.alarm.arm("home", "mqtt")
    assert bench.alarm.state == "armed_away"


def test_a_lock_that_a_power_cut_renewed_is_over_after_its_time_also_after_a_restart() -> None:
    bench = Bench(AlarmSettings(codes=(Code("anna", "1234"),)))
    for _ in range(5):
        with pytest.raises(AlarmRefused):
            bench.alarm.disarm("mqtt", "0000")
    bench.power_cut()
    bench.turn()
    bench.advance(3600)
    bench.start()
    bench.alarm.disarm("mqtt", "1234")


def test_who_has_gone_is_no_intrusion_whatever_is_still_told_of_the_way() -> None:
    bench = Bench(HOUSE)
    bench.alarm.arm("away", "web", now=True)
    gone = sighted(bench.clock.unix, "armed_away", "window", kind="update")
    bench.alarm.hear(replace(gone, after=replace(gone.after, active=False)))
    bench.turn()
    assert bench.alarm.state == "armed_away"


def test_who_calls_for_help_again_when_the_siren_is_over_is_heard_and_told() -> None:
    bench = Bench(AlarmSettings(sirens=(YARD,)))
    bench.alarm.panic("web")
    bench.advance(YARD.max_s + 1)
    assert bench.sirens[YARD.topic] == "OFF"
    bench.alarm.panic("web")
    bench.turn()
    assert bench.sirens[YARD.topic] == "ON"
    assert [event.type for event in bench.events] == ["new", "end", "new"]


def test_an_order_that_waits_behind_one_that_hangs_and_is_overtaken_is_never_said_to_be_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(HOUSE)
    _, let_go = hung(monkeypatch, bench, None)
    refused: list[str] = []
    asked = threading.Event()

    def arm() -> None:
        asked.set()
        with pytest.raises(UserError, match="disarmed meanwhile") as caught:
            bench.alarm.arm("away", "page", now=True)
        refused.append(str(caught.value))

    thread = threading.Thread(target=arm)
    thread.start()
    assert asked.wait(10)
    time.sleep(0.1)  # until it waits for its turn, which shows nowhere
    bench.alarm.disarm("mqtt", "4711")
    let_go()
    thread.join(10)
    assert len(refused) == 1
    assert [line for line in bench.logged() if "page" in line] == ["arm_away - page: overtaken: disarmed"]


@pytest.mark.parametrize("limit", [NOTES, 1])
def test_the_limits_of_the_log_hold_for_a_user_whatever_the_process(limit: int) -> None:
    bench = Bench(replace(HOUSE, codes=(Code("Anna", "4711"),), code_to_arm=True))
    for process in range(limit + 20):
        source = f"the command line (user 1000, process {process})"
        if limit == NOTES:
            bench.alarm.note("porch/motion off", source)
        else:
            with pytest.raises(AlarmRefused):
                bench.alarm.arm("away", source)
    assert len([line for line in bench.logged() if "user 1000" in line]) == limit + (limit == NOTES)


def test_an_alarm_that_goes_on_over_a_restart_is_one_event_that_ends_with_it() -> None:
    bench = triggered()
    bench.turn()
    (new,) = bench.events
    alarm = bench.start()
    assert alarm.goes_on(new.after.payload())
    assert not alarm.goes_on({**new.after.payload(), "label": "person"})
    bench.advance(30)
    assert bench.events == [new]
    bench.advance(600)
    assert bench.alarm.state == "armed_away"
    end = bench.events[-1]
    assert (end.type, end.after.id, end.after.sub_label) == ("end", new.after.id, new.after.sub_label)
    assert not bench.start().goes_on(new.after.payload()), "what is over is ended"


def test_after_a_power_cut_the_alarm_is_told_anew() -> None:
    bench = triggered()
    bench.turn()
    (new,) = bench.events
    assert not bench.power_cut().goes_on(new.after.payload())
