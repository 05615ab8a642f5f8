"""Who leaves the picture is not looked for in what stands there; who falls at its edge still is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.somebody import Somebody
from edge.types import Box, Pose, Track
from tests.support.figures import Plain, box_of, pose
from tests.test_bodies import MOVES, person, scene

SIZE = (640, 480)
RIGHT: Box = (600.0, 100.0, 660.0, 400.0)
LOW: Box = (200.0, 300.0, 300.0, 500.0)


def somebody(box: Box, found: Pose | None = None, *, seen: bool = False) -> Somebody:
    one = Somebody(Plain(), box, 0.0, 0.0)
    one.seen, one.pose = seen, found
    one.body = one.follows.look(pose((320.0, 400.0), 200.0), 0.0)
    return one


@pytest.mark.parametrize(
    ("box", "seen", "left"),
    [
        (RIGHT, False, True),
        ((-5.0, 100.0, 60.0, 400.0), False, True),
        (RIGHT, True, False),
        (LOW, False, False),
        ((300.0, 100.0, 360.0, 400.0), False, False),
    ],
    ids=["right", "left", "still seen", "below", "within"],
)
def test_who_was_lost_reaching_over_a_side_has_left(box: Box, seen: bool, left: bool) -> None:
    assert somebody(box, seen=seen).left(SIZE) is left


def test_who_lies_at_a_side_has_not_left() -> None:
    fallen = somebody(RIGHT)
    fallen.body = fallen.follows.look(pose((600.0, 400.0), 200.0, 90), 1.0)
    assert not fallen.left(SIZE)
    assert not fallen.gone(SIZE)


@pytest.mark.parametrize(
    ("one", "gone"),
    [
        (somebody(RIGHT), True),
        (somebody(LOW), True),
        (somebody(LOW, pose((250.0, 400.0), 100.0)), False),
        (somebody(LOW, seen=True), False),
        (somebody((300.0, 100.0, 360.0, 400.0)), False),
    ],
    ids=["a side", "below", "found", "seen", "within"],
)
def test_nothing_is_told_of_who_was_lost_at_the_edge_and_is_not_found(one: Somebody, gone: bool) -> None:
    assert one.gone(SIZE) is gone


def test_who_walked_out_is_not_looked_for_and_has_no_joints() -> None:
    porch = scene(fps=10)
    box = box_of((600.0, 400.0), 200.0)
    porch.run(1, [person(box=box)], MOVES)
    looks = porch.looks
    out: Track = person(box=(box[0] + 30, box[1], 650.0, box[3]), seen=False)
    porch.run(1, [out], MOVES)
    assert (porch.looks, porch.found) == (looks, {})
    porch.run(1, [replace(out, seen=True)], MOVES)
    assert porch.looks > looks
    assert set(porch.found) == {1}
