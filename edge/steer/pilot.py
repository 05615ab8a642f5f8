"""A model that steers: a front camera's picture in, the steering out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from edge.crops import Crop
from edge.engines.base import EngineOptions
from edge.errors import ModelError
from edge.models.packed.read import read
from edge.models.store import Model
from edge.opening import open_predictor
from edge.predictor import Predictor
from edge.types import I420, U8, Values

DEFAULT = "mainsqueeze"
"""The one that is part of the package."""
FILE = Path(__file__).with_name("mainsqueeze.epk")
"""Made by `edge steer imitate`; part of the package, and so as trusted as its code."""
_TOP, _BOTTOM = 0.4375, 0.875
"""The part of a picture's height that is seen: what lies above is sky, what lies below is the car."""


class Pilot:
    """A loaded model that steers. One thread.

    infer_s: how long the newest inference took, seconds
    """

    def __init__(self, predictor: Predictor) -> None:
        self._predictor = predictor
        self._crop: Crop | None = None
        self._size = (0, 0)

    def steer(self, picture: I420 | U8) -> float:
        """The steering -1..1, + to the right, by a whole picture: a camera's, or BGR uint8 (h, w, 3). Not a number
        where the model gives none: a gate sees to that.

        Raises:
            EngineError: the back end fails.
        """
        size = (picture.width, picture.height) if isinstance(picture, I420) else (picture.shape[1], picture.shape[0])
        if self._crop is None or size != self._size:
            wide, tall = size
            fed = self._predictor.model.manifest.input
            self._crop = Crop((0, _even(tall * _TOP), wide, _even(tall * _BOTTOM)), fed.width, fed.height)
            self._size = size
        said = self._predictor.predict(picture, crop=self._crop)
        if not isinstance(said, Values) or said.values.size != 1:
            raise ModelError(f"model {self._predictor.model.manifest.name}: does not steer: it gives no single value")
        value = float(said.values[0])
        return value if math.isnan(value) else max(-1.0, min(1.0, value))

    @property
    def infer_s(self) -> float:
        """How long the newest inference took, seconds."""
        return self._predictor.infer_s

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
        packed = read(FILE)
        model = Model(FILE, packed.sha256, packed.manifest, packed)
    return Pilot(open_predictor(model, engine, options or EngineOptions(threads=1), tasks=("values",)))


def _even(row: float) -> int:
    return 2 * round(row / 2)
