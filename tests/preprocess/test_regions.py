"""A part of a frame is fed without a copy, and its boxes come back in pixels of the whole frame."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.preprocess import Fit, Input
from edge.types import I420, U8

WIDTH, HEIGHT = 160, 120
IMAGE = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
INPUTS = {
    "letterbox": Input("x", 64, 48, "NCHW", "BGR", "float32", fit="letterbox", pad=114),
    "stretch": Input("x", 64, 48),
    "crop": Input("x", 48, 48, colour="BGR", fit="crop"),
    "grey": Input("x", 48, 48, colour="GRAY"),
    "saturation": Input("x", 47, 49, colour="HSV-S"),
}
inputs = pytest.mark.parametrize("to", INPUTS.values(), ids=INPUTS)


def planes(image: U8) -> I420:
    height, width = image.shape[:2]
    packed = np.asarray(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_BGR2YUV_I420), np.uint8)
    chroma = packed[height:].reshape(2, height // 2, width // 2)
    return I420(packed[:height], chroma[0], chroma[1])


@st.composite
def regions(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Even corners, eight pixels at least."""
    x1, y1 = 2 * draw(st.integers(0, WIDTH // 2 - 4)), 2 * draw(st.integers(0, HEIGHT // 2 - 4))
    return x1, y1, draw(st.integers(x1 // 2 + 4, WIDTH // 2)) * 2, draw(st.integers(y1 // 2 + 4, HEIGHT // 2)) * 2


@inputs
@settings(max_examples=40, deadline=None)
@given(region=regions())
def test_a_region_is_fed_as_a_frame_of_its_own(to: Input, region: tuple[int, int, int, int]) -> None:
    x1, y1, x2, y2 = region
    inside, alone = Fit.of((WIDTH, HEIGHT), to, region), Fit.of((x2 - x1, y2 - y1), to)
    one, two = inside.blank(), alone.blank()
    inside.bgr(IMAGE, one)
    alone.bgr(np.ascontiguousarray(IMAGE[y1:y2, x1:x2]), two)
    np.testing.assert_array_equal(one, two)
    whole = planes(IMAGE)
    inside.i420(whole, one)
    chroma = slice(y1 // 2, y2 // 2), slice(x1 // 2, x2 // 2)
    alone.i420(I420(whole.y[y1:y2, x1:x2].copy(), whole.u[chroma].copy(), whole.v[chroma].copy()), two)
    np.testing.assert_array_equal(one, two)


@inputs
@given(region=regions())
def test_its_boxes_are_the_whole_frames(to: Input, region: tuple[int, int, int, int]) -> None:
    fit = Fit.of((WIDTH, HEIGHT), to, region)
    corners = np.array([[fit.left, fit.top, fit.left + fit.width, fit.top + fit.height]], np.float32)
    np.testing.assert_allclose(fit.to_frame(corners), [fit.region], atol=1e-3)
    if to.fit != "crop":
        assert fit.region == region
    far = fit.to_frame(np.array([[-1e4, -1e4, 1e4, 1e4]], np.float32))
    np.testing.assert_array_equal(far, [[0, 0, WIDTH, HEIGHT]])


@pytest.mark.parametrize(
    ("region", "says"),
    [
        ((0, 0, 162, 120), "does not lie in a frame of 160x120"),
        ((-2, 0, 80, 60), "does not lie"),
        ((80, 0, 80, 60), "does not lie"),
        ((1, 0, 80, 60), "odd sides"),
        ((0, 0, 80, 61), "odd sides"),
    ],
)
def test_a_region_that_cannot_be_cut_is_refused(region: tuple[int, int, int, int], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Fit.of((WIDTH, HEIGHT), INPUTS["stretch"], region)


def test_a_frame_of_odd_sides_is_cut_at_its_edge_too() -> None:
    image = IMAGE[:119, :159]
    picture = I420(planes(IMAGE).y[:119, :159], planes(IMAGE).u, planes(IMAGE).v)
    fit = Fit.of((159, 119), Input("x", 79, 59), (80, 60, 159, 119))
    out = fit.blank()
    fit.bgr(image, out)
    fit.i420(picture, out)
    np.testing.assert_allclose(fit.to_frame(np.array([[0, 0, 79, 59]], np.float32)), [[80, 60, 159, 119]], atol=1e-3)


@pytest.mark.parametrize("kind", ["i420", "bgr"])
def test_a_mark_seen_in_a_region_is_found_where_it_is(kind: Literal["i420", "bgr"]) -> None:
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[60:80, 90:110] = 255
    for to in INPUTS.values():
        if to.colour == "HSV-S":
            continue
        fit = Fit.of((WIDTH, HEIGHT), to, (60, 40, 140, 100))
        out = fit.blank()
        fit.i420(planes(image), out) if kind == "i420" else fit.bgr(image, out)
        grey = (out[0] if to.layout == "NHWC" else out[0].transpose(1, 2, 0))[..., 0].astype(float)
        bright = grey > 180
        rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
        seen = np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], np.float32)
        assert np.abs(fit.to_frame(seen)[0] - [90, 60, 110, 80]).max() <= 2, to
