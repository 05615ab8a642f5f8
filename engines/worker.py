"""One thread that alone touches an engine, for the cameras that share it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from concurrent.futures import Future
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import BUGS, Feed, Runner, TensorSpec, said_of
from edge.engines.chain import Chain
from edge.errors import EdgeError, EngineError, FeedError

Outputs: TypeAlias = Mapping[str, NDArray[Any]]

Request: TypeAlias = "tuple[Feed, Future[Outputs]]"


class Worker:
    """Runs what is submitted in the order in which the submitters came, one waiting request each.

    A submitter that comes again while its request still waits replaces it and keeps its place: the newest picture wins
    and no camera can crowd out another. All methods may be called from any thread.

    Args:
        engine: from now on only the worker's thread touches it, until `close`
        batch: run so many waiting requests at once at most, joined along the first axis where the engine leaves it
            open; nobody is waited for
    """

    def __init__(self, engine: Runner, batch: int = 1) -> None:
        self._engine = engine
        self._batch = batch
        self._waiting: OrderedDict[Hashable, Request] = OrderedDict()
        self._wake = threading.Condition()
        self._closing = False
        self._busy_since: float | None = None
        # A daemon thread: an engine that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name=f"engine-{engine.name}", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """The back end that runs the model now."""
        return self._engine.name

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What the engine takes."""
        return self._engine.inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """What the engine gives."""
        return self._engine.outputs

    def buffer(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        """The engine's own."""
        return self._engine.buffer(name, shape)

    def submit(self, feed: Feed, who: Hashable) -> Future[Outputs]:
        """Ask for a run without waiting. The feed's arrays must stay as they are until the future is done.

        A request of `who` that still waits is cancelled and replaced. The future ends in EngineError if the engine
        fails in whatever way, and later runs are taken as before, or if the worker closes.
        """
        future: Future[Outputs] = Future()
        with self._wake:
            if self._closing:
                future.set_exception(_closed(self.name))
                return future
            old = self._waiting.get(who)
            self._waiting[who] = (feed, future)
            self._wake.notify()
        if old is not None:
            old[1].cancel()
        return future

    def run(self, feed: Feed) -> Outputs:
        """Run in this thread's turn and wait for it. Raises EngineError as the engine does."""
        return self.submit(feed, threading.get_ident()).result()

    def busy_since(self) -> float | None:
        """When the run that is under way began, seconds of `time.monotonic`; None while the engine is idle.

        A supervisor tells a wedged engine by it.
        """
        return self._busy_since

    def loading(self) -> bool:
        """Whether the run under way has to load another back end first, and may take its time."""
        return isinstance(self._engine, Chain) and self._engine.loading

    def alive(self) -> bool:
        """Whether runs are still taken; False once it is closed, or when something unheard of ended its thread."""
        return self._thread.is_alive() and not self._closing

    def waiting(self) -> int:
        """How many submitters wait for their turn."""
        return len(self._waiting)

    def close(self, timeout: float = 2.0) -> None:
        """Refuse what waits, end the thread and close the engine in it; gives up waiting after `timeout` seconds."""
        self._refuse()
        if threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def _work(self) -> None:
        try:
            while requests := self._next():
                wanted = [request for request in requests if request[1].set_running_or_notify_cancel()]
                if wanted:
                    self._serve([feed for feed, _ in wanted], [future for _, future in wanted])
            self._engine.close()
        finally:
            self._refuse()

    def _next(self) -> list[Request]:
        """The next request, with those behind it that may share its run; none once the worker closes."""
        with self._wake:
            while not self._waiting and not self._closing:
                self._wake.wait()
            if self._closing:
                return []
            taken = [self._waiting.popitem(last=False)[1]]
            if self._batch > 1 and self._engine.inputs[0].shape[0] is None:
                shapes = _shapes(taken[0][0])
                alike = [who for who, (feed, _) in self._waiting.items() if _shapes(feed) == shapes]
                taken += [self._waiting.pop(who) for who in alike[: self._batch - 1]]
            return taken

    def _refuse(self) -> None:
        """Take no more requests, and end those that wait."""
        with self._wake:
            self._closing = True
            left = list(self._waiting.values())
            self._waiting.clear()
            self._wake.notify()
        for _, future in left:
            if future.set_running_or_notify_cancel():
                future.set_exception(_closed(self.name))

    def _serve(self, feeds: list[Feed], futures: list[Future[Outputs]]) -> None:
        self._busy_since = time.monotonic()
        # What ends this thread is neither kind of fault; nobody shall wait for it for ever.
        fault: EdgeError = _closed(self.name)
        try:
            given = self._run(feeds)
            for future, outputs in zip(futures, given, strict=True):
                future.set_result(outputs)
        except EdgeError as known:
            fault = known
        except BUGS as bug:
            fault = _failed(self.name, bug)
        finally:
            self._busy_since = None
            for future in futures:
                if not future.done():
                    future.set_exception(fault)

    def _run(self, feeds: list[Feed]) -> list[Outputs]:
        if len(feeds) > 1:
            with contextlib.suppress(FeedError):  # of an engine that stands in and takes one at a time
                return self._together(feeds)
        return [self._engine.run(feed) for feed in feeds]

    def _together(self, feeds: list[Feed]) -> list[Outputs]:
        """One run for several feeds of the same shapes."""
        rows = len(next(iter(feeds[0].values())))
        joined = {name: np.concatenate([feed[name] for feed in feeds]) for name in feeds[0]}
        given = self._engine.run(joined)
        for name, array in given.items():
            if array.ndim == 0 or len(array) != rows * len(feeds):
                raise EngineError(
                    f"{self.name}: output `{name}` has shape {array.shape} for {rows * len(feeds)} pictures: the model "
                    f"does not keep them apart, set `batch = 1` in its manifest"
                )
        return [{name: array[i * rows : (i + 1) * rows] for name, array in given.items()} for i in range(len(feeds))]


def _shapes(feed: Feed) -> list[tuple[str, tuple[int, ...]]]:
    return sorted((name, array.shape) for name, array in feed.items())


def _closed(name: str) -> EngineError:
    return EngineError(f"{name}: the engine has been closed")


def _failed(name: str, bug: BaseException) -> EngineError:
    fault = EngineError(said_of(name, bug))
    fault.__cause__ = bug
    return fault
