"""What pictures do not show, and what is not told."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.evidence.privacy import Discretion, Shown, head, hidden, veil
from edge.rules import Rules
from edge.types import I420, Box, Event, Frame, Track
from tests.support.events import event
from tests.support.stand_ins import Hands

BOX: Box = (200, 100, 300, 400)


def scene() -> Frame:
    random = np.random.default_rng(3)
    y = random.integers(16, 235, (480, 640)).astype(np.uint8)
    u, v = random.integers(16, 235, (2, 240, 320)).astype(np.uint8)
    return Frame("porch", 7, 1.0, 2.0, I420(y, u, v))


def track(box: Box = BOX, label: str = "person") -> Track:
    return Track(
        number=1, label=label, score=0.9, box=box, confirmed=False, seen=True,
        first_time=0, last_time=1, first_wall=0, last_wall=1,
    )  # fmt: skip


def test_people_are_hidden_in_all_planes_and_the_rest_is_as_it_was() -> None:
    frame = scene()
    kept = frame.picture.y.copy()
    shown = veil("people", sees_people=True)(frame, [track(), track((10, 10, 60, 60), "dog")], [])
    assert (frame.picture.y == kept).all(), "the detector's frame is not touched"
    assert shown.index == frame.index
    for plane, scale in ((shown.picture.y, 1), (shown.picture.u, 2), (shown.picture.v, 2)):
        inside = plane[100 // scale : 400 // scale, 200 // scale : 300 // scale]
        assert inside.std() < 12, "noise is averaged away"
    assert (shown.picture.y[:60] == kept[:60]).all()
    assert (shown.picture.y[:, 320:] == kept[:, 320:]).all()
    assert veil("people", sees_people=True)(frame, [track(label="dog")], [BOX]) is frame
    assert veil("none", sees_people=True)(frame, [track()], [BOX]) is frame


def test_faces_are_the_upper_part_of_who_stands_and_all_of_who_lies() -> None:
    assert head((0, 0, 100, 300)) == (0, 0, 100, 90)
    assert head((0, 0, 300, 100)) == (0, 0, 300, 100)
    shown = veil("faces", sees_people=True)(scene(), [track()], [])
    assert shown.picture.y[100:190, 200:300].std() < 12
    assert shown.picture.y[230:400, 200:300].std() > 40


def test_where_nobody_looks_for_people_what_moves_is_hidden() -> None:
    shown = veil("faces", sees_people=False)(scene(), [], [BOX])
    assert shown.picture.y[100:400, 200:300].std() < 12


def test_who_was_there_cannot_be_told_from_what_is_left() -> None:
    """Two faces that differ in detail alone are the same afterwards."""
    base = scene().picture
    other = base.y.copy()
    detail = np.indices((12, 12)).sum(0) % 2 * 160 - 80
    other[112:124, 212:224] = (other[112:124, 212:224].astype(int) + detail).clip(0, 255)
    one, two = hidden(base, [BOX]), hidden(I420(other, base.u, base.v), [BOX])
    assert cv2.absdiff(one.y, two.y).max() <= 3


@given(st.lists(st.tuples(*[st.floats(-1000, 2000)] * 4), max_size=4), st.integers(1, 40), st.integers(1, 40))
def test_any_place_in_any_picture_can_be_hidden(places: list[Box], w: int, h: int) -> None:
    half = np.zeros(((h + 1) // 2, (w + 1) // 2), np.uint8)
    picture = hidden(I420(np.zeros((h, w), np.uint8), half, half), places)
    assert picture.y.shape == (h, w)


class Armed:
    """The alarm's state, set by a test."""

    def __init__(self) -> None:
        self.state = "armed_away"

    def __call__(self) -> str:
        return self.state


def kinds(told: list[Event | None]) -> list[str | None]:
    return [each and each.type for each in told]


def test_disarmed_nothing_is_told_but_the_end_of_what_was() -> None:
    armed = Armed()
    quiet = Discretion(armed)
    first = event("new", "1-a", jpeg=b"x")
    assert quiet.passes(first) == first
    armed.state = "disarmed"
    told = [quiet.passes(event(kind, "1-a", jpeg=b"x")) for kind in ("update", "end")]
    assert kinds(told) == [None, "end"]
    assert told[1] is not None
    assert told[1].jpeg is None
    assert kinds([quiet.passes(event(kind, "2-b")) for kind in ("new", "update", "end")]) == [None] * 3
    for label in ("engine", "alarm"):
        assert quiet.passes(event("new", "3-c", label=label)) is not None


