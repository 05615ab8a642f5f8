"""Places where nothing is looked for: a poster, a mirror, the neighbour's garden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from edge import polygons
from edge.metrics import Stages
from edge.pipeline import Sees
from edge.types import F32, I420, Box, Seen


class Masked:
    """A detector that overlooks what stands in a mask: no track starts there, and one that walks in is lost.

    Args:
        detector: sees everything
        labels: its labels; classes index into them
        masks: outlines, float32 (n, 2), x y, 0..1 of the frame, for every label
        by_label: more of them for one label
    """

    def __init__(
        self, detector: Sees, labels: Sequence[str], masks: Sequence[F32], by_label: Mapping[str, Sequence[F32]]
    ) -> None:
        self._detector = detector
        self._outlines = [[_corners(mask) for mask in (*masks, *by_label.get(label, ()))] for label in labels]

    def look(self, picture: I420, wanted: Sequence[Box], stages: Stages) -> Seen:
        """As the detector's, without those whose bottom centre is in a mask."""
        seen = self._detector.look(picture, wanted, stages)
        found = seen.detections
        kept = [
            not self._hides(kind, (x1 + x2) / 2 / picture.width, y2 / picture.height)
            for (x1, _, x2, y2), kind in zip(found.boxes.tolist(), found.classes.tolist(), strict=True)
        ]
        return seen if all(kept) else Seen(found.keep(np.flatnonzero(kept)), seen.looked)

    def _hides(self, kind: int, x: float, y: float) -> bool:
        return kind < len(self._outlines) and any(polygons.holds(mask, (x, y)) for mask in self._outlines[kind])


def _corners(mask: F32) -> list[polygons.XY]:
    return [(x, y) for x, y in mask.tolist()]
