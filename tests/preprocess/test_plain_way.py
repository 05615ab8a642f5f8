"""A BGR image becomes, to the bit, what OpenCV and NumPy make of it step by step."""

from __future__ import annotations

import tarfile
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.models import catalogue
from edge.preprocess import Fit, Input
from edge.preprocess.fit import FULL_RANGE
from edge.preprocess.input import Anchor, Colour, Fitting, Layout, Resize, Rounding
from edge.types import I420, U8
from tests.support.shared_data import DATA, IMAGES, needs_data

CONVERSIONS = {"RGB": cv2.COLOR_BGR2RGB, "GRAY": cv2.COLOR_BGR2GRAY, "HSV-S": cv2.COLOR_BGR2HSV}


def plain(image: U8, to: Input) -> NDArray[Any]:
    """Resize, convert, pad, cast, transpose: the sizes by the original projects' own formulas."""
    height, width = image.shape[:2]
    left = top = 0
    across, down = to.width, to.height
    if to.fit == "letterbox":
        ratio = min(to.height / height, to.width / width)
        turn = round if to.rounding == "nearest" else int
        across, down = max(1, turn(width * ratio)), max(1, turn(height * ratio))
        if to.anchor == "centre":  # as Ultralytics' LetterBox rounds the two halves of the padding
            left, top = round((to.width - across) / 2 - 0.1), round((to.height - down) / 2 - 0.1)
    small = cv2.resize(image, (across, down), interpolation=cv2.INTER_LINEAR)
    if to.colour in CONVERSIONS:
        small = cv2.cvtColor(small, CONVERSIONS[to.colour])
    if to.colour == "HSV-S":
        small = small[..., 1]
    right, bottom = to.width - across - left, to.height - down - top
    padded = cv2.copyMakeBorder(small, top, bottom, left, right, cv2.BORDER_CONSTANT, value=(to.pad,) * 3)
    pixels = padded.reshape(to.height, to.width, to.channels).astype(to.dtype)
    return (pixels if to.layout == "NHWC" else np.ascontiguousarray(pixels.transpose(2, 0, 1)))[None]


def noise(width: int, height: int, seed: int = 0) -> U8:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def fed(image: U8, to: Input) -> NDArray[Any]:
    fit = Fit.of((image.shape[1], image.shape[0]), to)
    out = fit.blank()
    fit.bgr(image, out)
    return out


def test_yolox_from_1280x720_is_equal_to_the_bit() -> None:
    known = catalogue.by_name("yolox-nano")
    assert known is not None
    to = known.manifest.input
    assert (to.rounding, to.pad) == ("down", 114)
    image = noise(1280, 720)
    np.testing.assert_array_equal(fed(image, to), plain(image, to))


@settings(max_examples=150, deadline=None)
@given(
    frame=st.tuples(st.integers(8, 900), st.integers(8, 700)),
    size=st.tuples(st.integers(8, 200), st.integers(8, 200)),
    layout=st.sampled_from(["NHWC", "NCHW"]),
    colour=st.sampled_from(["RGB", "BGR", "GRAY", "HSV-S"]),
    dtype=st.sampled_from(["uint8", "float32", "float16"]),
    fit=st.sampled_from(["letterbox", "stretch"]),
    anchor=st.sampled_from(["top-left", "centre"]),
    rounding=st.sampled_from(["nearest", "down"]),
)
def test_any_size_layout_and_colour_is_equal_to_the_bit(
    frame: tuple[int, int],
    size: tuple[int, int],
    layout: Layout,
    colour: Colour,
    dtype: str,
    fit: Fitting,
    anchor: Anchor,
    rounding: Rounding,
) -> None:
    to = Input("x", *size, layout, colour, dtype, fit=fit, pad=114, anchor=anchor, rounding=rounding)
    image = noise(*frame)
    np.testing.assert_array_equal(fed(image, to), plain(image, to))


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize(
    ("scale", "mean", "std"), [(1 / 255, (0.0,) * 3, (1.0,) * 3), (1.0, (123.7, 116, 103), (58, 57, 57))]
)
def test_scale_mean_and_std_are_the_formula(
    layout: Layout, scale: float, mean: tuple[float, float, float], std: tuple[float, float, float]
) -> None:
    to = Input("x", 64, 48, layout, "RGB", "float32", scale, mean, std, fit="letterbox", pad=114)
    image = noise(333, 222)
    pixels = plain(image, Input("x", 64, 48, layout, "RGB", "float64", fit="letterbox", pad=114))
    turn = (1, 1, 1, -1) if layout == "NHWC" else (1, -1, 1, 1)
    wanted = (pixels * scale - np.reshape(mean, turn)) / np.reshape(std, turn)
    np.testing.assert_allclose(fed(image, to), wanted, rtol=1e-6, atol=1e-6)


