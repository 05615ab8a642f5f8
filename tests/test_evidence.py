"""Pictures for people."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from edge.evidence import font, picture
from edge.types import I420, Frame, Track


def noisy(w: int, h: int) -> Frame:
    """A frame that compresses badly."""
    random = np.random.default_rng(0)
    y = random.integers(0, 255, (h, w)).astype(np.uint8)
    u, v = random.integers(0, 255, (2, (h + 1) // 2, (w + 1) // 2)).astype(np.uint8)
    return Frame("a", 0, 0.0, 0.0, I420(y, u, v))


def read(jpeg: bytes) -> np.typing.NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize("size", [(64, 48), (640, 480), (1920, 1080), (3840, 2160)])
def test_a_snapshot_fits_into_a_mail_whatever_the_camera(size: tuple[int, int]) -> None:
    jpeg = picture.snapshot(noisy(*size), (10, 10, 40, 40), "person", 0.87)
    assert len(jpeg) <= 200_000
    assert read(jpeg).shape[1] <= 1280


def test_the_object_is_boxed_in_green() -> None:
    plane, half = np.full((480, 640), 128, np.uint8), np.full((240, 320), 128, np.uint8)
    image = read(picture.snapshot(Frame("a", 0, 0, 0, I420(plane, half, half)), (200, 100, 300, 400), "person", 0.9))
    b, g, r = (int(v) for v in image[250, 200])
    assert g > b + 60
    assert g > r + 60
    assert abs(int(image[250, 250, 0]) - int(image[250, 250, 1])) < 8


@pytest.mark.parametrize("box", [(-50, -50, 900, 900), (630, 470, 640, 480), (0, 0, 0, 0), (5, 2, 9, 8)])
def test_any_box_can_be_drawn(box: tuple[float, float, float, float]) -> None:
    assert picture.snapshot(noisy(64, 48), box, "a_very_long_label_indeed_that_is_wider_than_the_picture", 1.0)


def test_the_live_picture_boxes_tracks_or_else_what_moves() -> None:
    frame = noisy(640, 480)
    track = Track(1, "person", 0.9, (10, 10, 100, 200), True, True, 0, 0, 0, 0)
    assert picture.live(frame, [track]) != picture.live(frame, []) != picture.live(frame, [], [(50, 50, 300, 300)])


def test_letters_of_the_caption_are_told_apart() -> None:
    glyphs = {letter: font.caption(letter, 1).tobytes() for letter in "abcdefghijklmnopqrstuvwxyz0123456789%-. "}
    assert len(set(glyphs.values())) == len(glyphs)
    assert font.caption("a_b", 2).shape == (18, 42)
    assert np.array_equal(font.caption("é", 1), font.caption("?", 1))
