"""The models that the daemon's cameras share."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from edge.clock import SystemClock
from edge.config.load import default_config
from edge.engines.links import Change
from edge.models import catalogue, store
from edge.serving import Serving
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
