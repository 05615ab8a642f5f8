"""Fit a frame to a model's input, and the model's boxes back to the frame: both made together.

A frame's I420 planes are scaled to the model's size first and converted to colour there: on a 768x432 frame and a
300x300 model 0.16 ms, where converting first takes 0.28 ms and libswscale's bilinear pass 0.42 ms (same core).
Pictures that shrink by two or more are halved first, the one average that costs next to nothing (0.15 ms for the luma
of 1920x1080; by three 1.0 ms, by 4.6 in one step 7.5 ms). Colour ends at half the model's resolution, as it began at
half the frame's: on 94 frames of footage, detections and mean scores are those of the long way round, to 0.01.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import F32, I420, U8

RGB = "RGB"
FROM_I420 = {"RGB": cv2.COLOR_YUV2RGB_I420, "BGR": cv2.COLOR_YUV2BGR_I420}


@dataclass(frozen=True, slots=True)
class Input:
    """What a model wants to be fed: one picture of width x height pixels.

    layout: order of the tensor's axes
    colour: order of its channels
    dtype: NumPy's name of its element type
    scale, mean, std: value = (pixel * scale - mean) / std with pixels of 0..255; mean and std in the order of `colour`
    fit: `stretch` fills the input, `letterbox` keeps the proportions and pads
    pad: pixel value of the padding, 0..255
    anchor: where the picture sits in a letterbox: `top-left` pads at right and bottom, `centre` on both sides
    """

    name: str
    width: int
    height: int
    layout: Literal["NHWC", "NCHW"] = "NHWC"
    colour: Literal["RGB", "BGR"] = "RGB"
    dtype: str = "uint8"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fit: Literal["letterbox", "stretch"] = "stretch"
    pad: int = 0
    anchor: Literal["top-left", "centre"] = "top-left"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The tensor's shape for one picture."""
        if self.layout == "NHWC":
            return (1, self.height, self.width, 3)
        return (1, 3, self.height, self.width)


