"""Which picture of an object is the best one."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import boxes
from edge.evidence.quality import quality, sharpness
from edge.rules.story import usual_quality
from edge.types import I420, U8, Box, Frame

HALF = np.full((240, 320), 128, np.uint8)


def textured(h: int = 480, w: int = 640) -> U8:
    """A picture with detail at every size."""
    random = np.random.default_rng(1)
    total = np.zeros((h, w), np.float32)
    for cells in (8, 16, 32, 64, 128):
        total += cv2.resize(random.normal(0, 18, (cells, cells)).astype(np.float32), (w, h))
    return np.asarray((total + 128).clip(16, 235), np.uint8)


def frame(y: U8) -> Frame:
    return Frame("porch", 0, 0.0, 0.0, I420(y, HALF, HALF))


BOX: Box = (200, 100, 300, 340)


@pytest.mark.parametrize("blur", [3, 5, 9, 15])
def test_a_sharp_picture_is_better_than_the_same_blurred(blur: int) -> None:
    y = textured()
    soft = np.asarray(cv2.GaussianBlur(y, (0, 0), blur), np.uint8)
    assert quality(frame(y), BOX, 0.9) > 1.1 * quality(frame(soft), BOX, 0.9)


def test_a_smear_of_movement_is_worse_than_standing_still() -> None:
    y = textured()
    smear = np.asarray(cv2.blur(y, (25, 1)), np.uint8)
    assert quality(frame(y), BOX, 0.9) > 1.1 * quality(frame(smear), BOX, 0.9)


def test_larger_surer_and_whole_are_better() -> None:
    scene = frame(textured())
    assert quality(scene, (200, 100, 300, 340), 0.9) > quality(scene, (200, 100, 250, 220), 0.9)
    assert quality(scene, BOX, 0.9) > quality(scene, BOX, 0.5)
    assert quality(scene, BOX, 0.9) > quality(scene, (0, 100, 100, 340), 0.9)


def test_the_size_alone_does_not_make_an_object_sharp() -> None:
    y = textured()
    twice = np.asarray(cv2.resize(y, (1280, 960), interpolation=cv2.INTER_CUBIC), np.uint8)
    near, far = sharpness(twice[200:680, 400:600]), sharpness(y[100:340, 200:300])
    assert near == pytest.approx(far, rel=0.25)


@pytest.mark.parametrize("box", [(0, 0, 0, 0), (639, 479, 640, 480), (-5, -5, 900, 900), (10, 10, 13, 400)])
def test_any_box_has_a_quality(box: Box) -> None:
    assert 0.0 <= quality(frame(textured()), box, 1.0) <= 1.0


NOISE = frame(np.asarray(np.random.default_rng(2).integers(0, 256, (480, 640)), np.uint8))


@given(
    st.tuples(st.floats(-50, 650), st.floats(-50, 490), st.floats(0, 640), st.floats(0, 480)), st.floats(0, 1),
)  # fmt: skip
def test_no_picture_is_better_than_its_size_and_score_allow_which_is_what_the_rules_ask_first(
    place: Box, score: float
) -> None:
    x, y, w, h = place
    box = boxes.clipped((x, y, x + w, y + h), 640, 480)
    assert quality(NOISE, box, score) <= usual_quality(NOISE, box, score)
