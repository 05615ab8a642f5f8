"""Switches: wanted at once, told once true, kept over a restart; a changed configuration is newer than they are."""

from __future__ import annotations

import json
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge.board import Board
from edge.config.schema import Camera
from edge.errors import UserError
from edge.switches import KEY, NAMES, Name, Panel

FREE: tuple[Name, ...] = ("enabled", "detect", "motion", "notifications", "snapshots")


class Memory:
    """What survives a restart."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def recall(self, key: str) -> str | None:
        return self.kept.get(key)

    def note(self, key: str, value: str) -> None:
        self.kept[key] = value


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
