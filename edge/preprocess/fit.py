"""The fit of frames of one size to a model's input, there and back.

A camera's I420 planes are scaled to the model's size first and converted to colour there: on a 768x432 frame and a
300x300 model 0.16 ms, where converting first takes 0.28 ms and libswscale's bilinear pass 0.42 ms (same core).
Pictures that shrink by two or more are halved first, the one average that costs next to nothing (0.15 ms for the luma
of 1920x1080; by three 1.0 ms, by 4.6 in one step 7.5 ms). Colour ends at half the model's resolution, as it began at
half the frame's: on 94 frames of footage, detections and mean scores are those of the long way round, to 0.01, and
the pixels of photographs are those of the plain way to 3 levels of 255 on average, nineteen in twenty to 10. In a
letterbox of odd sides luma keeps them to the pixel and colour lies at most a pixel of the input off.

A BGR image goes the plain way to the bit, so that a picture gives what the model's own project gives for it: OpenCV's
bilinear resize, whatever the factor, then padding and floats.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.preprocess.input import Input
from edge.preprocess.place import Region, source, target
from edge.preprocess.values import Values
from edge.types import F32, I420, U8


@dataclass(frozen=True, slots=True)
class Fit:
    """How pictures of one size lie in a model's input. Holds scratch memory: use it from one thread at a time.

    frame: width and height of the pictures, pixels
    region: the part of them that is fed, x1 y1 x2 y2 in their pixels
    left, top, width, height: the rectangle of the input that it fills, pixels of the input
    """

    frame: tuple[int, int]
    input: Input
    region: Region
    left: int
    top: int
    width: int
    height: int
    _back: F32 = field(repr=False, compare=False)
    _values: Values = field(repr=False, compare=False)
    _yuv: U8 = field(repr=False, compare=False)
    _pixels: U8 = field(repr=False, compare=False)

    @classmethod
    def of(cls, frame: tuple[int, int], to: Input, region: Region | None = None) -> Fit:
        """The fit of pictures of `frame` (width, height), or of a region of them, to a model's input.

        ValueError for a region that is not of the frame, or has odd corners inside of it.
        """
        x1, y1, x2, y2 = part = source(frame, to, region)
        left, top, width, height = target(part, to)
        even_width, even_height = width + width % 2, height + height % 2
        return cls(
            frame,
            to,
            part,
            left,
            top,
            width,
            height,
            np.array(
                [[left, top] * 2, [(x2 - x1) / width, (y2 - y1) / height] * 2, [x1, y1] * 2, [*frame] * 2], np.float32
            ),
            Values.of(to, width, height),
            np.zeros((even_height * 3 // 2, even_width), np.uint8),
            np.empty((even_height, even_width, 3), np.uint8),
        )

    def blank(self, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """An input tensor with its padding in place, for `i420` and `bgr` to write into again and again.

        Args:
            out: an engine's own input buffer to fill (`Runner.buffer`), so that pictures are written where it reads
                them; None makes a new array.
        """
        to = self.input
        if out is None:
            out = np.empty(to.shape, to.dtype)
        elif out.shape != to.shape or out.dtype != to.dtype or not out.flags.c_contiguous:
            raise ValueError(
                f"a contiguous {to.dtype} array of shape {to.shape} is wanted, not {out.dtype} {out.shape}"
            )
        self._values.fill(out, to.pad)
        return out

    def i420(self, picture: I420, out: NDArray[Any]) -> None:
        """Scale and convert a camera's picture into `out`, a tensor made by `blank`; its padding is left alone."""
        x1, y1, x2, y2 = self.region
        yuv, (height, width) = self._yuv, self._pixels.shape[:2]
        # An odd side: luma keeps the exact size, its last row or column here stays unused.
        luma = yuv[: self.height, : self.width]
        area = self.input.resize == "area"
        _shrink(picture.y[y1:y2, x1:x2], luma, area)
        spot = self._spot(out)
        if self.input.colour == "GRAY":
            self._values.put(np.asarray(cv2.LUT(luma, FULL_RANGE), np.uint8), spot)
            return
        chroma = yuv[height:].reshape(2, height // 2, width // 2)
        halves = slice(y1 // 2, (y2 + 1) // 2), slice(x1 // 2, (x2 + 1) // 2)
        _shrink(picture.u[halves], chroma[0], area)
        _shrink(picture.v[halves], chroma[1], area)
        self._colour(spot)

    def bgr(self, image: U8, out: NDArray[Any]) -> None:
        """Scale and convert a BGR image, uint8 (h, w, 3), into `out`, a tensor made by `blank`.

        To the bit what OpenCV's bilinear resize gives, or its average where the model wants that, converted to the
        model's colour.
        """
        x1, y1, x2, y2 = self.region
        spot = self._spot(out)
        colour = self.input.colour
        direct = self._is_image and colour == "BGR"
        pixels = spot if direct else self._pixels[: self.height, : self.width]
        shrinks = x2 - x1 > self.width and y2 - y1 > self.height
        how = cv2.INTER_AREA if self.input.resize == "area" and shrinks else cv2.INTER_LINEAR
        cv2.resize(image[y1:y2, x1:x2], (self.width, self.height), dst=pixels, interpolation=how)
        if colour == "RGB":
            cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB, dst=pixels)
        elif colour == "GRAY":
            pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), np.uint8)
        if not direct:
            self._put(pixels, spot)

    def to_frame(self, boxes: F32) -> F32:
        """Boxes float32 (n, 4), x1 y1 x2 y2 in pixels of the input, as pixels of the whole frame, clipped to it."""
        offset, zoom, origin, edge = self._back
        placed = np.multiply(boxes - offset, zoom, dtype=np.float32)
        placed += origin
        np.maximum(placed, 0, out=placed)
        return np.asarray(np.minimum(placed, edge, out=placed))

    def to_picture(self, points: F32) -> F32:
        """Points float32 (..., 2) of the input as points of the whole frame, or beyond it."""
        x1, y1, x2, y2 = self.region
        zoom = np.array([(x2 - x1) / self.width, (y2 - y1) / self.height], np.float32)
        return np.asarray((points - (self.left, self.top)) * zoom + (x1, y1), np.float32)

    @property
    def _is_image(self) -> bool:
        """Whether the input is an image as OpenCV has them, which it can write to itself: bytes, channels last."""
        values = self._values
        return self.input.dtype == "uint8" and not values.planar and values.plain

    def _spot(self, tensor: NDArray[Any]) -> NDArray[Any]:
        rows, columns = slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)
        return self._values.spot(tensor, rows, columns)

    def _colour(self, spot: NDArray[Any]) -> None:
        """Write the scaled luma and chroma as colours."""
        direct = self._is_image and spot.shape == self._pixels.shape
        pixels = spot if direct else self._pixels
        cv2.cvtColor(self._yuv, FROM_I420[self.input.colour], dst=pixels)
        if not direct:
            self._put(pixels[: self.height, : self.width], spot)

    def _put(self, pixels: U8, spot: NDArray[Any]) -> None:
        """Write pixels of the model's colour; of BGR, which are lost, for one that wants its saturation."""
        if self.input.colour == "HSV-S":
            cv2.cvtColor(pixels, cv2.COLOR_BGR2HSV, dst=pixels)
            pixels = pixels[:, :, 1]
        self._values.put(pixels, spot)


