"""What steers: a model, or a callable of the user's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from edge.engines.base import EngineOptions
from edge.errors import ModelError, UserError
from edge.opening import open_predictor
from edge.steer.loop import Pilot
from edge.steer.task import Task
from edge.types import I420, U8, Frame, Values

TASKS = ("values",)


def of_task(task: Task) -> Pilot:
    """What steers by frames. Raises EdgeError: the model or what runs it is not here, or it is no pilot's."""
    if task.pilot is not None:
        own = _own(task.pilot)
        return lambda frame: own(frame.picture.bgr())
    steer = _model(task.model, task.engine, EngineOptions(threads=task.threads, device=task.device))

    def by_frame(frame: Frame) -> float:
        return steer(frame.picture)

    return by_frame


def of_image(pilot: str | None, model: str, engine: Sequence[str]) -> Callable[[U8], float]:
    """What steers by BGR images, uint8 (h, w, 3); raises as `of_task`."""
    return _model(model, engine, EngineOptions(threads=1)) if pilot is None else _own(pilot)


def _model(model: str, engine: Sequence[str], options: EngineOptions) -> Callable[[I420 | U8], float]:
    predictor = open_predictor(model, engine, options, tasks=TASKS)

    def steer(picture: I420 | U8) -> float:
        seen = predictor.predict(picture)
        if not isinstance(seen, Values) or len(seen) != 1:
            raise ModelError(f"model {model}: a pilot gives one number, the steering")
        return float(seen.values[0])

    return steer


def _own(name: str) -> Callable[[U8], float]:
    module, _, attribute = name.partition(":")
    try:
        own: Callable[[U8], float] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as fault:
        raise UserError(f"--pilot {name}: {fault}; wants MODULE:NAME of a callable") from None
    return own
