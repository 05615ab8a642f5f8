"""Thresholds as the owner sets them."""

from __future__ import annotations

import pytest

from edge import wiring
from edge.config.load import default_config
from tests.support.shared_data import SSD, needs_data


@needs_data
@pytest.mark.parametrize(("asked", "strong"), [(None, 0.5), (0.15, 0.15), (0.8, 0.8)])
def test_the_detector_gives_what_the_most_sensitive_camera_looks_at(asked: float | None, strong: float) -> None:
    config = default_config({"a": "synthetic:", "b": "synthetic:"}, [("model.name", str(SSD))])
    camera = config.camera[0].model_copy(update={"min_score": asked})
    detector = wiring.open_model(config, [camera, config.camera[1]])
    assert wiring.strong_of(camera, config.model, detector) == strong
    assert detector.min_score == pytest.approx(wiring.WEAK * min(strong, 0.5))
    tracker = wiring.tracker_of(camera, config.model, detector)
    assert tracker.settings.strong == strong
    assert tracker.settings.confirm_score <= max(0.5, strong)
    assert tracker.settings.confirm_score <= strong * 1.25
    detector.close()