FROM_I420 = {"RGB": cv2.COLOR_YUV2RGB_I420, "BGR": cv2.COLOR_YUV2BGR_I420, "HSV-S": cv2.COLOR_YUV2BGR_I420}


def _full_range() -> U8:
    """Luma of limited range, 16..235, as 0..255: uint8 (256,), the grey that the conversion to BGR makes of each."""
    ramp = np.full((3, 256), 128, np.uint8)
    ramp[:2] = np.arange(256)
    return np.asarray(cv2.cvtColor(ramp, cv2.COLOR_YUV2BGR_I420)[0, :, 0], np.uint8)


FULL_RANGE = _full_range()


def _shrink(plane: U8, out: U8, area: bool) -> None:
    """Resize a plane into `out`: halved while it can be, then bilinear. area: whether the model wants averages."""
    height, width = out.shape
    while plane.shape[0] >= 2 * height and plane.shape[1] >= 2 * width and not (plane.shape[0] | plane.shape[1]) & 1:
        half = (plane.shape[1] // 2, plane.shape[0] // 2)
        plane = np.asarray(cv2.resize(plane, half, interpolation=cv2.INTER_AREA), np.uint8)
    # Bilinear looks at four pixels. Where that leaves out three of four, by odd sizes, the slow average is taken;
    # for a model that wants averages also where it leaves out half along one side.
    far = plane.shape[1] > 4 * width or plane.shape[0] > 4 * height
    coarse = plane.size > 16 * out.size or (area and far)
    cv2.resize(plane, (width, height), dst=out, interpolation=cv2.INTER_AREA if coarse else cv2.INTER_LINEAR)
