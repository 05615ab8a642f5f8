"""The models that the daemon's cameras share."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from edge.both import AnyDetector
from edge.clock import SystemClock
from edge.config.load import default_config
from edge.engines.links import Change
from edge.models import catalogue, store
from edge.predictor import Predictor
from edge.serving import Models, Serving
from edge.types import Event

PULLED = [entry is not None and store.cached(entry) for entry in map(catalogue.by_name, catalogue.DEFAULTS)]
pytestmark = pytest.mark.skipif(not all(PULLED), reason="needs `edge models pull`")


def test_each_model_of_the_default_is_an_engine_of_the_status() -> None:
    told: list[Event] = []
    serving = Serving(default_config({"a": "synthetic:"}), "b", lambda: "disarmed", SystemClock(), told.append, None)
    faults = serving.faults(time.monotonic())
    assert faults == [None, None]
    first, second = serving.status(faults, [[21.0, 0.0], [24.5, 12.0]])
    assert (first["model"], first["infer_ms"], first["state"]) == (catalogue.DEFAULTS[0], 24.5, "up")
    assert (second["model"], second["infer_ms"], second["state"]) == (catalogue.DEFAULTS[1], 12.0, "up")
    assert [one["infer_ms"] for one in serving.status(faults, [])] == [None, None]
    assert len(serving.twin().parts) == 2
    for news in serving.news:  # as their chains tell when a back end is lost
        news(Change(None, None, "was unplugged", best=False))
    ids = [event.after.id for event in told]
    assert len(set(ids)) == 2
    assert [event.model and replace(event.model, infer_ms=None).name for event in told] == list(catalogue.DEFAULTS)
    serving.close(2.0)
    assert serving.faults(time.monotonic()) == [None, None]


def test_models_are_loaded_by_the_first_who_needs_them_and_shared_by_all() -> None:
    config = default_config({"a": "synthetic:", "b": "synthetic:"})
    models = Models(config, "b", lambda: "disarmed", SystemClock(), lambda event: None, None)
    assert (models.model, models.status([], []), models.late()) == (None, [], [])
    models.load()
    assert models.model is not None
    assert [one["model"] for one in models.status([], [])] == list(catalogue.DEFAULTS), "nobody's joints are wanted"
    one, other = models.detector(), models.detector()
    assert one is not other
    assert [part.runner for part in runners(one)] == [part.runner for part in runners(other)]
    posers = models.poser(), models.poser()
    assert posers[0].runners == posers[1].runners
    told = models.status([[1.0, 2.0]], [3.5])
    assert [each["infer_ms"] for each in told] == [1.0, 2.0, 3.5]
    models.tick()
    models.close(2.0)
    assert models.late() == [], "closed on purpose"


def runners(detector: AnyDetector) -> list[Predictor]:
    return [part.predictor for part in detector.parts]
