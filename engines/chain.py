"""Several back ends for one model, in order of preference: the first that works serves, a better one comes back.

A device on a USB port, a server on the network and a child process go away while cameras run. The picture that was
under way is then run by the next back end, which is loaded at that moment: until it is needed it takes no memory. A
thread tries what is preferred again, with growing pauses, and runs it once on zeros before it serves. The same way
lets a CPU serve while an engine is built for a GPU, which takes minutes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.backoff import BackOff
from edge.engines.base import Engine, Feed, TensorSpec
from edge.engines.naming import names_of
from edge.errors import EdgeError, EngineError, FeedError

log = logging.getLogger(__name__)

AGAIN_S = (2.0, 60.0)
"""The pauses between two tries to get a back end back."""


@dataclass(frozen=True, slots=True)
class Link:
    """One back end of a chain.

    load: loads the model on it; raises EdgeError
    quick: whether that takes seconds, not minutes
    """

    name: str
    load: Callable[[], Engine]
    quick: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True)
class Change:
    """Which back end serves from now on, None if none does, and why.

    best: whether it is the preferred one
    planned: whether nothing failed: the preferred one is only being prepared
    """

    serving: str | None
    before: str | None
    reason: str
    best: bool
    planned: bool = False


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A loaded back end with the names by which it calls the chain's tensors; empty where they are the same."""

    rank: int
    engine: Engine
    takes: Mapping[str, str]
    gives: Mapping[str, str]


def first(links: Sequence[Link]) -> Engine:
    """The first of the links that loads, for good. Raises EdgeError if none does: the first fault, with the others."""
    faults: list[EdgeError] = []
    for link in links:
        try:
            return link.load()
        except EdgeError as fault:
            faults.append(fault)
    raise _all_of(faults)


