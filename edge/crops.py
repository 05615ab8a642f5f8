"""Which parts of a picture the model sees: all of it, or crops around what moves and what is followed.

A model that takes pictures of any size sees a crop at the scale of the whole frame, in a smaller input: that is cheaper
while the crops are small. A model of one size sees a crop magnified, for the price of a whole frame each: that finds
people far away, and is done only where it is asked for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edge import boxes
from edge.preprocess import Input
from edge.types import Box

Policy = Literal["auto", "frame", "crop"]

MARGIN = 0.3
"""How far a crop reaches beyond what is wanted, on every side, as a part of its longer side: a region that moves may be
an arm, and a detector wants to see what is around."""
LEAST = 0.34
"""A crop of a model of any size is at least this part of the whole frame's input, each way: smaller ones show a
detector too little."""
MOST = 3
"""More crops than these, and the whole frame is looked at."""
WORTH = 0.9
"""Crops are taken if they cost less than this part of the whole frame."""
SHARE = 0.6
"""Where crops are asked for, the whole frame is looked at nevertheless once they cover more of it than this."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A part of the frame and the size at which the model sees it.

    box: x1, y1, x2, y2, whole even pixels of the frame
    width, height: of the model's input for it
    """

    box: tuple[int, int, int, int]
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Cost:
    """What an inference on fewer pixels costs, in units of the whole frame's.

    fixed: the part that does not shrink with the picture
    """

    fixed: float = 0.2

    def of(self, share: float) -> float:
        """The cost of an input of this part of the whole frame's pixels."""
        return self.fixed + (1 - self.fixed) * share


TABLE_COST = Cost()
"""For replays, which depend on no measurement."""


@dataclass(frozen=True, slots=True)
class Planner:
    """Decides for one model.

    policy: `frame` never crops, `crop` crops wherever that leaves out enough, `auto` where it is cheaper
    input: of the model, for a whole frame
    step: any size of input that is a multiple of this is taken; 0: only `input`'s
    """

    policy: Policy
    input: Input
    step: int = 0

    def plan(self, wanted: Sequence[Box], frame: tuple[int, int], cost: Cost = TABLE_COST) -> tuple[Crop, ...] | None:
        """The crops that show what is wanted; None: the whole frame.

        Args:
            wanted: places, pixels of the frame; they may reach beyond it
            frame: width and height
            cost: of smaller inputs
        """
        if self.policy == "frame" or (self.policy == "auto" and not self.step):
            return None
        crops = [self._crop(box, frame) for box in wanted]
        while pair := _touching(crops):
            first, second = pair
            crops = [crop for crop in crops if crop not in pair]
            crops.append(self._crop(boxes.around([_floats(first.box), _floats(second.box)]), frame, margin=0.0))
        if not crops or len(crops) > MOST:
            return None
        whole = self.input.width * self.input.height
        shares = [crop.width * crop.height / whole for crop in crops]
        if self.step and sum(map(cost.of, shares)) >= WORTH:
            return None
        covered = sum(boxes.area(_floats(crop.box)) for crop in crops) / (frame[0] * frame[1])
        return None if covered > SHARE else tuple(sorted(crops, key=lambda crop: crop.box))

    def _crop(self, box: Box, frame: tuple[int, int], margin: float = MARGIN) -> Crop:
        """A crop around a box, of a size that the model takes, within the frame."""
        x1, y1, x2, y2 = boxes.clipped(box, *frame)
        reach = margin * max(x2 - x1, y2 - y1)
        scale = min(self.input.width / frame[0], self.input.height / frame[1])
        if self.step:
            sizes = [
                min(_up(max((side + 2 * reach) * scale, LEAST * full), self.step), full)
                for side, full in ((x2 - x1, self.input.width), (y2 - y1, self.input.height))
            ]
            spans = [size / scale for size in sizes]
        else:
            # Not magnified beyond the camera's own pixels, and of the input's proportions.
            sizes = [self.input.width, self.input.height]
            factor = max(
                1.0, *((side + 2 * reach) / size for side, size in zip((x2 - x1, y2 - y1), sizes, strict=True))
            )
            spans = [size * factor for size in sizes]
        left, right = _span((x1 + x2) / 2, spans[0], frame[0])
        top, bottom = _span((y1 + y2) / 2, spans[1], frame[1])
        return Crop((left, top, right, bottom), sizes[0], sizes[1])


def _touching(crops: Sequence[Crop]) -> tuple[Crop, Crop] | None:
    """Two crops that overlap."""
    for i, first in enumerate(crops):
        for second in crops[i + 1 :]:
            if boxes.shared(_floats(first.box), _floats(second.box)):
                return first, second
    return None


def _span(centre: float, length: float, full: int) -> tuple[int, int]:
    """An even start and end of about this length around a centre, within 0 to `full`."""
    length = min(math.ceil(length / 2) * 2, full)
    start = min(max(0.0, centre - length / 2), full - length)
    start = int(start) // 2 * 2
    return start, min(start + length + (full - start - length == 1), full)


def _up(size: float, step: int) -> int:
    return math.ceil(size / step - 1e-9) * step


def _floats(box: tuple[int, int, int, int]) -> Box:
    return float(box[0]), float(box[1]), float(box[2]), float(box[3])