@given(
    frame=st.tuples(st.integers(8, 900), st.integers(8, 700)), size=st.tuples(st.integers(8, 99), st.integers(8, 99))
)
def test_a_crop_is_the_middle_of_the_picture_in_its_proportions(frame: tuple[int, int], size: tuple[int, int]) -> None:
    to = Input("x", *size, colour="BGR", fit="crop")
    image = noise(*frame)
    x1, y1, x2, y2 = Fit.of(frame, to).region
    assert x2 - x1 == frame[0] or y2 - y1 == frame[1], "nothing is cut at two of the sides"
    assert abs((x1 + x2) - frame[0]) <= 3, "centred to an even pixel"
    assert abs((y1 + y2) - frame[1]) <= 3
    width, height = min(frame[0], frame[1] * size[0] / size[1]), min(frame[1], frame[0] * size[1] / size[0])
    assert abs(x2 - x1 - max(2, width)) <= 1
    assert abs(y2 - y1 - max(2, height)) <= 1
    whole = Input("x", *size, colour="BGR")
    np.testing.assert_array_equal(fed(image, to), plain(np.ascontiguousarray(image[y1:y2, x1:x2]), whole))


@given(
    frame=st.tuples(st.integers(2, 700), st.integers(2, 500)),
    rows=st.tuples(st.floats(0, 1), st.floats(0, 1)).filter(lambda rows: rows[0] < rows[1]),
    colour=st.sampled_from(["BGR", "HSV-S", "GRAY"]),
)
def test_rows_that_are_seen_are_cut_out_and_nothing_else(
    frame: tuple[int, int], rows: tuple[float, float], colour: Colour
) -> None:
    to = Input("x", 64, 48, colour=colour, dtype="float32", rows=rows)
    image = noise(*frame)
    x1, y1, x2, y2 = Fit.of(frame, to).region
    assert (x1, x2) == (0, frame[0])
    assert 0 <= y1 < y2 <= frame[1]
    assert y1 % 2 == 0
    assert y2 % 2 == 0 or y2 == frame[1]
    assert abs(y1 - rows[0] * frame[1]) <= 2 + frame[1] % 2, "the nearest even row, less where nothing would be left"
    whole = replace(to, rows=(0.0, 1.0))
    np.testing.assert_array_equal(fed(image, to), plain(np.ascontiguousarray(image[y1:y2]), whole))
    part = Fit.of((320, 160), replace(to, rows=(0.4375, 0.875))).region
    assert part == (0, 70, 320, 140)


@needs_data
def test_saturation_is_that_of_the_steering_networks_golden_pictures() -> None:
    golden = np.load(DATA / "steering" / "golden_mez52.npz")
    to = Input("x", 64, 64, "NHWC", "HSV-S")
    with tarfile.open(DATA / "steering" / "donkey_tub_0-699.tar.gz") as tub:
        for number, wanted in zip(golden["index"][:20], golden["saturation"], strict=False):
            member = tub.extractfile(f"tub/images/{number}_cam_image_array_.jpg")
            assert member is not None
            image = cv2.imdecode(np.frombuffer(member.read(), np.uint8), cv2.IMREAD_COLOR)
            np.testing.assert_array_equal(fed(np.asarray(image, np.uint8), to)[0, ..., 0], wanted)


@needs_data
@pytest.mark.parametrize("name", ["cat_720p.jpg", "squat.bmp", "grace_hopper.bmp", "owl.jpg"])
def test_a_cameras_planes_come_close_to_the_plain_way(name: str) -> None:
    """To 3 levels of 255 on average, nineteen values in twenty to 10: what differs is detail finer than a pixel."""
    image = np.asarray(cv2.imread(str(IMAGES / name)), np.uint8)
    image = np.ascontiguousarray(image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2])
    height, width = image.shape[:2]
    packed = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
    chroma = packed[height:].reshape(2, height // 2, width // 2)
    picture = I420(packed[:height], chroma[0], chroma[1])
    to = Input("x", 416, 416, "NCHW", "BGR", "float32", fit="letterbox", pad=114, rounding="down")
    fit = Fit.of((width, height), to)
    out = fit.blank()
    fit.i420(picture, out)
    difference = np.abs(out - plain(picture.bgr(), to))[0, :, : fit.height, : fit.width]
    assert difference.mean() <= 3
    assert np.quantile(difference, 0.95) <= 10


def grey(luma: U8, side: int, resize: Resize = "bilinear") -> U8:
    """What a camera's luma becomes in a square input of grey."""
    height, width = luma.shape
    chroma = np.full(((height + 1) // 2, (width + 1) // 2), 128, np.uint8)
    fit = Fit.of((width, height), Input("x", side, side, "NHWC", "GRAY", "uint8", resize=resize))
    out = fit.blank()
    fit.i420(I420(luma, chroma, chroma), out)
    return np.asarray(out[0, :, :, 0], np.uint8)


def test_odd_planes_that_shrink_far_are_averaged() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (485, 645)).astype(np.uint8)
    assert grey(noise, 32).std() < 15, "of four pixels alone it were above 30"


def test_a_strip_that_shrinks_one_way_alone_is_seen_as_in_a_picture_from_a_file() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (70, 640)).astype(np.uint8)
    np.testing.assert_array_equal(grey(noise, 64), cv2.LUT(cv2.resize(noise, (64, 64)), FULL_RANGE))


def test_a_model_that_wants_averages_has_them_where_a_strip_shrinks_one_way_alone() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (70, 640)).astype(np.uint8)
    assert grey(noise, 64, "area").std() < 0.6 * grey(noise, 64).std()
