"""One run of a model that nobody vouches for, bounded by the size of what it is fed and in time."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import BUGS, Engine, said_of
from edge.errors import EngineError

MOST_BYTES = 64 << 20
"""Of all inputs together; a picture of 1920 x 1080 in floats has 24 MB."""
SECONDS = 30.0
"""What a large detector needs on a slow board, and some more."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a run.

    samples: the outputs by name, empty where there are none
    fault: why there are none, in one line; empty where there are
    busy: it was given up while the engine ran, which therefore must not be closed
    """

    samples: Mapping[str, NDArray[Any]] = field(default_factory=dict, repr=False)
    fault: str = ""
    busy: bool = False


def run(loaded: Engine, picture: str, shape: tuple[int, ...]) -> Trial:
    """Run a model once on a black picture of this shape at the input of this name; its other inputs are ones."""
    # A mask, a size: all of the picture.
    shapes = {spec.name: tuple(size or 1 for size in spec.shape) for spec in loaded.inputs} | {picture: shape}
    try:
        kinds = {spec.name: np.dtype(spec.dtype) for spec in loaded.inputs}
    except TypeError as fault:
        return Trial(fault=str(fault))
    if sum(math.prod(shapes[name]) * kind.itemsize for name, kind in kinds.items()) > MOST_BYTES:
        return Trial(fault=f"its inputs take more than {MOST_BYTES >> 20} MB")
    feed = {name: (np.zeros if name == picture else np.ones)(shapes[name], kind) for name, kind in kinds.items()}
    done: queue.SimpleQueue[Trial] = queue.SimpleQueue()
    # A daemon thread: an engine that never comes back must not keep the process from ending.
    threading.Thread(target=lambda: done.put(_outcome(loaded, feed)), name="trial", daemon=True).start()
    try:
        return done.get(timeout=SECONDS)
    except queue.Empty:
        return Trial(fault=f"it gave nothing within {SECONDS:g} s", busy=True)


def _outcome(loaded: Engine, feed: Mapping[str, NDArray[Any]]) -> Trial:
    try:
        return Trial(dict(loaded.run(feed)))
    except EngineError as fault:
        return Trial(fault=" ".join(str(fault).split()))
    except BUGS as bug:
        return Trial(fault=said_of(loaded.name, bug))