class Chain:
    """A runner over several back ends. `run` and `close` are for one thread at a time, as with an engine.

    Args:
        links: in order of preference
        on_change: told of each change, in the thread that notices; must not block
        again_s: shortest and longest pause between two tries to get a back end back

    Raises:
        EdgeError: none of the links can be loaded; the fault of the first, with those of the others.
    """

    def __init__(
        self,
        links: Sequence[Link],
        on_change: Callable[[Change], None] = lambda change: None,
        again_s: tuple[float, float] = AGAIN_S,
    ) -> None:
        self._links = tuple(links)
        self._tell = on_change
        self._pause = BackOff(*again_s)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._back: _Loaded | None = None
        self._last: Feed | None = None
        self._specs: tuple[tuple[TensorSpec, ...], tuple[TensorSpec, ...]] | None = None
        self._name = self._links[0].name
        self._serving: _Loaded | None = self._first()
        # A daemon thread: loading on a device that hangs must not keep the process from ending.
        self._returning = threading.Thread(target=self._return, name="engine-return", daemon=True)
        self._returning.start()

    @property
    def name(self) -> str:
        """The back end that serves, or served last."""
        return self._name

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What the chain takes: the tensors of the first back end that was loaded, by its names."""
        return self._specs[0] if self._specs else ()

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """What the chain gives, by the same names whoever serves."""
        return self._specs[1] if self._specs else ()

    def run(self, feed: Feed) -> Mapping[str, NDArray[Any]]:
        """Infer once on the back end that serves, on the next ones where it fails.

        Raises FeedError as the back end does, EngineError when none is left.
        """
        self._adopt()
        faults: list[str] = []
        rank = -1
        while (serving := self._serving) is not None or (serving := self._next(rank, faults)) is not None:
            try:
                given = self._run(serving, feed)
            except FeedError:
                raise
            except EngineError as fault:
                rank = serving.rank
                faults.append(str(fault))
                self._drop(str(fault))
            else:
                self._last = feed
                return given
        raise EngineError("no engine is left: " + "; ".join(faults or ["waiting for one to come back"]))

    def buffer(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """Of the back end that serves now; any other takes it as well."""
        serving = self._serving
        if serving is None:
            return np.empty(shape, next(spec.dtype for spec in self.inputs if spec.name == name))
        return serving.engine.buffer(serving.takes.get(name, name), shape)

    def close(self) -> None:
        """Close whatever is loaded, and try nothing again."""
        self._stop.set()
        self._lost.set()
        with self._lock:
            back, self._back = self._back, None
        for loaded in (self._serving, back):
            if loaded is not None:
                loaded.engine.close()
        self._serving = None

    def _first(self) -> _Loaded:
        """The most preferred link that loads: those that load quickly first, then those that take minutes."""
        faults: list[EdgeError] = []
        quick = [rank for rank, link in enumerate(self._links) if link.quick()]
        for rank in [*quick, *sorted(set(range(len(self._links))) - set(quick))]:
            try:
                loaded = self._load(rank)
            except EdgeError as fault:
                faults.append(fault)
                continue
            self._name = self._links[rank].name
            if rank > 0:
                self._lost.set()
                reason = str(faults[0]) if faults else f"{self._links[0].name} is being prepared"
                self._say(loaded, None, reason, planned=not faults)
            return loaded
        raise _all_of(faults)

    def _load(self, rank: int) -> _Loaded:
        engine = self._links[rank].load()
        if self._specs is None:
            self._specs = engine.inputs, engine.outputs
        takes, gives = (names_of(*pair) for pair in zip(self._specs, (engine.inputs, engine.outputs), strict=True))
        if takes is None or gives is None:
            engine.close()
            raise EngineError(f"{engine.name}: its tensors are not those of {self._links[0].name}")
        return _Loaded(rank, engine, takes, gives)

    def _drop(self, reason: str) -> None:
        """The back end that serves is lost."""
        lost, self._serving = self._serving, None
        if lost is None:
            return
        log.warning("engine %s is lost: %s", self._name, reason)
        lost.engine.close()
        self._lost.set()

    def _next(self, rank: int, faults: list[str]) -> _Loaded | None:
        """The first link behind `rank` that loads. Before it, nothing is tried here: that is the returning thread's."""
        if rank < 0:
            return None
        before = self._name
        for later in range(rank + 1, len(self._links)):
            try:
                loaded = self._load(later)
            except EdgeError as fault:
                faults.append(str(fault))
                continue
            self._serving = loaded
            self._say(loaded, before, faults[0])
            return loaded
        self._tell(Change(None, before, faults[0], best=False))
        return None

    def _adopt(self) -> None:
        """Switch to a back end that came back."""
        with self._lock:
            back, self._back = self._back, None
            if back is None:
                return
            old, self._serving = self._serving, back
        before = self._name if old is not None else None
        if old is not None:
            old.engine.close()
        self._say(back, before, f"{self._links[back.rank].name} is there")

    def _say(self, serving: _Loaded, before: str | None, reason: str, *, planned: bool = False) -> None:
        self._name = self._links[serving.rank].name
        best = serving.rank == 0
        level = logging.INFO if best or planned else logging.WARNING
        log.log(level, "engine %s serves%s: %s", self._name, f" instead of {before}" if before else "", reason)
        self._tell(Change(self._name, before, reason, best, planned))

    def _return(self) -> None:
        """The thread that gets back what was lost: while something better than what serves is missing, try it."""
        while self._lost.wait() and not self._stop.is_set():
            self._lost.clear()
            self._pause.reset()
            while not self._stop.wait(self._pause.next()) and (better := self._rank()) > 0:
                self._try(better)

    def _rank(self) -> int:
        """Of what serves or is about to; behind the last link if nothing does."""
        with self._lock:
            ranks = [loaded.rank for loaded in (self._serving, self._back) if loaded is not None]
        return min(ranks, default=len(self._links))

    def _try(self, better: int) -> None:
        """Load the links before `better`, try out the first that loads, and hand it over."""
        for rank in range(better):
            try:
                loaded = self._load(rank)
                self._prove(loaded)
            except EdgeError as fault:
                log.info("engine %s is still away: %s", self._links[rank].name, fault)
                continue
            with self._lock:
                old, self._back = self._back, loaded
                if self._stop.is_set():
                    old, self._back = loaded, None
            if old is not None:
                old.engine.close()
            return

    def _prove(self, loaded: _Loaded) -> None:
        """Run it once, on what was run last; closed and EdgeError raised if it fails."""
        feed = self._last or _zeros(self.inputs)
        try:
            if feed is not None:
                self._run(loaded, feed)
        except EdgeError:
            loaded.engine.close()
            raise

    def _run(self, loaded: _Loaded, feed: Feed) -> Mapping[str, NDArray[Any]]:
        takes, gives = loaded.takes, loaded.gives
        given = loaded.engine.run({takes.get(name, name): array for name, array in feed.items()} if takes else feed)
        return {spec.name: given[gives.get(spec.name, spec.name)] for spec in self.outputs} if gives else given


def _all_of(faults: Sequence[EdgeError]) -> EdgeError:
    """One fault of the first one's kind that tells them all."""
    return type(faults[0])("; ".join(map(str, faults)))


def _zeros(specs: Sequence[TensorSpec]) -> Feed | None:
    """Zeros for every input; None where a size is open, since a model may not take any."""
    feed = {spec.name: np.zeros([size or 0 for size in spec.shape], spec.dtype) for spec in specs}
    return None if any(None in spec.shape for spec in specs) else feed
