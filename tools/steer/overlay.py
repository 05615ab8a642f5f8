"""A picture with the way that the car was driven, and the way that a network would take."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import U8

WIDTH, MOST_TALL = 480, 1920
"""Pixels. What is narrower than a picture of any camera is pressed together."""
DRIVEN, TOLD, SHADE = (90, 200, 60), (40, 130, 245), 0.45
"""Colours (BGR), and how bright what the network does not see remains."""
_REACH, _ASIDE = 0.5, 0.35
"""Of an arc: how high it reaches, as a part of the height, and how far aside at full lock, as one of the width."""


def overlay(image: U8, rows: tuple[float, float], driven: float, told: float) -> U8:
    """The picture, BGR uint8, `WIDTH` wide, with both arcs and angles; the rows that are not seen are darker."""
    tall = max(1, min(MOST_TALL, round(image.shape[0] * WIDTH / image.shape[1])))
    drawn = np.asarray(cv2.resize(image, (WIDTH, tall), interpolation=cv2.INTER_LINEAR), np.uint8)
    top, bottom = (round(part * tall) for part in rows)
    for hidden in (drawn[:top], drawn[bottom:]):
        hidden[:] = (hidden * SHADE).astype(np.uint8)
    for steering, colour, line, name in ((driven, DRIVEN, 5, "driven"), (told, TOLD, 2, "model")):
        cv2.polylines(drawn, [arc(WIDTH, tall, steering)], False, colour, line, cv2.LINE_AA)
        place = (8, 20 if name == "driven" else 40)
        cv2.putText(drawn, f"{name} {steering:+.2f}", place, cv2.FONT_HERSHEY_SIMPLEX, 0.55, colour, 1, cv2.LINE_AA)
    return drawn


def arc(width: int, height: int, steering: float) -> NDArray[Any]:
    """Points int32 (n, 2) of the way ahead, from the middle of the lower edge; to the right for a steering above 0."""
    along = np.linspace(0, 1, 24)
    points = np.stack([width * (0.5 + _ASIDE * steering * along**2), height * (1 - _REACH * along)], 1)
    return np.rint(points).astype(np.int32)