@dataclass(frozen=True, slots=True)
class Fit:
    """How pictures of one size lie in a model's input. Holds scratch memory: use it from one thread at a time.

    frame: width and height of the pictures, pixels
    left, top, width, height: the rectangle of the input that the picture fills, pixels of the input
    """

    frame: tuple[int, int]
    input: Input
    left: int
    top: int
    width: int
    height: int
    _back: F32 = field(repr=False, compare=False)
    _gain: F32 = field(repr=False, compare=False)
    _bias: F32 = field(repr=False, compare=False)
    _yuv: U8 = field(repr=False, compare=False)
    _pixels: U8 = field(repr=False, compare=False)
    _planes: U8 = field(repr=False, compare=False)

    @classmethod
    def of(cls, frame: tuple[int, int], to: Input) -> Fit:
        """The fit of pictures of `frame` (width, height) to a model's input."""
        left, top, width, height = _place(frame, to)
        std = np.asarray(to.std, np.float32)
        even_width, even_height = width + width % 2, height + height % 2
        return cls(
            frame,
            to,
            left,
            top,
            width,
            height,
            np.array(
                [[left, top] * 2, [frame[0] / width, frame[1] / height] * 2, [frame[0], frame[1]] * 2], np.float32
            ),
            np.asarray(to.scale, np.float32) / std,
            -np.asarray(to.mean, np.float32) / std,
            np.zeros((even_height * 3 // 2, even_width), np.uint8),
            np.empty((even_height, even_width, 3), np.uint8),
            np.empty((3, height, width), np.uint8),
        )

    def blank(self) -> NDArray[Any]:
        """A new input tensor with its padding in place, for `i420` and `bgr` to write into again and again."""
        to = self.input
        values = np.full(3, to.pad, np.float32) * self._gain + self._bias
        tensor = np.empty(to.shape, to.dtype)
        tensor[...] = values if to.layout == "NHWC" else values[:, None, None]
        return tensor

    def i420(self, picture: I420, out: NDArray[Any]) -> None:
        """Scale and convert a camera's picture into `out`, a tensor made by `blank`; its padding is left alone."""
        yuv, (height, width) = self._yuv, self._pixels.shape[:2]
        chroma = yuv[height:].reshape(2, height // 2, width // 2)
        # An odd side: luma keeps the exact size, its last row or column here stays unused.
        _shrink(picture.y, yuv[: self.height, : self.width])
        _shrink(picture.u, chroma[0])
        _shrink(picture.v, chroma[1])
        direct = self._direct(out)
        pixels = self._pixels if direct is None else direct
        cv2.cvtColor(yuv, FROM_I420[self.input.colour], dst=pixels)
        if direct is None:
            self._write(pixels[: self.height, : self.width], out)

    def bgr(self, image: U8, out: NDArray[Any]) -> None:
        """Scale and convert a BGR image, uint8 (h, w, 3), into `out`, a tensor made by `blank`."""
        pixels = self._pixels[: self.height, : self.width]
        _shrink(image, pixels)
        if self.input.colour == RGB:
            cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)
        self._write(pixels, out)

    def to_frame(self, boxes: F32) -> F32:
        """Boxes float32 (n, 4), x1 y1 x2 y2 in pixels of the input, as pixels of the frame, clipped to it."""
        offset, zoom, edge = self._back
        placed = np.multiply(boxes - offset, zoom, dtype=np.float32)
        np.maximum(placed, 0, out=placed)
        return np.asarray(np.minimum(placed, edge, out=placed))

    def _direct(self, out: NDArray[Any]) -> U8 | None:
        """The part of `out` that colour conversion can write to itself: raw bytes in the order of an image."""
        to = self.input
        raw = to.dtype == "uint8" and to.layout == "NHWC" and self._is_raw()
        if not raw or self.width % 2 or self.height % 2:
            return None
        return np.asarray(out[0, self.top : self.top + self.height, self.left : self.left + self.width])

    def _is_raw(self) -> bool:
        return not self._bias.any() and bool((self._gain == 1).all())

    def _write(self, pixels: U8, out: NDArray[Any]) -> None:
        """Put scaled pixels (height, width, 3), in the model's colour order, into the tensor: layout, gain and bias."""
        rows, columns = slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)
        if self.input.layout == "NHWC":
            self._affine(pixels, self._gain, self._bias, out[0, rows, columns])
            return
        # Splitting in bytes first and widening plane by plane is 2.6 times faster than a strided float copy.
        planes = self._planes
        cv2.split(pixels, list(planes))
        self._affine(planes, self._gain[:, None, None], self._bias[:, None, None], out[0, :, rows, columns])

    def _affine(self, pixels: U8, gain: F32, bias: F32, out: NDArray[Any]) -> None:
        if self._is_raw():
            out[...] = pixels
        elif out.dtype == np.float32:
            np.multiply(pixels, gain, out=out)
            if bias.any():
                out += bias
        else:
            limits = np.iinfo(out.dtype) if out.dtype.kind in "iu" else np.finfo(out.dtype)
            values = pixels * gain + bias
            out[...] = np.clip(np.rint(values) if out.dtype.kind in "iu" else values, limits.min, limits.max)


def _place(frame: tuple[int, int], to: Input) -> tuple[int, int, int, int]:
    """left, top, width, height of the picture in the input; even sizes in a letterbox, as 4:2:0 pictures want."""
    if to.fit == "stretch":
        return 0, 0, to.width, to.height
    scale = min(to.width / frame[0], to.height / frame[1])
    width = min(to.width, max(2, round(frame[0] * scale / 2) * 2))
    height = min(to.height, max(2, round(frame[1] * scale / 2) * 2))
    if to.anchor == "top-left":
        return 0, 0, width, height
    return (to.width - width) // 2, (to.height - height) // 2, width, height


def _shrink(plane: U8, out: U8) -> None:
    """Resize a plane or an image into `out`: halved while it can be, then bilinear."""
    height, width = out.shape[:2]
    while plane.shape[0] >= 2 * height and plane.shape[1] >= 2 * width and not (plane.shape[0] | plane.shape[1]) & 1:
        half = (plane.shape[1] // 2, plane.shape[0] // 2)
        plane = np.asarray(cv2.resize(plane, half, interpolation=cv2.INTER_AREA), np.uint8)
    # Beyond a factor of four bilinear skips half of the pixels; odd sizes that shrink so far take the slow average.
    coarse = plane.shape[1] > 4 * width or plane.shape[0] > 4 * height
    cv2.resize(plane, (width, height), dst=out, interpolation=cv2.INTER_AREA if coarse else cv2.INTER_LINEAR)
