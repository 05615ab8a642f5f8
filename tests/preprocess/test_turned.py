"""A turned square of a picture: what is fed is what is there, and its points come back where they were."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.preprocess import Input, Square, Turned
from edge.types import I420, U8

WIDTH, HEIGHT = 320, 240
TO = Input("x", 96, 96, colour="BGR")
squares = st.builds(
    Square,
    st.floats(-50, WIDTH + 50),
    st.floats(-50, HEIGHT + 50),
    st.floats(24, 900),
    st.floats(-math.pi, math.pi),
)


def smooth(seed: int = 1) -> U8:
    """A picture in which neighbours are alike."""
    noise = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 9)
    return np.asarray(cv2.normalize(soft, np.empty_like(soft), 20, 235, cv2.NORM_MINMAX), np.uint8)


def planes(image: U8) -> I420:
    packed = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
    chroma = packed[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    return I420(packed[:HEIGHT], chroma[0], chroma[1])


@settings(max_examples=60, deadline=None)
@given(square=squares)
def test_points_go_there_and_back(square: Square) -> None:
    fit = Turned.new((WIDTH, HEIGHT), TO).at(square)
    middle = fit.to_picture(np.array([[48, 48]], np.float32))[0]
    np.testing.assert_allclose(middle, (square.x, square.y), atol=1e-2)
    up = fit.to_picture(np.array([[48, 0]], np.float32))[0] - middle
    wanted = np.array([math.sin(square.angle), -math.cos(square.angle)]) * square.side / 2
    np.testing.assert_allclose(up, wanted, atol=0.05)


@settings(max_examples=30, deadline=None)
@given(x=st.integers(60, WIDTH - 60), y=st.integers(60, HEIGHT - 60), angle=st.floats(-3, 3), side=st.floats(100, 300))
def test_a_mark_is_found_where_it_is(x: int, y: int, angle: float, side: float) -> None:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    cv2.circle(image, (x, y), 5, (255, 255, 255), -1)
    fit = Turned.new((WIDTH, HEIGHT), TO).at(Square(x + 11, y - 7, side, angle))
    tensor = fit.blank()
    fit.bgr(image, tensor)
    rows, columns = np.nonzero(tensor[0, :, :, 0] > 127)
    where = fit.to_picture(np.array([[columns.mean() + 0.5, rows.mean() + 0.5]], np.float32))[0]
    np.testing.assert_allclose(where, (x + 0.5, y + 0.5), atol=1.0)


@pytest.mark.parametrize("side", [60.0, 130.0, 290.0, 420.0])
@pytest.mark.parametrize("angle", [0.0, 0.7, math.pi / 2])
def test_a_cameras_picture_is_fed_as_its_image_is(side: float, angle: float) -> None:
    image = smooth()
    fit = Turned.new((WIDTH, HEIGHT), TO).at(Square(150, 130, side, angle))
    one, two = fit.blank(), fit.blank()
    fit.i420(planes(image), one)
    fit.bgr(image, two)
    apart = np.abs(one.astype(int) - two.astype(int))
    assert apart.mean() < 4
    assert np.percentile(apart, 99) < 25


def test_what_lies_beyond_the_frame_is_padding() -> None:
    to = Input("x", 64, 64, colour="BGR", pad=114)
    fit = Turned.new((WIDTH, HEIGHT), to).at(Square(0, 0, 200))
    for tensor, write in ((fit.blank(), "bgr"), (fit.blank(), "i420")):
        if write == "bgr":
            fit.bgr(np.full((HEIGHT, WIDTH, 3), 200, np.uint8), tensor)
        else:
            fit.i420(planes(np.full((HEIGHT, WIDTH, 3), 200, np.uint8)), tensor)
        np.testing.assert_allclose(tensor[0, 5, 5], 114, atol=1)
        np.testing.assert_allclose(tensor[0, 60, 60], 200, atol=2)


def test_a_large_square_is_averaged_before_it_shrinks() -> None:
    """Stripes finer than a pixel of the input are grey, not stripes of their own."""
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[:, ::2] = 255
    fit = Turned.new((WIDTH, HEIGHT), Input("x", 32, 32, colour="BGR")).at(Square(160, 120, 200))
    tensor = fit.blank()
    fit.bgr(image, tensor)
    np.testing.assert_allclose(tensor[0], 127, atol=3)


def test_boxes_come_back_upright_and_clipped() -> None:
    fit = Turned.new((WIDTH, HEIGHT), TO).at(Square(100, 100, 96, math.pi / 2))
    box = fit.to_frame(np.array([[0, 0, 96, 48], [-900, 0, 900, 96]], np.float32))
    np.testing.assert_allclose(box[0], (100, 52, 148, 148), atol=1e-3)
    assert box[1].min() >= 0
    assert box[1, 3] <= HEIGHT
