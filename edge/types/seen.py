"""What models say of a picture, and what the tracker makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.types.picture import F32, I32, U8, Box


@dataclass(frozen=True, slots=True)
class Detections:
    """What a detector saw in one frame, n objects as parallel arrays.

    boxes: float32 (n, 4), x1 y1 x2 y2 in pixels of the upright frame, clipped to it
    scores: float32 (n,), 0..1, descending
    classes: int32 (n,), index into the manifest's labels
    masks: of a model that segments, n arrays uint8 (h, w), 1 where the object is: the frame's pixels in the rows
        floor(y1) to ceil(y2) and the columns floor(x1) to ceil(x2) of its box, or (0, 0) where its decoder has
        made as many as it does; None of any other model, and where they were not asked for
    """

    boxes: F32
    scores: F32
    classes: I32
    masks: tuple[U8, ...] | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def keep(self, which: NDArray[Any]) -> Detections:
        """Those that a boolean mask or an index array selects, in its order."""
        masks = self.masks and tuple(self.masks[i] for i in np.arange(len(self.masks))[which])
        return Detections(self.boxes[which], self.scores[which], self.classes[which], masks)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was made of one picture.

    looked: the parts of it in which the model saw what lies wholly inside, pixels of the frame, without end where they
        reach its border; None: all of it
    """

    detections: Detections
    looked: tuple[Box, ...] | None = None


NO_DETECTIONS = Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))


@dataclass(frozen=True, slots=True)
class Classes:
    """What a classifier takes a picture for, k classes as parallel arrays.

    classes: int32 (k,), index into the manifest's labels
    scores: float32 (k,), 0..1 where the model or the manifest's softmax makes probabilities of them, descending
    """

    classes: I32
    scores: F32

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class Values:
    """The plain numbers of a regression.

    values: float32 (n,), in the model's own units and order; what is no number stays none
    """

    values: F32

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Poses:
    """The people whose joints a model found, n people of k keypoints as parallel arrays.

    boxes: float32 (n, 4), x1 y1 x2 y2 around the keypoints in pixels of the upright frame
    scores: float32 (n,), 0..1, descending
    keypoints: float32 (n, k, 3), x and y in pixels of the frame, or beyond it where the head can tell, and a score of
        0..1; a joint that was not found is (nan, nan, 0). Their order is the head's: `COCO_KEYPOINTS`, but for
        BlazePose's two
    """

    boxes: F32
    scores: F32
    keypoints: F32

    def __len__(self) -> int:
        return len(self.scores)


Prediction: TypeAlias = Detections | Classes | Values | Poses
"""What a model of any task says of a picture."""

COCO_KEYPOINTS = (
    "nose",
    "left eye",
    "right eye",
    "left ear",
    "right ear",
    "left shoulder",
    "right shoulder",
    "left elbow",
    "right elbow",
    "left wrist",
    "right wrist",
    "left hip",
    "right hip",
    "left knee",
    "right knee",
    "left ankle",
    "right ankle",
)
"""The order of keypoints in COCO, cocodataset.org/#keypoints-eval."""


@dataclass(frozen=True, slots=True)
class Track:
    """One object as the tracker holds it after one frame.

    number: counts the tracks of a camera from 1, never reused
    label: the manifest's label, lower-case, other characters `_`
    box: in pixels of the frame; the filter's estimate
    score: of the newest matched detection; 0 <= score <= 1
    confirmed: seen often enough to be told about
    seen: True if this very frame had a matching detection
    first_time, last_time: frame times of the first and the newest matching detection
    first_wall, last_wall: the same on the wall clock
    """

    number: int
    label: str
    score: float
    box: Box
    confirmed: bool
    seen: bool
    first_time: float
    last_time: float
    first_wall: float
    last_wall: float
