"""Switches: wanted at once, told once true, kept over a restart; a changed configuration is newer than they are."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.alarm import Alarm, AlarmSettings, Code
from edge.alarm.keeping import NOTES
from edge.alarm.world import Underway
from edge.board import Board
from edge.config.schema import Camera
from edge.errors import AlarmRefused, UserError
from edge.switches import KEY, NAMES, WATCHING, Name, Panel
from edge.types import AuditEntry
from tests.support.stand_ins import Memory

FREE: tuple[Name, ...] = ("enabled", "detect", "motion", "notifications", "snapshots")


def camera(name: str = "porch", *, enabled: bool = True, labels: tuple[str, ...] = ("person",)) -> Camera:
    return Camera(name=name, source="synthetic:", enabled=enabled, labels=labels)


def told(board: Board) -> dict[str, str]:
    return {topic: state.payload.decode() for topic, state in board.snapshot().items()}


def test_at_first_all_is_on_but_what_no_model_stands_behind() -> None:
    board = Board()
    Panel([camera(), camera("yard", labels=("motion",)), camera("barn", enabled=False)], board, Memory())
    off = {f"{name}/pose/state" for name in ("porch", "yard", "barn")} | {"yard/detect/state", "barn/enabled/state"}
    assert {topic for topic, word in told(board).items() if word == "OFF"} == off
    assert len(told(board)) == 3 * len(NAMES)
    assert all(state.retain and state.qos == 1 for state in board.snapshot().values())


@pytest.mark.parametrize(
    ("where", "switch", "said"),
    [("porch", "pose", "no postures"), ("yard", "detect", "motion alone"), ("attic", "motion", "no camera `attic`"),
     ("porch", "sound", "no switch `sound`")],
)  # fmt: skip
def test_what_cannot_be_switched_on_is_refused_with_a_reason(where: str, switch: str, said: str) -> None:
    board = Board()
    panel = Panel([camera(), camera("yard", labels=("motion",))], board, Memory())
    before = told(board)
    with pytest.raises(UserError, match=said):
        panel.set(where, switch, True, "test")
    assert told(board) == before
    panel.set("porch", "pose", False, "test")  # is so already


def test_a_change_becomes_true_when_the_part_at_work_looks() -> None:
    board = Board()
    switches = Panel([camera()], board, Memory())["porch"]
    heard: list[tuple[str, bool]] = []
    switches.listen(lambda name, on: heard.append((name, on)))
    assert switches.begin("enabled")
    switches.set("enabled", False, "test")
    assert not switches.wanted("enabled")
    assert switches.on("enabled")
    assert told(board)["porch/enabled/state"] == "ON"
    switches.rest("enabled")
    assert told(board)["porch/enabled/state"] == "OFF"
    switches.set("enabled", True, "test")  # nobody is at work: true at once
    assert told(board)["porch/enabled/state"] == "ON"
    assert heard == [("enabled", False), ("enabled", True)]


def test_a_sleeper_wakes_when_it_is_wanted_and_when_it_is_to_go() -> None:
    switches = Panel([camera(enabled=False)], Board(), Memory())["porch"]
    gone = threading.Event()
    rounds: list[bool] = []

    def sleep() -> None:
        switches.wait_for("enabled", True, gone.is_set)
        rounds.append(switches.wanted("enabled"))

    for end in (lambda: switches.set("enabled", True, "test"), lambda: (gone.set(), switches.wake())):
        switches.set("enabled", False, "test")
        thread = threading.Thread(target=sleep)
        thread.start()
        end()
        thread.join(5)
        assert not thread.is_alive()
    assert rounds == [True, False]


@given(st.one_of(st.text(), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["porch", "switches", "configured", "x"]), inner),
).map(json.dumps)))  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_whatever_was_kept_a_camera_has_all_its_switches(kept: str) -> None:
    memory = Memory()
    memory.kept[KEY] = kept
    assert set(Panel([camera()], Board(), memory)["porch"].states()) == set(NAMES)


class SwitchLife(RuleBasedStateMachine):
    """One camera over commands, work, restarts and edits of the configuration."""

    @initialize()
    def begin(self) -> None:
        self.memory = Memory()
        self.configured = True
        self.expected = dict.fromkeys(FREE, True)
        self.start()

    def start(self) -> None:
        self.board = Board()
        self.switches = Panel([camera(enabled=self.configured)], self.board, self.memory)["porch"]
        self.truth = dict(self.expected)
        self.busy: set[Name] = set()

    @rule(name=st.sampled_from(FREE), on=st.booleans())
    def switch(self, name: Name, on: bool) -> None:
        self.switches.set(name, on, "test")
        self.expected[name] = on
        if name not in self.busy:
            self.truth[name] = on

    @rule(name=st.sampled_from(FREE))
    def work(self, name: Name) -> None:
        assert self.switches.begin(name) is self.expected[name]
        self.truth[name] = self.expected[name]
        self.busy.add(name)

    @rule(name=st.sampled_from(FREE))
    def rest(self, name: Name) -> None:
        self.switches.rest(name)
        self.truth[name] = self.expected[name]
        self.busy.discard(name)

    @rule(enabled=st.booleans())
    def restart(self, enabled: bool) -> None:
        if enabled is not self.configured:
            self.expected["enabled"] = enabled
        self.configured = enabled
        self.start()

    @invariant()
    def what_is_told_is_what_is_true(self) -> None:
        states = {name: told(self.board)[f"porch/{name}/state"] == "ON" for name in FREE}
        assert states == self.truth == {name: self.switches.on(name) for name in FREE}


TestSwitchLife = SwitchLife.TestCase
TestSwitchLife.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


class Stored:
    """What is on the disk already."""

    settled, fault = True, None

    def wait(self, timeout: float) -> bool:
        return True


class Journal:
    """The alarm's log, in memory."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str | None, str, str]] = []

    def recall(self, key: str) -> str | None:
        return None

    def remember_all(self, values: Mapping[str, str], entry: AuditEntry | None = None) -> None:
        if entry is not None:
            self.record(entry)

    def begin(self, values: Mapping[str, str], entry: AuditEntry | None = None) -> Underway:
        self.remember_all(values, entry)
        return Stored()

    def record(self, entry: AuditEntry) -> None:
        self.lines.append((entry.what, entry.by, entry.source, entry.result))


