"""A back end of a chain, loaded: by the chain's names, and with every fault of its vendor told as one of ours."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import BUGS, Engine, Feed, TensorSpec, one_line, said_of
from edge.engines.links import Link
from edge.engines.naming import names_of
from edge.errors import EdgeError, EngineError, FeedError

log = logging.getLogger(__name__)

Specs: TypeAlias = "tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]]"
"""Inputs and outputs."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One loaded back end.

    rank: its place among the links
    inputs: its own, by the chain's names
    outputs: the chain's
    takes, gives: how it calls the chain's tensors; empty where the names are the same
    """

    rank: int
    engine: Engine
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    takes: Mapping[str, str]
    gives: Mapping[str, str]

    @classmethod
    def of(cls, link: Link, rank: int, specs: Specs | None) -> Loaded:
        """Load a link whose tensors are to be those of `specs`; None: its own. Raises EdgeError."""
        try:
            engine = link.load()
        except BUGS as bug:
            raise EngineError(said_of(link.name, bug)) from bug
        wanted = specs or (engine.inputs, engine.outputs)
        takes, gives = names_of(wanted[0], engine.inputs), names_of(wanted[1], engine.outputs)
        if takes is None or gives is None:
            shut(engine)
            raise EngineError(f"{link.name}: its tensors are not those of the model as it was loaded first")
        theirs = {spec.name: spec for spec in engine.inputs}
        inputs = tuple(replace(spec, shape=theirs[takes.get(spec.name, spec.name)].shape) for spec in wanted[0])
        return cls(rank, engine, inputs, wanted[1], takes, gives)

    def run(self, feed: Feed) -> Mapping[str, NDArray[Any]]:
        """Infer once. Raises EngineError, whatever the back end raised."""
        takes, gives = self.takes, self.gives
        try:
            given = self.engine.run({takes.get(name, name): array for name, array in feed.items()} if takes else feed)
        except BUGS as bug:
            raise EngineError(said_of(self.engine.name, bug)) from bug
        return {spec.name: given[gives.get(spec.name, spec.name)] for spec in self.outputs} if gives else given

    def prove(self, feed: Feed | None) -> None:
        """Run it once, on what was run last or on zeros; shut and EngineError raised if it fails."""
        feed = feed or _zeros(self.inputs)
        try:
            if feed is not None:
                self.run(feed)
        except FeedError:
            pass  # what ran last was a crop or a batch, and this one takes one whole picture at a time
        except EdgeError:
            shut(self.engine)
            raise


def shut(engine: Engine) -> None:
    """Close an engine whose device may be gone: what it says to that changes nothing."""
    try:
        engine.close()
    except (EdgeError, *BUGS) as fault:
        log.warning("engine %s did not close: %s", engine.name, one_line(fault))


def _zeros(specs: Sequence[TensorSpec]) -> Feed | None:
    """Zeros for every input; None where a size is open, since a model may not take any."""
    feed = {spec.name: np.zeros([size or 0 for size in spec.shape], spec.dtype) for spec in specs}
    return None if any(None in spec.shape for spec in specs) else feed
