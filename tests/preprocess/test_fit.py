"""A picture in the model's input, and the model's boxes back on the picture."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.preprocess import Fit, Input
from edge.types import I420, U8

Size: TypeAlias = tuple[int, int]
Anchor: TypeAlias = Literal["top-left", "centre"]
Kind: TypeAlias = Literal["letterbox", "stretch", "crop"]
INPUTS = {
    "bytes, stretched": Input("x", 300, 300),
    "bytes, padded around": Input("x", 224, 192, colour="BGR", fit="letterbox", anchor="centre", pad=9),
    "floats, padded": Input("x", 416, 416, "NCHW", "BGR", "float32", fit="letterbox", pad=114),
    "floats, normalised": Input("x", 96, 64, "NHWC", "RGB", "float32", 1 / 255, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)),
    "odd sides": Input("x", 227, 95, "NCHW", "BGR", "float32", mean=(104, 117, 123)),
    "signed bytes": Input("x", 96, 96, dtype="int8", mean=(128, 128, 128)),
    "half floats": Input("x", 64, 64, dtype="float16", scale=1 / 255),
    "half floats, planes": Input("x", 70, 50, "NCHW", "BGR", "float16", 1 / 255, (0.4, 0.5, 0.6), (0.2, 0.3, 0.4)),
    "quantized bytes": Input("x", 64, 64, "NCHW", dtype="uint8", scale=1 / 255 / 0.0078, mean=(-3, -3, -3)),
    "cropped": Input("x", 224, 224, "NCHW", "RGB", "float32", 1 / 255, (0.485, 0.456, 0.406), fit="crop"),
    "grey floats": Input("x", 96, 96, "NCHW", "GRAY", "float32", mean=(127.5,) * 3, std=(127.5,) * 3),
    "grey bytes": Input("x", 90, 60, "NHWC", "GRAY", fit="letterbox", rounding="down"),
}
inputs = pytest.mark.parametrize("to", INPUTS.values(), ids=INPUTS)
sizes = st.tuples(st.integers(16, 700), st.integers(16, 500))


def i420(image: U8) -> I420:
    """A BGR image with even sides as a camera would give it."""
    height, width = image.shape[:2]
    packed = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2YUV_I420), np.uint8)
    chroma = packed[height:].reshape(2, height // 2, width // 2)
    return I420(packed[:height], chroma[0], chroma[1])


def scene(width: int, height: int) -> U8:
    """Soft shapes in colour, as far as 4:2:0 and scaling can carry them."""
    noise = np.random.default_rng(3).integers(60, 190, (height // 48, width // 48, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


@inputs
def test_planes_and_bgr_make_the_same_input(to: Input) -> None:
    image = scene(640, 480)
    fit = Fit.of((640, 480), to)
    from_planes, from_bgr = fit.blank(), fit.blank()
    fit.i420(i420(image), from_planes)
    fit.bgr(image, from_bgr)
    step = to.scale / min(to.std)
    assert from_planes.shape == to.shape
    assert from_planes.dtype == to.dtype
    difference = np.abs(from_planes.astype(np.float64) - from_bgr.astype(np.float64)) / step
    assert difference.mean() < 5, "levels of 255"


@inputs
def test_one_colour_arrives_as_its_value(to: Input) -> None:
    blue, green, red = 40, 90, 200
    image = np.full((120, 160, 3), (blue, green, red), np.uint8)
    fit = Fit.of((160, 120), to)
    out = fit.blank()
    fit.bgr(image, out)
    picture = out[0] if to.layout == "NHWC" else out[0].transpose(1, 2, 0)
    inside = picture[fit.top : fit.top + fit.height, fit.left : fit.left + fit.width].astype(np.float64)
    luma = round(0.299 * red + 0.587 * green + 0.114 * blue)
    pixels = {"RGB": (red, green, blue), "BGR": (blue, green, red), "GRAY": (luma,)}[to.colour]
    wanted = (np.array(pixels) * to.scale - np.array(to.mean[: to.channels])) / np.array(to.std[: to.channels])
    if np.dtype(to.dtype).kind in "iu":
        wanted = np.rint(wanted)
    np.testing.assert_allclose(inside, np.broadcast_to(wanted, inside.shape), rtol=2e-3, atol=2e-3)


def test_padding_keeps_its_value_around_every_picture() -> None:
    to = Input("x", 64, 64, "NCHW", "RGB", "float32", 1 / 255, fit="letterbox", anchor="centre", pad=114)
    fit = Fit.of((128, 64), to)
    out = fit.blank()
    for value in (0, 255):
        fit.i420(i420(np.full((64, 128, 3), value, np.uint8)), out)
        assert (fit.left, fit.top, fit.width, fit.height) == (0, 16, 64, 32)
        np.testing.assert_allclose(out[0, :, :16], 114 / 255, rtol=1e-6)
        np.testing.assert_allclose(out[0, :, 48:], 114 / 255, rtol=1e-6)
        np.testing.assert_allclose(out[0, :, 16:48], value / 255, atol=0.01)


@pytest.mark.parametrize("rounding", ["nearest", "down"])
@given(frame=sizes, anchor=st.sampled_from(["top-left", "centre"]), kind=st.sampled_from(["letterbox", "stretch"]))
def test_the_picture_lies_inside_the_input_and_comes_back_whole(
    frame: Size, anchor: Anchor, kind: Kind, rounding: Literal["nearest", "down"]
) -> None:
    to = Input("x", 320, 256, fit=kind, anchor=anchor, rounding=rounding)
    fit = Fit.of(frame, to)
    assert 0 <= fit.left <= fit.left + fit.width <= 320
    assert 0 <= fit.top <= fit.top + fit.height <= 256
    corners = np.array([[fit.left, fit.top, fit.left + fit.width, fit.top + fit.height]], np.float32)
    np.testing.assert_allclose(fit.to_frame(corners), [[0, 0, *frame]], rtol=1e-5, atol=1e-3)
    if kind == "letterbox" and min(frame) >= 64:
        across, down = fit.width / frame[0], fit.height / frame[1]
        assert abs(across / down - 1) < 0.08, "proportions are kept to a pixel of the input"


@given(box=st.tuples(*[st.floats(-1e4, 1e4, width=32)] * 4), frame=sizes)
def test_boxes_are_clipped_to_the_frame(box: tuple[float, ...], frame: Size) -> None:
    placed = Fit.of(frame, Input("x", 320, 256, fit="letterbox")).to_frame(np.array([box], np.float32))
    assert placed.dtype == np.float32
    assert (placed >= 0).all()
    assert (placed <= np.array([*frame, *frame])).all()


@settings(max_examples=30)
@given(
    frame=st.tuples(st.integers(40, 350).map(lambda n: 2 * n), st.integers(40, 250).map(lambda n: 2 * n)),
    where=st.tuples(st.floats(0.1, 0.6), st.floats(0.1, 0.6)),
    to=st.sampled_from([to for to in INPUTS.values() if to.fit != "crop"]),
    planes=st.booleans(),
)
def test_what_is_seen_in_the_input_maps_back_to_where_it_was(
    frame: Size, where: tuple[float, float], to: Input, planes: bool
) -> None:
    width, height = frame
    x1, y1 = int(where[0] * width), int(where[1] * height)
    x2, y2 = x1 + width // 4, y1 + height // 4
    image = np.zeros((height, width, 3), np.uint8)
    image[y1:y2, x1:x2] = 255
    fit = Fit.of(frame, to)
    out = fit.blank()
    fit.i420(i420(image), out) if planes else fit.bgr(image, out)
    picture = (out[0] if to.layout == "NHWC" else out[0].transpose(1, 2, 0))[..., -1].astype(np.float32)
    region = picture[fit.top : fit.top + fit.height, fit.left : fit.left + fit.width]
    bright = region > (region.min() + region.max()) / 2
    rows, columns = np.flatnonzero(bright.any(axis=1)), np.flatnonzero(bright.any(axis=0))
    seen = np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], np.float32)
    seen += np.array([fit.left, fit.top, fit.left, fit.top], np.float32)
    pixel = np.array([width / fit.width, height / fit.height] * 2)
    off = np.abs(fit.to_frame(seen)[0] - [x1, y1, x2, y2]) / np.maximum(pixel, 1)
    assert off.max() <= 1.0, f"off by {off.max():.2f} pixels"


def test_fine_stripes_of_a_camera_shrink_to_their_mean_not_to_moire() -> None:
    stripes = np.zeros((1080, 1920, 3), np.uint8)
    stripes[:, ::2] = 255
    fit = Fit.of((1920, 1080), Input("x", 300, 300))
    out = fit.blank()
    fit.i420(i420(stripes), out)
    assert np.abs(out.astype(int) - 127).max() <= 6


@inputs
def test_an_engines_own_buffer_is_filled_and_written_to(to: Input) -> None:
    image = scene(640, 480)
    fit = Fit.of((640, 480), to)
    buffer = np.full(to.shape, 77, to.dtype)
    assert fit.blank(buffer) is buffer
    np.testing.assert_array_equal(buffer, fit.blank())
    fresh = fit.blank()
    fit.bgr(image, buffer)
    fit.bgr(image, fresh)
    np.testing.assert_array_equal(buffer, fresh)
    fit.i420(i420(image), buffer)
    assert not np.array_equal(buffer, fresh) or to.dtype == "int8"


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((1, 3, 64, 64), np.uint8),
        np.zeros((1, 64, 64, 3), np.int8),
        np.zeros((1, 64, 3, 64), np.uint8).transpose(0, 1, 3, 2),
    ],
)
def test_a_buffer_that_is_not_the_inputs_is_refused(bad: U8) -> None:
    with pytest.raises(ValueError, match=r"a contiguous uint8 array of shape \(1, 64, 64, 3\) is wanted"):
        Fit.of((128, 128), Input("x", 64, 64)).blank(bad)


def test_a_signed_value_is_cut_to_its_range_not_wrapped() -> None:
    fit = Fit.of((16, 16), Input("x", 16, 16, dtype="int8", fit="letterbox", pad=200))
    out = fit.blank()
    assert (out == 127).all()
    fit.bgr(np.full((16, 16, 3), 255, np.uint8), out)
    assert (out == 127).all()


def test_every_luma_becomes_the_grey_that_conversion_makes_of_it() -> None:
    luma = np.arange(256, dtype=np.uint8).reshape(16, 16).repeat(8, 0).repeat(8, 1)
    neutral = np.full((64, 64), 128, np.uint8)
    picture = I420(luma, neutral, neutral)
    fit = Fit.of((128, 128), Input("x", 128, 128, "NCHW", "GRAY"))
    out = fit.blank()
    fit.i420(picture, out)
    np.testing.assert_array_equal(out[0, 0], cv2.cvtColor(picture.bgr(), cv2.COLOR_BGR2GRAY))
    assert (out.min(), out.max()) == (0, 255)


def test_a_model_whose_size_is_open_runs_at_another_one() -> None:
    to = replace(Input("x", 416, 416, "NCHW", fit="letterbox"), width=256, height=160)
    fit = Fit.of((1280, 720), to)
    assert fit.blank().shape == (1, 3, 160, 256)
    assert (fit.width, fit.height) == (256, 144)


def test_padded_rows_of_a_decoder_are_read_as_they_are() -> None:
    picture = i420(scene(320, 240))
    wide = np.zeros((240, 384), np.uint8)
    wide[:, :320] = picture.y
    fit = Fit.of((320, 240), Input("x", 96, 96))
    plain, padded = fit.blank(), fit.blank()
    fit.i420(picture, plain)
    fit.i420(I420(wide[:, :320], picture.u, picture.v), padded)
    np.testing.assert_array_equal(plain, padded)
