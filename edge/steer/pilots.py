"""What steers: a model, or a callable of the user's own."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence

from edge.engines.base import EngineOptions, one_line
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
    """The user's callable; its module is looked for in the working folder, too."""
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise UserError(f"--pilot {name}: wants MODULE:NAME of a callable")
    if "" not in sys.path:
        sys.path.insert(0, "")  # as `python -m` has it, and a command of its own has not
    try:
        own: Callable[[U8], float] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, SyntaxError) as fault:
        raise UserError(f"--pilot {name}: {one_line(fault)}; wants MODULE:NAME of a callable") from None
    if not callable(own):
        raise UserError(f"--pilot {name}: is of the type {type(own).__name__}; wants MODULE:NAME of a callable")
    return own
