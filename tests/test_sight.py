"""Which cameras cannot see: said as it is, told at arming, never in the way of it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import tomllib

from edge.board import Board
from edge.config.schema import Config
from edge.sight import Sight, ViewState, blindness
from edge.tamper import Tamper
from tests.tamper.test_watch import STREET
from tests.tamper.views import frame, shifted

HOUSE = """
[[camera]]
name = "hall"
source = "synthetic:"
[[camera]]
name = "yard"
source = "synthetic:"
alarm_modes = ["away"]
[[camera]]
name = "loft"
source = "synthetic:"
alarm_modes = []
[[camera]]
name = "shed"
source = "synthetic:"
alarm_modes = []
[[camera.zone]]
name = "door"
points = [[0, 0], [1, 0], [1, 1]]
alarm_modes = ["night"]
"""


class Eye:
    """A camera that sees, or not."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.why: str | None = None

    def blindness(self) -> str | None:
        return self.why


class Bench:
    def __init__(self) -> None:
        self.eyes = {name: Eye(name) for name in ("hall", "yard", "loft", "shed")}
        self.mode: str | None = None
        self.board = Board()
        self.told: list[str] = []
        config = Config.model_validate(tomllib.loads(HOUSE))
        self.sight = Sight(config, list(self.eyes.values()), lambda: self.mode, self.board, self.told.append)

    def set(self, mode: str | None, **why: str | None) -> str | None:
        """What the board says after that."""
        self.mode = mode
        for name, reason in why.items():
            self.eyes[name].why = reason
        self.sight.tick()
        return self.board.get("alarm/blind")


def test_the_board_says_who_is_blind_of_those_that_count_in_the_mode() -> None:
    bench = Bench()
    assert bench.set(None) == "none"
    assert bench.set(None, loft="offline") == "none", "it never counts"
    assert bench.set(None, yard="offline", shed="covered") == "yard is offline, shed is covered"
    assert bench.set("night") == "shed is covered"
    assert bench.set("away") == "yard is offline"
    assert bench.set("home") == "none"
    assert bench.set("away", yard=None, hall="moved") == "hall is moved"


def test_it_is_told_once_at_each_arming_and_what_comes_later_by_the_camera_itself() -> None:
    bench = Bench()
    bench.set(None, hall="covered")
    bench.set("away")
    bench.set("away", yard="offline")
    assert bench.told == ["hall is covered"]
    bench.set(None)
    assert bench.told == ["hall is covered"]
    bench.set("away")
    bench.set("home")
    assert bench.told[1:] == ["hall is covered, yard is offline", "hall is covered"], "another mode is armed anew"


def test_all_that_see_are_no_news_nor_is_a_room_without_light() -> None:
    bench = Bench()
    assert bench.set("away", hall="dark") == "hall is dark"
    assert bench.told == []


def test_cameras_that_are_starting_are_waited_for() -> None:
    bench = Bench()
    bench.set("away", hall="starting", yard="offline")
    assert bench.told == []
    bench.set("away", hall="covered")
    assert bench.told == ["hall is covered, yard is offline"]


def test_a_house_that_was_armed_when_it_started_is_not_armed_now() -> None:
    bench = Bench()
    bench.eyes["hall"].why = "covered"
    bench.mode = "away"
    told: list[str] = []
    Sight(
        Config.model_validate(tomllib.loads(HOUSE)), list(bench.eyes.values()), lambda: "away", Board(), told.append
    ).tick()
    assert told == []


@dataclass
class Reading:
    status: str = "online"
    reason: str | None = None


def watched(*seen: object, seconds: int = 30) -> Tamper:
    tamper = Tamper("hall", "boot", lambda: "disarmed")
    for at, luma in enumerate(luma for luma in seen for _ in range(seconds)):
        tamper.look(frame(luma, float(at)), [], [])  # type: ignore[arg-type]
    return tamper


@pytest.mark.parametrize(
    ("reading", "tamper", "why"),
    [
        (Reading(), watched(STREET), None),
        (Reading(), None, None),
        (Reading("disabled", "switched off"), None, "switched off"),
        (Reading("offline", "starting"), None, "starting"),
        (Reading("offline", "refused"), watched(STREET), "offline"),
        (Reading(), watched(STREET, shifted(STREET, 0.1)), "moved"),
        (Reading(), watched(STREET * 0 + 100), "not recognised"),
        (Reading(), watched(STREET * 0 + 100, seconds=5), "starting"),
        (Reading(), watched(STREET * 0 + 17), "not recognised"),
    ],
)
def test_why_a_camera_does_not_see(reading: Reading, tamper: Tamper | None, why: str | None) -> None:
    assert blindness(reading, tamper, looking=True, detecting=True) == why


def test_nobody_who_looks_or_detects_sees_nothing() -> None:
    assert blindness(Reading(), None, looking=False, detecting=True) == "not looked at"
    assert blindness(Reading(), None, looking=True, detecting=False) == "not detecting"


def test_a_view_that_nobody_watches_over_has_no_state_but_a_lost_camera_has() -> None:
    told: list[str] = []
    view = ViewState(None, told.append)
    view.accept()
    view.take_back()
    assert (view.state, view.status(), told) == ("none", {"tamper": None, "view": None}, [])
    view.lost(True)
    view.lost(False)
    assert told == ["lost", "none"]


def test_a_lost_camera_is_that_whatever_was_the_matter_with_its_view() -> None:
    told: list[str] = []
    view = ViewState(Tamper("hall", "b", lambda: "disarmed"), told.append)
    assert told == ["none"], "the broker may hold what an earlier run saw"
    view.lost(True)
    assert view.status() == {"tamper": "lost", "view": {"since": None, "by": None, "recognised": False}}
