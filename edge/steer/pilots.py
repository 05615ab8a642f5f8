"""What steers: a model, or a callable of the user's own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

from edge.engines.base import EngineOptions
from edge.errors import UserError
from edge.steer.loop import Pilot
from edge.steer.pilot import open_pilot
from edge.steer.task import Task
from edge.types import U8, Frame


def of_task(task: Task) -> Pilot:
    """What steers by frames. Raises EdgeError: the model or what runs it is not here, or it is no pilot's."""
    if task.pilot is not None:
        own = _own(task.pilot)
        return lambda frame: own(frame.picture.bgr())
    pilot = open_pilot(task.model, task.engine, EngineOptions(threads=task.threads, device=task.device))

    def by_frame(frame: Frame) -> float:
        return pilot.steer(frame.picture)

    return by_frame


def of_image(pilot: str | None, model: str, engine: Sequence[str]) -> Callable[[U8], float]:
    """What steers by BGR images, uint8 (h, w, 3); raises as `of_task`."""
    return open_pilot(model, engine, EngineOptions(threads=1)).steer if pilot is None else _own(pilot)


def _own(name: str) -> Callable[[U8], float]:
    module, _, attribute = name.partition(":")
    try:
        own: Callable[[U8], float] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as fault:
        raise UserError(f"--pilot {name}: {fault}; wants MODULE:NAME of a callable") from None
    return own
