"""Several back ends for one model, in order of preference: the first that works serves, a better one comes back.

A device on a USB port, a server on the network and a child process go away while cameras run. The picture that was
under way is then run by the next back end, which is loaded at that moment: until it is needed it takes no memory. A
thread tries what is preferred again, with growing pauses, and runs it once on the newest picture before it serves. The
same way lets a CPU serve while an engine is built for a GPU, which takes minutes.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from edge.backoff import BackOff
from edge.engines.base import Feed, TensorSpec, plain_buffer
from edge.engines.links import Change, Link, all_of
from edge.engines.loaded import Loaded, Specs, shut
from edge.errors import EdgeError, EngineError, FeedError, ModelError

log = logging.getLogger(__name__)

AGAIN_S = (2.0, 60.0)
"""The pauses between two tries to get a back end back."""
PARTING_S = 1.0
"""How long closing waits for the returning thread."""
STEADY_S = 120.0
"""One that served for so long did not come and go: the pauses begin short again."""


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
        self._again_s = again_s[0]
        self._stop = threading.Event()
        self._lost = threading.Event()
        self._hurry = threading.Event()
        self._back: Loaded | None = None
        self._retired: set[int] = set()
        self._planned = self._none = False
        self._unsaid: tuple[str | None, str] | None = None
        self._since = self._looked = -math.inf
        self.loading = False
        """Whether `run` is loading another back end, which may take longer than a picture."""
        self._last: Feed | None = None
        self._specs: Specs | None = None
        self._name = self._links[0].name
        self._serving: Loaded | None = self._first()
        # A daemon thread: loading on a device that hangs must not keep the process from ending.
        self._returning = threading.Thread(target=self._return, name="engine-return", daemon=True)
        self._returning.start()

    @property
    def name(self) -> str:
        """The back end that serves, or served last."""
        return self._name

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What the back end that serves takes, by the names of the first one that was loaded."""
        serving = self._serving
        return serving.inputs if serving is not None else self._specs[0] if self._specs else ()

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
        others: Iterator[int] | None = None
        while True:
            serving = self._serving
            if serving is None:
                others = self._others(-1) if others is None else others
                serving = self._next(others, faults)
            if serving is None:
                raise EngineError("no engine is left: " + "; ".join(faults or ["waiting for one to come back"]))
            try:
                given = serving.run(feed)
            except FeedError:
                raise
            except EngineError as fault:
                faults.append(str(fault))
            else:
                self._last = feed
                if self._unsaid is not None:
                    before, reason = self._unsaid
                    self._say(serving, before, reason)
                return given
            self._drop(faults[-1])
            others = self._others(serving.rank) if others is None else others

    def buffer(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """Of the back end that serves now; any other takes it as well."""
        serving = self._serving
        if serving is None:
            return plain_buffer(self.inputs, name, shape)
        return serving.engine.buffer(serving.takes.get(name, name), shape)

    def close(self) -> None:
        """Close whatever is loaded, and try nothing again."""
        self._stop.set()
        self._lost.set()
        self._hurry.set()
        with self._lock:
            back, self._back = self._back, None
        for loaded in (self._serving, back):
            if loaded is not None:
                shut(loaded.engine)
        self._serving = None
        # A thread that comes back from a vendor's code into an interpreter that is ending aborts the process.
        self._returning.join(PARTING_S)

    def _first(self) -> Loaded:
        """The most preferred link that loads: those that load quickly first, then those that take minutes."""
        faults: list[EdgeError] = []
        for rank in self._quick_first(range(len(self._links))):
            try:
                loaded = self._load(rank)
            except EdgeError as fault:
                faults.append(fault)
                continue
            self._name, self._since = self._links[rank].name, time.monotonic()
            if rank > 0:
                self._lost.set()
                self._planned = not faults
                reason = str(faults[0]) if faults else f"{self._links[0].name} is being prepared"
                self._say(loaded, None, reason, planned=self._planned)
            return loaded
        raise all_of(faults)

    def _quick_first(self, ranks: Iterable[int]) -> list[int]:
        """Those that load in seconds, then those that take minutes, each in order of preference."""
        return sorted(ranks, key=lambda rank: not self._links[rank].quick())

    def _load(self, rank: int) -> Loaded:
        """Load a link. Raises EdgeError."""
        loaded = Loaded.of(self._links[rank], rank, self._specs)
        self._specs = self._specs or (loaded.inputs, loaded.outputs)
        return loaded

    def _drop(self, reason: str) -> None:
        """The back end that serves is lost."""
        lost, self._serving = self._serving, None
        if lost is None:
            return
        level = logging.WARNING if self._unsaid is None else logging.INFO  # one that never served is no loss
        log.log(level, "engine %s is lost: %s", self._links[lost.rank].name, reason)
        self._lost.set()
        if time.monotonic() - self._since > STEADY_S:
            self._pause.reset()
        shut(lost.engine)

    def _others(self, lost: int) -> Iterator[int]:
        """The links to try while a camera waits: those behind the lost one, itself once more, those before it. None of
        those that take minutes; and where nothing serves any more, not at each picture."""
        now = time.monotonic()
        if lost < 0 and now - self._looked < self._again_s:
            return iter(())
        self._looked = now
        ranks = [*range(lost + 1, len(self._links)), *range(lost + 1)]
        return (rank for rank in ranks if rank not in self._retired and self._links[rank].quick())

    def _next(self, others: Iterator[int], faults: list[str]) -> Loaded | None:
        """The first of the others that loads, which is told of once it has run; None if none does, which the returning
        thread then hears."""
        before = self._name if faults else None
        for rank in others:
            self.loading = True
            try:
                loaded = self._load(rank)
            except EdgeError as fault:
                faults.append(str(fault))
                continue
            finally:
                self.loading = False
            self._serving, self._since = loaded, time.monotonic()
            self._unsaid = before, faults[0] if faults else f"{self._links[rank].name} is there"
            return loaded
        if before is not None and not self._none:
            self._none = True
            self._tell(Change(None, before, faults[0], best=False))
        if faults:
            self._hurry.set()
        return None

    def _adopt(self) -> None:
        """Switch to a back end that came back, unless one that is as good serves since."""
        with self._lock:
            back, self._back = self._back, None
            if back is None:
                return
            old = self._serving
            better = old is None or back.rank < old.rank
            if better:
                self._serving, self._since = back, time.monotonic()
        if not better:
            shut(back.engine)
            return
        before = self._name if old is not None else None
        if old is not None:
            shut(old.engine)
        self._say(back, before, f"{self._links[back.rank].name} is there")

    def _say(self, serving: Loaded, before: str | None, reason: str, *, planned: bool = False) -> None:
        self._name, self._none, self._unsaid = self._links[serving.rank].name, False, None
        best = serving.rank == 0
        level = logging.INFO if best or planned else logging.WARNING
        log.log(level, "engine %s serves%s: %s", self._name, f" instead of {before}" if before else "", reason)
        self._tell(Change(self._name, before, reason, best, planned))

    def _return(self) -> None:
        """The thread that gets back what was lost: while something better than what serves is missing, try it."""
        while self._lost.wait() and not self._stop.is_set():
            self._lost.clear()
            while not self._stop.is_set():
                if self._hurry.wait(self._pause.next()):
                    self._hurry.clear()
                better = self._rank()
                if better == 0:
                    break
                self._try(better)

    def _rank(self) -> int:
        """Of what serves or is about to; behind the last link if nothing does."""
        with self._lock:
            ranks = [loaded.rank for loaded in (self._serving, self._back) if loaded is not None]
        return min(ranks, default=len(self._links))

    def _try(self, better: int) -> None:
        """Load the links before `better`, try out the first that loads, and hand it over."""
        for rank in range(better):
            if rank in self._retired or self._stop.is_set():
                continue
            quick = self._links[rank].quick()
            try:
                loaded = self._load(rank)
                loaded.prove(self._last)
            except EdgeError as fault:
                self._still_away(rank, fault, quick=quick)
                continue
            with self._lock:
                old, self._back = self._back, loaded
                if self._stop.is_set():
                    old, self._back = loaded, None
            if old is not None:
                shut(old.engine)
            return

    def _still_away(self, rank: int, fault: EdgeError, *, quick: bool) -> None:
        log.info("engine %s is still away: %s", self._links[rank].name, fault)
        if isinstance(fault, ModelError) and not quick:
            self._retired.add(rank)  # the same minutes would end in the same way
        if self._planned:
            self._planned = False
            self._tell(Change(self._name, None, str(fault), best=False))
