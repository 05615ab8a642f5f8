"""COCO's points out of other models', and the likeness of poses."""

from __future__ import annotations

import re
from importlib import resources

import numpy as np
import pytest

from edge.pose.keypoints import (
    ACROSS,
    FROM_BLAZEPOSE,
    FROM_OPENPOSE,
    LEFT,
    LEFT_FACE,
    LIMBS,
    RIGHT,
    RIGHT_FACE,
    SIGMAS,
    oks,
)
from edge.types import COCO_KEYPOINTS, F32

BLAZEPOSE = (
    "nose", "left eye (inner)", "left eye", "left eye (outer)", "right eye (inner)", "right eye", "right eye (outer)",
    "left ear", "right ear", "mouth (left)", "mouth (right)", "left shoulder", "right shoulder", "left elbow",
    "right elbow", "left wrist", "right wrist", "left pinky", "right pinky", "left index", "right index", "left thumb",
    "right thumb", "left hip", "right hip", "left knee", "right knee", "left ankle", "right ankle", "left heel",
    "right heel", "left foot index", "right foot index",
)  # fmt: skip
OPENPOSE = (
    "nose", "neck", "right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist",
    "right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle", "right eye", "left eye",
    "right ear", "left ear",
)  # fmt: skip


@pytest.mark.parametrize(("names", "which"), [(BLAZEPOSE, FROM_BLAZEPOSE), (OPENPOSE, FROM_OPENPOSE)])
def test_each_point_is_the_one_of_its_name(names: tuple[str, ...], which: tuple[int, ...]) -> None:
    assert tuple(names[i] for i in which) == COCO_KEYPOINTS


def test_a_limb_joins_neighbours_of_its_own_side() -> None:
    by_name = [[COCO_KEYPOINTS[joint] for joint in pair] for pair in (*LEFT, *LEFT_FACE)]
    assert all("right" not in name for pair in by_name for name in pair)
    assert len(set(LIMBS)) == len(LIMBS) == 12
    for left, right in ((LEFT, RIGHT), (LEFT_FACE, RIGHT_FACE)):
        assert tuple(tuple(joint and joint + 1 for joint in pair) for pair in left) == right
    assert {frozenset(COCO_KEYPOINTS[joint].split()[-1] for joint in pair) for pair in ACROSS} == {
        frozenset({"shoulder"}),
        frozenset({"hip"}),
    }


def test_the_page_s_figure_has_the_same_limbs() -> None:
    script = (resources.files("edge.web") / "static/figure.js").read_text("utf-8")
    table = script.split("const LIMBS = [", 1)[1].split("\n];", 1)[0]
    told = [(side, int(a), int(b)) for side, a, b in re.findall(r'\["(\w+)", (\d+), (\d+)\]', table)]
    sides = {"left": LEFT, "right": RIGHT, "across": ACROSS}
    assert told == [(side, *pair) for side, pairs in sides.items() for pair in pairs]


def pose(shift: float = 0.0) -> F32:
    rng = np.random.default_rng(1)
    return np.column_stack([rng.uniform(0, 100, (17, 2)) + shift, np.ones(17)]).astype(np.float32)


def test_a_pose_is_like_itself_and_less_so_the_farther_it_lies() -> None:
    likes = [oks(pose(), pose(shift), 5000.0) for shift in (0, 2, 5, 20)]
    assert likes[0] == 1
    assert likes == sorted(likes, reverse=True)
    assert likes[-1] < 0.2


def test_at_one_deviation_each_point_counts_as_coco_says() -> None:
    other = pose()
    other[:, 0] += 2 * SIGMAS * np.sqrt(5000.0)
    assert oks(pose(), other, 5000.0) == pytest.approx(np.exp(-0.5), abs=1e-4)


def test_points_that_one_of_them_has_not_do_not_count_and_none_is_no_likeness() -> None:
    other = pose()
    other[0] = (1e6, 1e6, 0)
    assert oks(pose(), other, 5000.0) == 1
    other[:, 2] = 0
    assert oks(pose(), other, 5000.0) == 0
    assert oks(pose(), pose(), 0.0) == 0
