"""The state machine: delays of zones, modes, panic, and what must never happen whatever comes in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.alarm.machine import (
    Arm,
    Disarm,
    Effect,
    Input,
    Intrusion,
    Mode,
    Panic,
    Place,
    Plan,
    State,
    Tick,
    step,
)

PLAN = Plan(
    trigger_s=600,
    entry_s=30,
    exit_s=45,
    zones={
        "window": Place(entry_s=0, exit_s=0),
        "path": Place(entry_s=60, exit_s=90),
        "garden": Place(frozenset({"away"}), 30, 45),
        "street": Place(frozenset()),
    },
    cameras={"hall": frozenset({"away"})},
)


def run(*inputs: tuple[float, Input], plan: Plan = PLAN, state: State | None = None) -> State:
    state = state or State()
    for now, happened in inputs:
        state, _ = step(state, happened, now, plan)
    return state


def seen(*zones: str, camera: str = "door") -> Intrusion:
    return Intrusion(camera, "person", zones)


AWAY = State("armed", "away")


def test_with_no_delays_arming_and_an_intrusion_are_immediate() -> None:
    plain = Plan()
    armed, effects = step(State(), Arm("night"), 0, plain)
    assert (armed.name, effects) == ("armed_night", (Effect.STORE_FIRST,))
    triggered, effects = step(armed, seen(), 1, plain)
    assert (triggered.name, triggered.mode) == ("triggered", "night")
    assert effects == (Effect.STORE_LATER, Effect.TRIGGERED)


def test_arming_lasts_until_the_longest_exit_delay_of_the_mode_has_passed() -> None:
    assert run((0, Arm("home"))).until == 90
    assert run((0, Arm("home")), (89.9, Tick())).name == "arming"
    assert run((0, Arm("home")), (90, Tick())).name == "armed_home"
    assert run((0, Arm("home", at_once=True))).name == "armed_home"


def test_a_zone_is_live_as_soon_as_its_own_exit_delay_has_passed() -> None:
    leaving = ((0.0, Arm("away")),)
    assert run(*leaving, (1, seen("window"))).name == "triggered"
    assert run(*leaving, (44, seen())).name == "arming"
    assert run(*leaving, (46, seen())).name == "pending"
    assert run(*leaving, (46, seen("path"))).name == "arming"
    assert run(*leaving, (46, seen("path", "garden"))).until == 76


def test_another_mode_while_arming_does_not_begin_anew_and_at_once_ends_it() -> None:
    assert run((0, Arm("away")), (40, Arm("home"))).until == 90
    assert run((0, Arm("away")), (40, Arm("away"))).until == 90
    assert run((0, Arm("away")), (40, Arm("away", at_once=True))).name == "armed_away"


def test_another_mode_when_armed_gives_time_to_leave() -> None:
    assert run((100, Arm("away")), state=State("armed", "home")).until == 190


@pytest.mark.parametrize(
    ("mode", "intrusion", "name"),
    [
        ("away", seen("garden"), "pending"),
        ("home", seen("garden"), "armed_home"),
        ("home", seen("garden", "window"), "triggered"),
        ("home", seen("street"), "armed_home"),
        ("home", seen(camera="hall"), "armed_home"),
        ("away", seen(camera="hall"), "pending"),
        ("home", seen("window", camera="hall"), "triggered"),
    ],
)
def test_zones_and_cameras_count_in_their_modes(mode: Mode, intrusion: Intrusion, name: str) -> None:
    assert run((0, intrusion), state=State("armed", mode)).name == name


def test_an_entry_delay_ends_in_the_alarm_unless_somebody_disarms() -> None:
    assert run((0, seen()), (29, Tick()), state=AWAY).name == "pending"
    alarmed = run((0, seen("path")), (100, Tick()), state=AWAY)
    assert (alarmed.name, alarmed.until, alarmed.cause) == ("triggered", 700, "person at door (path)")
    assert run((0, seen()), (29, Disarm()), (100, Tick()), state=AWAY) == State()


def test_a_second_intrusion_shortens_the_delay_and_never_lengthens_it() -> None:
    assert run((0, seen("path")), (10, seen()), state=AWAY).until == 40
    assert run((0, seen()), (10, seen("path")), state=AWAY).until == 30
    assert run((0, seen("path")), (10, seen("window")), state=AWAY).name == "triggered"


def test_a_trigger_is_over_after_its_time_and_the_alarm_is_armed_as_before() -> None:
    alarmed = run((0, seen("window")), state=AWAY)
    assert run((599, Tick()), (600, seen()), state=alarmed).name == "triggered"
    back, effects = step(alarmed, Tick(), 600, PLAN)
    assert (back, effects) == (AWAY, (Effect.STORE_LATER, Effect.OVER))


def test_panic_triggers_from_every_state_and_goes_back_to_what_it_was() -> None:
    assert run((0, Panic("web")), (600, Tick())) == State()
    assert run((0, Panic("web")), (600, Tick()), state=AWAY) == AWAY
    assert run((0, Arm("night")), (1, Panic("mqtt")), (601, Tick())).name == "armed_night"
    called, effects = step(run((0, seen("window")), state=AWAY), Panic("mqtt"), 100, PLAN)
    assert (called.until, called.cause) == (700, "panic: mqtt")
    assert effects == (Effect.OVER, Effect.STORE_LATER, Effect.TRIGGERED)


def test_one_panic_after_the_other_lasts_longer_and_is_no_news() -> None:
    again, effects = step(run((0, Panic("web"))), Panic("mqtt"), 100, PLAN)
    assert (again.until, again.cause, again.triggered_at) == (700, "panic: web", 0)
    assert effects == (Effect.STORE_LATER,)


def test_who_calls_for_help_when_the_siren_is_over_is_heard_again() -> None:
    again, effects = step(run((0, Panic("web"))), Panic("mqtt"), PLAN.siren_s, PLAN)
    assert (again.cause, again.triggered_at) == ("panic: mqtt", PLAN.siren_s)
    assert effects == (Effect.OVER, Effect.STORE_LATER, Effect.TRIGGERED)


def test_nobody_can_arm_over_an_alarm() -> None:
    for state in (run((0, seen()), state=AWAY), run((0, Panic("web")))):
        assert step(state, Arm("home"), 1, PLAN) == (state, ())


inputs = st.one_of(
    st.builds(Arm, st.sampled_from(["home", "away", "night"]), st.booleans()),
    st.just(Disarm()),
    st.builds(Panic, st.just("web")),
    st.builds(
        Intrusion,
        st.sampled_from(["door", "hall"]),
        st.just("person"),
        st.lists(st.sampled_from([*PLAN.zones, "unknown"]), max_size=2).map(tuple),
    ),
    st.just(Tick()),
)


@given(st.lists(st.tuples(st.floats(0, 200), inputs), max_size=30))
def test_whatever_happens_only_orders_disarm_and_only_panic_triggers_a_disarmed_house(
    life: list[tuple[float, Input]],
) -> None:
    state, now = State(), 0.0
    for pause, happened in life:
        now += pause
        before = state
        state, effects = step(before, happened, now, PLAN)
        assert bool(effects) == (state != before or (isinstance(happened, Panic)))
        if state.phase == "disarmed" and before.phase != "disarmed":
            assert isinstance(happened, Disarm) or (before.phase == "triggered" and before.mode is None)
        if before.phase == "disarmed" and state.phase not in ("disarmed", "arming", "armed"):
            assert isinstance(happened, Panic)
        if state.phase == "triggered" and before.phase != "triggered":
            assert Effect.TRIGGERED in effects
        if before.phase == "triggered" and state.phase != "triggered":
            assert Effect.OVER in effects
        assert (state.mode is None) <= (state.phase in ("disarmed", "triggered"))
        assert (state.until is None) == (state.phase in ("disarmed", "armed"))
        if isinstance(happened, (Arm, Disarm)) and effects:
            assert effects[0] is Effect.STORE_FIRST


def test_every_phase_has_a_name_of_the_contract() -> None:
    names = {state.name for state in (State(), AWAY, run((0, Arm("away"))), run((0, seen()), state=AWAY))}
    names |= {run((0, Panic("web"))).name, *(f"armed_{mode}" for mode in ("home", "night"))}
    contract = "disarmed arming armed_home armed_away armed_night pending triggered"
    assert names == set(contract.split())
