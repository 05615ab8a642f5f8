"""What the pipeline needs of a pose model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from edge.metrics import Stages
from edge.types import I420, Box, ModelRef, Pose


class Poser(Protocol):
    """Finds the joints of people who are followed. One thread; may remember from frame to frame where somebody was."""

    @property
    def ref(self) -> ModelRef:
        """The model, with the engine that serves now."""
        ...

    @property
    def infer_s(self) -> float:
        """How long the newest look at one person took in the engine, seconds."""
        ...

    def look(self, picture: I420, people: Mapping[int, Box], stages: Stages) -> dict[int, Pose]:
        """The poses of people in a picture, by the numbers of their tracks; who was not found is absent.

        A person whose box is no longer true, since the detector lost them, is looked for where their joints were.

        Args:
            people: whom to look at, and where the tracker has them, pixels
            stages: gets the seconds of `pose`, all of it, and `pose_infer`, the back end's calls alone

        Raises:
            EngineError: the back end fails.
            ModelError: its tensors are not the head's.
        """
        ...

    def forget(self, alive: frozenset[int]) -> None:
        """Keep what is remembered of these tracks alone."""
        ...

    def close(self) -> None:
        """Give back the engines."""
        ...