def test_what_is_still_there_when_the_alarm_is_armed_is_new_then() -> None:
    armed = Armed()
    armed.state = "disarmed"
    quiet = Discretion(armed)
    assert quiet.passes(event("new", "1-a", jpeg=b"x")) is None
    armed.state = "armed_away"
    late = event("update", "1-a")
    late = replace(late, after=replace(late.after, has_snapshot=True))
    told = quiet.passes(late)
    assert told is not None
    assert (told.type, told.before, told.after.has_snapshot) == ("new", None, False)
    better = quiet.passes(event("update", "1-a", jpeg=b"y"))
    assert better is not None
    assert better.type == "update"
    assert better.after.has_snapshot
    assert kinds([quiet.passes(event("end", "1-a"))]) == ["end"]


@pytest.mark.parametrize("grows", [-2, 0, 2], ids=["leaves", "stays", "comes"])
def test_every_picture_is_one_from_while_it_was_armed(grows: int) -> None:
    armed, hands = Armed(), Hands(1000.0)
    armed.state = "disarmed"
    quiet, shown, taken = Discretion(armed), Shown(armed, hands), []
    rules = Rules(
        "porch", "boot", ["person"], armed, draw=lambda frame, *_: taken.append(frame.time) or b"x", since=shown.since
    )  # fmt: skip
    told: list[tuple[float, Event]] = []
    for i in range(100):
        hands.now += 0.1
        if i == 50:
            armed.state = "armed_away"
        late = replace(scene(), time=hands.now - 0.25, wall=hands.now)  # frames are judged some time after they came
        size = 250 + grows * i
        one = replace(track((50 + 3.0 * i, 100, 50 + 3.0 * i + size / 2, 100 + size)), confirmed=True)
        for each in rules.judge(late, [one], [], frozenset({1})):
            before = taken[-1] if taken else 0.0
            if (passed := quiet.passes(each)) is not None:
                told.append((before, passed))
    assert told[0][1].type == "new"
    pictures = [(taken_at, one) for taken_at, one in told if one.jpeg is not None]
    assert pictures, "there is one all the same"
    assert all(taken_at >= 1005.1 and one.after.has_snapshot for taken_at, one in pictures)
    assert pictures[0][0] < 1005.1 + 1, "and soon"


def test_pictures_begin_anew_with_each_step_towards_being_armed() -> None:
    armed, hands = Armed(), Hands(0.0)
    assert Shown(armed, hands).since() == -np.inf, "after a restart it was armed all the time"
    armed.state = "disarmed"
    shown = Shown(armed, hands)
    shown.since()
    found = []
    for state in ("disarmed", "arming", "armed_away", "triggered", "armed_home", "disarmed", "triggered", "disarmed"):
        hands.now += 1
        armed.state = state
        found.append(shown.since())
    assert found == [-np.inf, 2, 3, 3, 3, 3, 7, 7]


@given(st.lists(st.tuples(st.sampled_from(["arm", "disarm", "see", "leave"]), st.integers(0, 2))))
def test_whatever_happens_each_object_is_told_as_new_once_and_ended_once(steps: list[tuple[str, int]]) -> None:
    armed, there, told = Armed(), {}, {}  # type: ignore[var-annotated]
    quiet = Discretion(armed)
    for number, (step, which) in enumerate(steps):
        if step in ("arm", "disarm"):
            armed.state = "armed_away" if step == "arm" else "disarmed"
            continue
        if step == "leave" and which not in there:
            continue
        kind = "end" if step == "leave" else "update" if which in there else "new"
        name = there.pop(which) if step == "leave" else there.setdefault(which, f"{number}-{which}")
        said = quiet.passes(event(kind, name))  # type: ignore[arg-type]
        if said is not None:
            told.setdefault(name, []).append(said.type)
            assert said.type == "end" or armed.state != "disarmed"
    for row in told.values():
        assert row[0] == "new"
        assert row.count("new") == 1
        assert "end" not in row[:-1]


@pytest.mark.parametrize("blur", ["faces", "people"])
def test_a_veil_leaves_an_empty_scene_alone(blur: str) -> None:
    frame = scene()
    assert veil(blur, sees_people=True)(frame, [], []) is frame  # type: ignore[arg-type]
