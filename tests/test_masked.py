"""Where nothing is looked for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.config.load import default_config
from edge.masked import Masked
from edge.metrics import Stages
from edge.types import I420, Box, Detections, Seen
from edge.wiring import masked
from tests.support.walks import PICTURE

WEST = np.array([[0, 0], [0.5, 0], [0.5, 1], [0, 1]], np.float32)


class Sees:
    """Finds a person and a dog, each in the west and in the east."""

    def look(self, picture: I420, wanted: Sequence[Box], stages: Stages) -> Seen:
        found = [[100, 100, 140, 200], [500, 100, 540, 200], [100, 100, 140, 200], [500, 100, 540, 200]]
        scores = np.array([0.9, 0.8, 0.7, 0.6], np.float32)
        return Seen(Detections(np.array(found, np.float32), scores, np.array([0, 0, 1, 1], np.int32)), ((0, 0, 9, 9),))


def found(detector: Masked) -> list[tuple[int, float]]:
    seen = detector.look(PICTURE, [], Stages())
    assert seen.looked == ((0, 0, 9, 9),)
    return [
        (int(kind), float(box[0])) for kind, box in zip(seen.detections.classes, seen.detections.boxes, strict=True)
    ]


def test_what_stands_in_a_mask_is_overlooked() -> None:
    assert found(Masked(Sees(), ["person", "dog"], [WEST], {})) == [(0, 500), (1, 500)]


def test_a_mask_of_one_label_leaves_the_others_alone() -> None:
    assert found(Masked(Sees(), ["person", "dog"], [], {"dog": [WEST]})) == [(0, 100), (0, 500), (1, 500)]


def test_nothing_is_in_between_where_nothing_is_masked() -> None:
    config = default_config({"a": "synthetic:"}, ["camera.0.object_mask=[[[0,0],[1,0],[1,1]]]"])
    plain = default_config({"a": "synthetic:"})
    assert masked(None, config.camera[0]) is None
    assert masked(None, plain.camera[0]) is None
