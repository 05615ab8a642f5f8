"""What a model wants to be fed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Layout = Literal["NHWC", "NCHW"]
Colour = Literal["RGB", "BGR", "GRAY", "HSV-S"]
Fitting = Literal["letterbox", "stretch", "crop"]
Rounding = Literal["nearest", "down"]
Resize = Literal["bilinear", "area"]
Anchor = Literal["top-left", "centre"]

LAYOUTS: tuple[Layout, ...] = ("NHWC", "NCHW")
FITTINGS: tuple[Fitting, ...] = ("stretch", "letterbox", "crop")
ROUNDINGS: tuple[Rounding, ...] = ("nearest", "down")
RESIZES: tuple[Resize, ...] = ("bilinear", "area")
ANCHORS: tuple[Anchor, ...] = ("top-left", "centre")
CHANNELS: Mapping[Colour, int] = {"RGB": 3, "BGR": 3, "GRAY": 1, "HSV-S": 1}
"""Colours, and how many channels each has."""


@dataclass(frozen=True, slots=True)
class Input:
    """What a model wants to be fed: one picture of width x height pixels.

    A model that leaves its size open runs at another one by `dataclasses.replace(input, width=..., height=...)`.

    layout: order of the tensor's axes
    colour: its channels and their order. `GRAY` is luma by BT.601, `HSV-S` the saturation of HSV as OpenCV defines it
        on bytes: 255 * (max - min) / max of the three, rounded; both are one channel
    dtype: NumPy's name of its element type
    scale, mean, std: value = (pixel * scale - mean) / std with pixels of 0..255, rounded to the nearest for integers
        (a quantized tensor's q = real / q_scale + zero point is scale / q_scale, mean - zero point). mean and std are
        in the order of `colour`; of a single channel the first counts
    fit: `stretch` fills the input, `letterbox` keeps the proportions and pads, `crop` keeps the proportions, fills
        the input with the middle of the picture and leaves out what is over at two sides
    pad: pixel value of the padding, 0..255
    anchor: where the picture sits in a letterbox: `top-left` pads at right and bottom, `centre` on both sides
    rounding: of a letterbox's size, side * ratio: to the `nearest` pixel as Ultralytics does, or `down` as YOLOX does
    resize: how images shrink. `bilinear` looks at four pixels, as detectors' own projects do; `area` at all of them,
        which a small input wants of a large photograph. Frames of cameras are averaged as far as that is cheap
    rows: where what is seen of a whole frame begins and ends, as parts of its height from the top: of a road neither
        the sky nor the bonnet. They fall on the nearest even rows
    """

    name: str
    width: int
    height: int
    layout: Layout = "NHWC"
    colour: Colour = "RGB"
    dtype: str = "uint8"
    scale: float = 1.0
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fit: Fitting = "stretch"
    pad: int = 0
    anchor: Anchor = "top-left"
    rounding: Rounding = "nearest"
    resize: Resize = "bilinear"
    rows: tuple[float, float] = (0.0, 1.0)

    @property
    def channels(self) -> int:
        """Channels of a pixel: 3, or 1 of `GRAY` and `HSV-S`."""
        return CHANNELS[self.colour]

    @property
    def sides(self) -> tuple[int, int]:
        """The tensor's axes of height and width."""
        return (1, 2) if self.layout == "NHWC" else (2, 3)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """The tensor's shape for one picture."""
        if self.layout == "NHWC":
            return (1, self.height, self.width, self.channels)
        return (1, self.channels, self.height, self.width)