@dataclass
class Guarded:
    """Switches before a real alarm with Anna's code."""

    codes: tuple[Code, ...] = (Code("Anna", "4711"),)

    def __post_init__(self) -> None:
        self.board, self.journal = Board(), Journal()
        self.alarm = Alarm(self.journal, settings=AlarmSettings(codes=self.codes))
        self.panel = Panel([camera()], self.board, Memory(), self.alarm)
        self.journal.lines.clear()


@pytest.mark.parametrize("name", sorted(WATCHING))
def test_while_the_alarm_is_on_its_code_alone_lets_it_see_less_and_the_log_has_it(name: Name) -> None:
    house = Guarded()
    house.alarm.arm("away", "web")
    house.journal.lines.clear()
    heard: list[str] = []
    house.board.listen(heard.append)
    for code in (None, "1234"):
        with pytest.raises(AlarmRefused):
            house.panel.set("porch", name, False, "mqtt", code)
    assert house.panel["porch"].wanted(name)
    assert heard == [f"porch/{name}/state"] * 2  # whoever took it for off hears that it is on
    house.panel.set("porch", name, False, "mqtt", "4711")
    house.panel.set("porch", name, False, "mqtt")  # which changes nothing
    house.panel.set("porch", name, True, "mqtt")
    what = f"porch/{name} off"
    assert house.journal.lines == [
        (what, None, "mqtt", "refused: no code"),
        (what, None, "mqtt", "refused: wrong code"),
        (what, "Anna", "mqtt", "done"),
        (f"porch/{name} on", None, "mqtt", "done"),
    ]


def test_a_house_that_is_disarmed_or_has_no_code_is_switched_freely_and_the_log_has_it() -> None:
    house, open_house = Guarded(), Guarded(codes=())
    open_house.alarm.arm("away", "web")
    open_house.journal.lines.clear()
    for each in (house, open_house):
        each.panel.set("porch", "enabled", False, "mqtt")
        each.panel.set("porch", "snapshots", False, "mqtt")
        assert each.journal.lines == [("porch/enabled off", None, "mqtt", "done")]


def test_whoever_switches_to_and_fro_does_not_push_out_what_the_log_holds() -> None:
    house = Guarded()
    for number in range(4 * NOTES):
        house.panel.set("porch", "motion", bool(number % 2), "mqtt")
    assert len(house.journal.lines) == NOTES + 1
    house.panel.set("porch", "enabled", False, "web 192.0.2.1")
    assert house.journal.lines[-1] == ("porch/enabled off", None, "web 192.0.2.1", "done")


def test_what_asks_for_no_code_waits_until_the_alarm_is_off() -> None:
    house = Guarded(codes=())
    house.alarm.undisturbed("restart", "mqtt")
    house.alarm.arm("home", "web")
    for _ in range(3):
        with pytest.raises(UserError, match="disarm it first"):
            house.alarm.undisturbed("restart", "mqtt")
    assert house.journal.lines[1:] == [("restart", None, "mqtt", "refused: the alarm is armed_home")]
