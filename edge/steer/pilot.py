"""A model that steers: a front camera's picture in, the steering out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from edge.engines.base import EngineOptions
from edge.errors import ModelError
from edge.models.packed.read import read
from edge.models.store import Model
from edge.opening import open_predictor
from edge.predictor import Predictor
from edge.types import I420, U8, Steering, Values

DEFAULT = "mainsqueeze"
"""The one that is part of the package."""
FILE = Path(__file__).with_name("mainsqueeze.epk")
"""Made by `edge steer imitate`; part of the package, and so as trusted as its code."""


class Pilot:
    """A loaded model that steers. One thread. Which rows of a picture it sees is said by its manifest."""

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor

    def steer(self, picture: I420 | U8) -> float:
        """The steering -1..1, + to the right, by a whole picture: a camera's, or BGR uint8 (h, w, 3). Not a number, or
        without end, where the model gives that: a gate sees to it.

        Raises:
            EngineError: the back end fails.
        """
        (value,) = self._said(picture, 1, "does not steer: it gives no single value")
        return value

    def drive(self, picture: I420 | U8) -> Steering:
        """Steering and throttle, by a model that gives both in this order; as `steer` otherwise.

        Raises:
            EngineError: the back end fails.
            ModelError: it does not give two values.
        """
        return Steering(*self._said(picture, 2, "does not drive: it gives no two values, steering and throttle"))

    def _said(self, picture: I420 | U8, count: int, otherwise: str) -> list[float]:
        said = self._predictor.predict(picture)
        if not isinstance(said, Values) or said.values.size != count:
            raise ModelError(f"model {self._predictor.model.manifest.name}: {otherwise}")
        return [max(-1.0, min(1.0, value)) if math.isfinite(value) else value for value in said.values.tolist()]

    def close(self) -> None:
        """Give back the engine."""
        self._predictor.close()


def open_pilot(
    name_or_path: str = DEFAULT, engine: str | Sequence[str] = "auto", options: EngineOptions | None = None
) -> Pilot:
    """Load a model that steers: `mainsqueeze`, or as the user names any other.

    Raises:
        MissingError: no engine that runs it is on this machine.
        ModelError: it is none, or gives no values.
    """
    model: str | Model = name_or_path
    if name_or_path == DEFAULT:
        model = shipped()
    return Pilot(open_predictor(model, engine, options or EngineOptions(threads=1), tasks=("values",)))


def shipped() -> Model:
    """The model that is part of the package."""
    packed = read(FILE)
    return Model(FILE, packed.sha256, packed.manifest, packed)
