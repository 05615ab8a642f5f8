"""A picture of any shape can be drawn on."""

from __future__ import annotations

import numpy as np
import pytest

from edge.tools.steer.overlay import DRIVEN, TOLD, WIDTH, overlay
from tests.support.recordings import road


@pytest.mark.parametrize(("size", "tall"), [((120, 160), 360), ((1, 4000), 1), ((70000, 1), 1920)])
def test_a_picture_of_any_shape_is_drawn_on(size: tuple[int, int], tall: int) -> None:
    assert overlay(np.zeros((*size, 3), np.uint8), (1 / 3, 1.0), 0.1, -0.1).shape == (tall, WIDTH, 3)


def test_the_ways_lead_to_where_is_steered_and_what_is_not_seen_is_darker() -> None:
    drawn = overlay(road(0.0), (0.5, 1.0), 0.9, -0.9)
    driven, told = (np.argwhere((drawn[180:] == colour).all(2))[:, 1].mean() for colour in (DRIVEN, TOLD))
    assert told < WIDTH / 2 < driven
    assert drawn[100, 400].max() < 0.5 * drawn[300, 20].max()
