"""From what a user calls a pose model to what finds people's joints with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge.engines.base import EngineOptions
from edge.engines.links import Change, PassedOver, log_passed_over
from edge.errors import EdgeError, ModelError
from edge.models.store import Model, find
from edge.opening import head_for, open_predictor
from edge.posers.base import Poser
from edge.posers.blazepose import BlazePose
from edge.posers.bottomup import BottomUp
from edge.posers.topdown import TopDown
from edge.predictor import Predictor

DETECTOR = "pose-detection"
"""What begins a person for BlazePose's landmarks."""
WHOLE_FRAMES = frozenset({"openpose"})
"""Heads that find everybody in one look at the whole frame; the others are shown one person at a time."""
TASKS = ("pose",)


def open_poser(
    model: str | Model,
    engine: str | Sequence[str] = "auto",
    options: EngineOptions | None = None,
    *,
    on_change: Callable[[Change], None] | None = None,
    passed_over: PassedOver = log_passed_over,
) -> Poser:
    """Load a pose model, with the one that it needs beside it; takes and raises what `open_predictor` does.

    ModelError for one that only finds where people are, and not their joints.
    """

    def opened(which: str | Model) -> Predictor:
        return open_predictor(which, engine, options, on_change=on_change, passed_over=passed_over, tasks=TASKS)

    predictor = opened(model)
    decoder = predictor.model.manifest.decoder
    if decoder == "blazepose-detector":
        predictor.close()
        raise ModelError(
            f"model {predictor.model.manifest.name} finds where people are, not their joints: take pose-landmark-full, "
            f"which uses it"
        )
    if decoder == "blazepose-landmarks":
        try:
            return BlazePose(opened(DETECTOR), predictor)
        except EdgeError:
            predictor.close()
            raise
    return BottomUp(predictor) if decoder in WHOLE_FRAMES else TopDown(predictor)


def needed(name: str) -> list[Model]:
    """The pose model of this name, and the one that it needs beside it, found and verified.

    Raises:
        MissingError, ModelError: one is not here, or is none of joints.
    """
    found = find(name)
    head_for(found.manifest, TASKS)
    return [found, find(DETECTOR)] if found.manifest.decoder == "blazepose-landmarks" else [found]
