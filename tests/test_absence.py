"""Cameras that are lost while the alarm is armed: each told as an event, to people once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from edge.absence import Absence, Presence
from edge.types import Event, Frame
from tests.support.stand_ins import Hands, Memory
from tests.test_rules import frame


@dataclass
class Eye:
    """A camera that comes and goes as a test says."""

    name: str
    presence: Presence = "here"
    silent: bool = False
    is_lost: bool = False
    events: list[Event] = field(default_factory=list)
    pictured: bool = True

    def last(self) -> tuple[Frame, bytes | None] | None:
        return (frame(7), b"jpeg") if self.pictured else None

    def tell(self, event: Event) -> None:
        self.events.append(replace(event, notify=event.notify and not self.silent))

    def lost(self, lost: bool) -> None:
        self.is_lost = lost

    @property
    def told(self) -> list[tuple[str, bool]]:
        """Kind, and whether it is mailed."""
        return [(event.type, event.notify) for event in self.events]


class House:
    """Cameras, an alarm and a second hand."""

    def __init__(
        self, *names: str, memory: Memory | None = None, state: str = "disarmed", presence: Presence = "here"
    ) -> None:
        self.eyes = {name: Eye(name, presence) for name in names}
        self.state, self.hands, self.memory = state, Hands(), memory or Memory()
        self.warned: list[str] = []
        self.notes: list[str] = []
        self.absence = Absence(list(self.eyes.values()), "boot", self, self.hands, self.memory)
        self.run(1)

    @property
    def mode(self) -> str | None:
        return None if self.state == "disarmed" else "away"

    def warn(self, what: str) -> None:
        self.warned.append(what)

    def note(self, what: str, by: str) -> None:
        self.notes.append(what)

    def run(self, seconds: int, **presence: Presence) -> None:
        for name, how in presence.items():
            self.eyes[name].presence = how
        for _ in range(seconds):
            self.absence.tick()
            self.hands.now += 1.0

    def arm(self) -> None:
        self.state = "armed_away"
        self.run(1)

    def kinds(self, name: str) -> list[str]:
        return [event.type for event in self.eyes[name].events]


def test_a_camera_that_is_lost_is_told_of_after_ten_seconds_until_it_is_back() -> None:
    house = House("porch", "yard")
    house.arm()
    went = house.hands.now
    house.run(9, porch="away")
    assert house.eyes["porch"].events == []
    house.run(3)
    (new,) = house.eyes["porch"].events
    after = new.after
    assert (new.type, new.armed, new.notify, new.jpeg) == ("new", "armed_away", True, b"jpeg")
    assert (after.label, after.sub_label, after.start_time, after.active) == ("tamper", "lost", went, True)
    assert after.snapshot is not None
    assert after.snapshot.frame_time == frame(7).wall
    assert house.eyes["porch"].is_lost
    house.run(300)
    house.run(2, porch="here")
    assert house.eyes["porch"].told == [("new", True), ("end", True)]
    assert house.eyes["porch"].events[1].after.id == after.id
    assert not house.eyes["porch"].is_lost
    assert (house.warned, house.notes) == ([], ["porch lost", "porch back"])
    assert house.eyes["yard"].events == []


def test_disarmed_nothing_is_told_and_what_arming_names_is_not_told_twice() -> None:
    house = House("porch")
    house.run(60, porch="away")
    house.arm()
    house.run(100)
    assert house.eyes["porch"].events == []
    house.run(5, porch="here")
    house.run(15, porch="away")
    assert house.kinds("porch") == ["new"], "it was back, and is lost now"


def test_who_goes_while_the_owner_leaves_is_told_of_once_it_is_armed() -> None:
    house = House("porch")
    house.state = "arming"
    house.run(5)
    house.run(30, porch="away")
    assert house.eyes["porch"].events == []
    house.arm()
    assert house.kinds("porch") == ["new"]


def test_a_camera_that_its_owner_switches_off_or_a_clip_that_is_over_is_not_lost() -> None:
    house = House("porch", "yard")
    house.arm()
    house.run(100, porch="off")
    assert house.eyes["porch"].events == []
    house.run(20, porch="away")
    assert house.eyes["porch"].events == [], "switched on again, it has a minute to come"
    house.run(50)
    assert house.kinds("porch") == ["new"]
    house.run(2, porch="off")
    assert house.kinds("porch") == ["new", "end"]


@pytest.mark.parametrize("silent", [0, 1], ids=["", "one that nobody wants mail of"])
def test_a_network_that_goes_is_told_to_people_once_and_each_camera_has_its_event(silent: int) -> None:
    names = [f"cam{i}" for i in range(10)]
    house = House(*names)
    for name in names[:silent]:
        house.eyes[name].silent = True
    house.arm()
    for name in names:  # each time-out has its own second
        house.run(1, **{name: "away"})
    house.run(30)
    assert all(eye.told == [("new", False)] for eye in house.eyes.values())
    assert house.warned == [f"{10 - silent} cameras are lost: {', '.join(names[silent:])}"]
    house.run(3, **dict.fromkeys(names, "here"))
    assert all(eye.told == [("new", False), ("end", True)] or eye.silent for eye in house.eyes.values())
    assert len(house.warned) == 1


def test_two_of_which_one_is_back_in_time_are_one_that_is_told_at_the_latest_after_ten_seconds() -> None:
    house = House("porch", "yard")
    house.arm()
    house.run(5, porch="away")
    house.run(7, yard="away")
    house.run(3, yard="here")
    assert (house.kinds("porch"), house.kinds("yard"), house.warned) == (["new"], [], ["porch is lost"])


def test_a_network_that_is_back_before_it_was_told_is_told_all_the_same() -> None:
    house = House("porch", "yard", "hall")
    house.arm()
    house.run(5, porch="away", yard="away")
    house.run(7, hall="away")
    house.run(2, porch="here", yard="here", hall="here")
    assert house.warned == ["2 cameras were lost: porch, yard"]


def test_a_silent_camera_is_no_reason_to_wait_nor_to_warn() -> None:
    house = House("porch", "yard")
    house.eyes["yard"].silent = True
    house.arm()
    house.run(15, porch="away", yard="away")
    assert (house.eyes["porch"].told, house.eyes["yard"].told) == ([("new", True)], [("new", False)])
    assert house.warned == []


def test_at_the_start_a_camera_has_a_minute() -> None:
    house = House("porch", state="armed_away", presence="away")
    house.eyes["porch"].pictured = False
    house.run(58)
    assert house.eyes["porch"].events == []
    house.run(3)
    (new,) = house.eyes["porch"].events
    assert (new.jpeg, new.after.has_snapshot, new.after.frame_size) == (None, False, (1, 1))


def test_a_restart_or_reload_ends_the_event_and_tells_nobody_anew() -> None:
    house = House("porch", "yard")
    house.arm()
    house.run(20, porch="away")
    house.absence.close()
    assert house.kinds("porch") == ["new", "end"]
    anew = House("porch", "yard", memory=house.memory, state="armed_away", presence="away")
    anew.run(5)
    anew.run(100, yard="here")
    (again,) = anew.eyes["porch"].events
    assert (again.notify, again.after.stationary, anew.warned, anew.notes) == (False, True, [], [])
    assert anew.eyes["yard"].events == []
    anew.run(3, porch="here")
    anew.run(15, porch="away")
    assert anew.eyes["porch"].told == [("new", False), ("end", True), ("new", True)], "that is news"


@pytest.mark.parametrize("kept", ["", "no list", "{}", "[1, null]", '"hall"', "[[]]"])
def test_what_was_kept_and_cannot_be_read_is_as_if_nobody_had_been_told(kept: str) -> None:
    memory = Memory()
    memory.note("absence", kept)
    house = House("hall", memory=memory)
    house.arm()
    house.run(15, hall="away")
    assert house.kinds("hall") == ["new"]
