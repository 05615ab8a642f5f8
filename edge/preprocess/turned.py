"""A square of a picture, turned or not, in a model's input: what a model of one person is to see of a frame.

Luma and chroma are warped as they are and converted to colour at the input's size, so that no pixel outside of the
square is ever touched. Squares of more than three times the input's size are shrunk first: bilinear alone would skip
pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.preprocess.fit import FULL_RANGE, Fit
from edge.preprocess.input import Input
from edge.preprocess.place import Square
from edge.types import F32, I420, U8

_BLACK, _GREY = 16, 128
_LUMA_RANGE = 219 / 255


@dataclass(frozen=True, slots=True)
class Turned(Fit):
    """How a square of pictures lies in a model's input: the middle of it, as large as it can be.

    What lies beyond the frame is padding. One thread at a time; `at` gives another square with the same scratch memory.
    """

    square: Square = field(default=Square(0, 0, 1))
    _matrix: F32 = field(default_factory=lambda: np.eye(2, 3, dtype=np.float32), repr=False, compare=False)

    @classmethod
    def new(cls, frame: tuple[int, int], to: Input) -> Turned:
        """For squares of pictures of `frame` (width, height)."""
        made = cls.of(frame, replace(to, fit="stretch", rows=(0.0, 1.0)))
        assert isinstance(made, Turned)  # noqa: S101 - `of` makes its own class
        return made

    def at(self, square: Square) -> Turned:
        """The same for a square."""
        to = self.input
        zoom = max(square.side, 1e-3) / min(to.width, to.height)
        cos, sin = zoom * math.cos(square.angle), zoom * math.sin(square.angle)
        half_w, half_h = to.width / 2, to.height / 2
        x, y = square.x - cos * half_w + sin * half_h, square.y - sin * half_w - cos * half_h
        matrix = np.array(((cos, -sin, x), (sin, cos, y)), np.float32)
        return replace(self, square=square, _matrix=matrix)

    def i420(self, picture: I420, out: NDArray[Any]) -> None:
        """Warp a camera's picture into `out`, a tensor made by `blank`, all of it."""
        height, width = self._pixels.shape[:2]
        pad = self.input.pad
        luma = self._yuv[: self.height, : self.width]
        _warp(picture.y, self._matrix, luma, round(_BLACK + pad * _LUMA_RANGE))
        if self.input.colour == "GRAY":
            self._values.put(np.asarray(cv2.LUT(luma, FULL_RANGE), np.uint8), self._spot(out))
            return
        chroma = self._yuv[height:].reshape(2, height // 2, width // 2)
        halved = self._matrix * np.array([1, 1, 0.5], np.float32)
        _warp(picture.u, halved, chroma[0], _GREY)
        _warp(picture.v, halved, chroma[1], _GREY)
        self._colour(self._spot(out))

    def bgr(self, image: U8, out: NDArray[Any]) -> None:
        """Warp a BGR image, uint8 (h, w, 3), into `out`, a tensor made by `blank`, all of it."""
        pixels = self._pixels[: self.height, : self.width]
        _warp(image, self._matrix, pixels, self.input.pad)
        colour = self.input.colour
        if colour == "RGB":
            cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)
        elif colour == "GRAY":
            pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
        self._put(pixels, self._spot(out))

    def to_picture(self, points: F32) -> F32:
        """Points float32 (..., 2) of the input as points of the whole frame, or beyond it."""
        return np.asarray(points @ self._matrix[:, :2].T + self._matrix[:, 2], np.float32)

    def to_frame(self, boxes: F32) -> F32:
        """Boxes float32 (n, 4) of the input as the upright boxes around them in the frame, clipped to it."""
        corners = self.to_picture(np.asarray(boxes, np.float32)[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2))
        placed = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
        return np.asarray(placed.clip(0, np.array([*self.frame] * 2, np.float32)), np.float32)


def _warp(plane: U8, matrix: F32, out: U8, pad: int) -> None:
    """Fill `out` with what a matrix, float32 (2, 3), from points of `out` to points of the plane finds there."""
    (a, b, x), (c, d, y) = matrix.tolist()
    zoom = math.hypot(a, c)
    if zoom >= _COARSE:
        step = 2 ** int(math.log2(zoom / _COARSE * 2))
        plane, left, top = _shrunk(plane, matrix, out.shape[:2], step)
        a, b, c, d, x, y = a / step, b / step, c / step, d / step, (x - left) / step, (y - top) / step
    # OpenCV counts from the middles of pixels.
    whole = np.array([[a, b, x + (a + b - 1) / 2], [c, d, y + (c + d - 1) / 2]])
    size = (out.shape[1], out.shape[0])
    border = (pad,) * 3
    cv2.warpAffine(plane, whole, size, dst=out, flags=_HOW, borderMode=cv2.BORDER_CONSTANT, borderValue=border)


_HOW = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_COARSE = 3.0
"""Pixels of the picture to one of the input from which on they are averaged first: bilinear looks at two each way."""


def _shrunk(plane: U8, matrix: F32, shape: tuple[int, int], step: int) -> tuple[U8, float, float]:
    """The part of a plane that is seen, shrunk by `step`, and where in the plane it begins, x and y."""
    h, w = shape
    corners = np.array([[0, 0], [w, 0], [0, h], [w, h]]) @ matrix[:, :2].T + matrix[:, 2]
    most = np.array([plane.shape[1], plane.shape[0]]) // step
    low = np.clip(np.floor(corners.min(axis=0) / step - 1), 0, most - 1).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0) / step + 1), low + 1, most).astype(int)
    part = plane[low[1] * step : high[1] * step, low[0] * step : high[0] * step]
    size = (int(high[0] - low[0]), int(high[1] - low[1]))
    shrunk = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
    return shrunk, float(low[0] * step), float(low[1] * step)
