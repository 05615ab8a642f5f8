"""What is retained about a camera: counts of the picture and of each zone, motion, status."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from edge.board import Board
from edge.pipeline import Look
from edge.states import States
from edge.types import I420, Body, Frame, PostureName, Track
from tests.support import figures, walks
from tests.support.events import event
from tests.support.stand_ins import Memory

SIZE = (64, 48)
ZONES = ["left", "low"]


def track(number: int, label: str) -> Track:
    return Track(number, label, 0.9, (4, 10, 12, 40), True, True, 0.0, 1.0, 0.0, 1.0)


def look(time: float, *tracks: Track, zones: dict[int, tuple[str, ...]] | None = None, moved: bool = False) -> Look:
    w, h = SIZE
    frame = Frame("porch", 0, time, time, I420(np.zeros((h * 3 // 2, w), np.uint8), w, h))
    return Look(frame, [(0.0, 0.0, 9.0, 9.0)] if moved else [], True, list(tracks), zones or {})


def values(board: Board) -> dict[str, str]:
    return {topic: state.payload.decode() for topic, state in board.snapshot().items()}


def test_counts_are_there_from_the_start_in_the_picture_and_in_each_zone() -> None:
    board = Board()
    States(board, "porch", ["person", "car"], counting=True, zones=ZONES)
    zero = ["porch/person", "porch/car", "porch/all", "left/person", "left/car", "low/person", "low/car"]
    assert values(board) == {"porch/motion": "OFF", **dict.fromkeys(zero, "0")}


def test_an_object_counts_where_it_stands() -> None:
    board = Board()
    states = States(board, "porch", ["person", "car"], counting=True, zones=ZONES)
    tracks = [track(1, "person"), track(2, "person"), track(3, "car"), track(4, "person")]
    states.show(look(1.0, *tracks, zones={1: ("left", "low"), 2: (), 3: ("low",)}))  # the fourth is not believed yet
    now = values(board)
    assert {topic: now[topic] for topic in now if "/motion" not in topic} == {
        "porch/person": "2", "porch/car": "1", "porch/all": "3",
        "left/person": "1", "left/car": "0", "low/person": "1", "low/car": "1",
    }  # fmt: skip
    states.nobody()
    assert {word for topic, word in values(board).items() if "/motion" not in topic} == {"0"}


def test_where_nothing_is_followed_nothing_moves() -> None:
    board = Board()
    states = States(board, "porch", [], counting=False)
    states.show(look(1.0, moved=True))
    states.status("disabled")
    assert board.get("porch/motion") == "OFF"
    states.show(look(1.1, moved=True))  # the frame that was being worked on
    states.nobody()
    assert board.get("porch/motion") == "OFF"


def test_motion_that_is_not_wanted_is_off_at_once() -> None:
    board = Board()
    states = States(board, "porch", [], counting=False)
    states.show(look(1.0, moved=True))
    assert board.get("porch/motion") == "ON"
    states.show(look(1.1, moved=True), motion=False)
    assert board.get("porch/motion") == "OFF"
    states.show(look(1.2, moved=True))
    assert board.get("porch/motion") == "ON"


def test_only_what_is_believed_and_not_filtered_out_is_counted() -> None:
    """A look names the zones of each object that counts; the other tracks are candidates, or too small."""
    board = Board()
    states = States(board, "porch", ["person"], counting=True)
    tracks = [walks.track(0, walks.standing(100 * n, 300), number=n) for n in (1, 2, 3)]
    states.show(Look(walks.frame(0), [], True, tracks, {1: (), 3: ("yard",)}))
    assert (board.get("porch/person"), board.get("porch/all")) == ("2", "2")


def test_pictures_that_are_not_wanted_are_cleared_whatever_run_they_are_of() -> None:
    board = Board()
    states = States(board, "porch", ["person"], counting=True)
    shown = replace(event("new", "1-a"), jpeg=b"a face")
    states.picture(shown)
    assert board.get("porch/person/snapshot") == "a face"
    states.pictures(False)
    states.picture(shown)  # it was drawn before
    cleared = {topic: state for topic, state in board.snapshot().items() if topic.endswith("/snapshot")}
    assert set(cleared) == {f"porch/{label}/snapshot" for label in ("person", "motion", "tamper")}
    assert {state.payload for state in cleared.values()} == {b""}
    states.pictures(True)
    states.picture(shown)
    assert board.get("porch/person/snapshot") == "a face"


def told(states: States, time: float, zones: dict[int, tuple[str, ...]], bodies: dict[int, Body]) -> None:
    shown = look(time, *(track(number, "person") for number in bodies), zones=zones)
    states.show(replace(shown, frame=replace(shown.frame, bodies=bodies)))


def test_a_camera_without_postures_has_no_topic_of_them_and_one_with_them_says_none_from_the_start() -> None:
    board = Board()
    States(board, "yard", ["person"], counting=True)
    States(board, "porch", ["person"], counting=True, poses=True)
    posed = {topic: word for topic, word in values(board).items() if "pos" in topic}
    assert posed == {"porch/posture": "none", "porch/pose/available": "offline"}
    assert board.snapshot()["porch/posture"].qos == 1


@pytest.mark.parametrize(
    ("posture", "word"),
    [("standing", "standing"), ("bending", "standing"), ("sitting", "sitting"), ("crouching", "sitting"),
     ("lying", "lying"), ("unknown", "none")],
)  # fmt: skip
def test_the_topic_has_fewer_postures_than_people(posture: PostureName, word: str) -> None:
    board = Board()
    states = States(board, "porch", ["person"], counting=True, poses=True)
    told(states, 5.0, {1: ()}, {1: figures.body(posture, 1.0)})
    assert board.get("porch/posture") == word


def test_the_gravest_posture_of_several_is_told_and_what_nobody_knows_stays() -> None:
    board = Board()
    states = States(board, "porch", ["person"], counting=True, poses=True)
    here: dict[int, tuple[str, ...]] = {1: (), 2: ()}
    told(states, 5.0, here, {1: figures.body("standing"), 2: figures.body("lying")})
    assert board.get("porch/posture") == "lying"
    told(states, 6.0, here, {1: figures.body("standing"), 2: figures.body("unknown", 5.5)})
    assert board.get("porch/posture") == "lying"
    told(states, 7.0, here, {1: figures.body("standing"), 2: figures.body("sitting", 6.9)})
    assert board.get("porch/posture") == "lying", "not before it lasts"
    told(states, 8.0, here, {1: figures.body("standing"), 2: figures.body("sitting", 6.9)})
    assert board.get("porch/posture") == "sitting"
    told(states, 9.0, {}, {3: figures.body("lying")})
    assert board.get("porch/posture") == "none", "who is not believed counts for nothing"
    told(states, 10.0, {}, {})
    assert board.get("porch/posture") == "none"


def test_a_fall_is_fallen_once_it_is_sure_and_until_it_is_over() -> None:
    board = Board()
    states = States(board, "porch", ["person"], counting=True, poses=True)
    steps = [(figures.doing("fall", 5.0), "lying"), (figures.doing("fall", 5.0, 7.0), "fallen"), (None, "lying")]
    for activity, word in steps:
        told(states, 8.0, {1: ()}, {1: figures.body("lying", 5.0, activity=activity)})
        assert board.get("porch/posture") == word
    states.nobody()
    assert board.get("porch/posture") == "none"


@pytest.mark.parametrize(("posture", "word"), [("unknown", "fallen"), ("standing", "standing"), ("lying", "lying")])
def test_who_had_fallen_before_a_restart_has_until_somebody_is_known(posture: PostureName, word: str) -> None:
    """Whoever lies still is not found anew; that all is well would be a lie."""
    notes = Memory()
    before = States(Board(), "porch", ["person"], counting=True, poses=True, memory=notes)
    down = figures.body("lying", 5.0, activity=figures.doing("fall", 5.0, 7.0))
    told(before, 8.0, {1: ()}, {1: down})
    before.nobody()
    board = Board()
    states = States(board, "porch", ["person"], counting=True, poses=True, memory=notes)
    told(states, 1.0, {}, {})
    assert board.get("porch/posture") == "fallen"
    told(states, 5.0, {2: ()}, {2: figures.body(posture, 1.0)})
    assert board.get("porch/posture") == word
    states.nobody()
    assert board.get("porch/posture") == ("fallen" if word == "fallen" else "none")
    later = Board()
    States(later, "porch", ["person"], counting=True, poses=True, memory=notes)
    assert later.get("porch/posture") == ("fallen" if word == "fallen" else "none")


def test_who_was_up_again_before_a_restart_has_not_fallen() -> None:
    notes, board = Memory(), Board()
    states = States(Board(), "porch", ["person"], counting=True, poses=True, memory=notes)
    for activity in (figures.doing("fall", 5.0, 7.0), None):
        told(states, 8.0, {1: ()}, {1: figures.body("lying", 5.0, activity=activity)})
    States(board, "porch", ["person"], counting=True, poses=True, memory=notes)
    assert board.get("porch/posture") == "none"


def test_a_posture_counts_only_while_joints_are_looked_at() -> None:
    board = Board()
    states = States(board, "porch", ["person"], counting=True, poses=True)
    for poses, word in ((True, "online"), (False, "offline"), (True, "online")):
        states.show(look(5.0), poses=poses)
        assert board.get("porch/pose/available") == word
    states.nobody()
    assert board.get("porch/pose/available") == "offline"
