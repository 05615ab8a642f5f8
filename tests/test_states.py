"""What is retained about a camera: counts of the picture and of each zone, motion, status."""

from __future__ import annotations

import numpy as np

from edge.board import Board
from edge.pipeline import Look
from edge.rules import Zone
from edge.states import States
from edge.types import I420, Box, Frame, Track

SIZE = (64, 48)
LEFT = Zone("left", np.array([[0, 0], [0.5, 0], [0.5, 1], [0, 1]], np.float32))
LOW = Zone("low", np.array([[0, 0.5], [1, 0.5], [1, 1], [0, 1]], np.float32))


def track(number: int, label: str, box: Box, *, confirmed: bool = True) -> Track:
    return Track(number, label, 0.9, box, confirmed, True, 0.0, 1.0, 0.0, 1.0)


def look(time: float, *tracks: Track, moved: bool = False) -> Look:
    w, h = SIZE
    picture = I420(np.zeros((h * 3 // 2, w), np.uint8), w, h)
    return Look(Frame("porch", 0, time, time, picture), [(0.0, 0.0, 9.0, 9.0)] if moved else [], True, list(tracks))


def values(board: Board) -> dict[str, str]:
    return {topic: state.payload.decode() for topic, state in board.snapshot().items()}


def test_counts_are_there_from_the_start_in_the_picture_and_in_each_zone() -> None:
    board = Board()
    States(board, "porch", ["person", "car"], counting=True, zones=[LEFT, LOW])
    zero = ["porch/person", "porch/car", "porch/all", "left/person", "left/car", "low/person", "low/car"]
    assert values(board) == {"porch/motion": "OFF", **dict.fromkeys(zero, "0")}


def test_an_object_counts_where_it_stands() -> None:
    board = Board()
    states = States(board, "porch", ["person", "car"], counting=True, zones=[LEFT, LOW])
    states.show(
        look(
            1.0,
            track(1, "person", (4, 10, 12, 40)),  # stands left and low
            track(2, "person", (40, 2, 50, 12)),  # in neither
            track(3, "car", (36, 20, 60, 60)),  # low, cut off by the edge
            track(4, "person", (4, 10, 12, 40), confirmed=False),
        )
    )
    now = values(board)
    assert {topic: now[topic] for topic in now if "/motion" not in topic} == {
        "porch/person": "2", "porch/car": "1", "porch/all": "3",
        "left/person": "1", "left/car": "0", "low/person": "1", "low/car": "1",
    }  # fmt: skip
    states.nobody()
    assert {word for topic, word in values(board).items() if "/motion" not in topic} == {"0"}


def test_motion_that_is_not_wanted_is_off_at_once() -> None:
    board = Board()
    states = States(board, "porch", [], counting=False)
    states.show(look(1.0, moved=True))
    assert board.get("porch/motion") == "ON"
    states.show(look(1.1, moved=True), motion=False)
    assert board.get("porch/motion") == "OFF"
    states.show(look(1.2, moved=True))
    assert board.get("porch/motion") == "ON"
