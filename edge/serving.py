"""The models that the daemon's cameras share: loaded once, run by a worker each, and how they are doing."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from edge import wiring
from edge.both import AnyDetector
from edge.clock import Clock
from edge.config.schema import Config
from edge.detector import Detector
from edge.engine_news import EngineNews
from edge.engines.links import Change
from edge.engines.worker import Worker
from edge.models.store import Model
from edge.posers import Poser
from edge.types import Event, ModelRef

log = logging.getLogger(__name__)

ENGINE_S = 30.0
"""An inference that takes longer is a wedged engine."""
LOADING_S = 180.0
"""The same where another engine has to be loaded first, from a slow card."""


class Serving:
    """The detector of all cameras and the workers of its models. Its methods may be called from any thread.

    Args:
        config: whose models they are
        boot_id: of this run, for events about the engine
        armed: the alarm's state now
        clock: for those events' times
        emit: takes them; must not block
        found: the first model, where it was found before; None looks for it

    Raises:
        MissingError, ModelError: a model cannot be loaded.
    """

    def __init__(
        self,
        config: Config,
        boot_id: str,
        armed: Callable[[], str],
        clock: Clock,
        emit: Callable[[Event], object],
        found: Model | None,
    ) -> None:
        self._detector: AnyDetector | None = None
        numbers = itertools.count(1)
        self.news = [
            EngineNews(config.node.name, boot_id, partial(self._ref, i), armed, clock, emit, numbers)
            for i in range(len(config.model.names))
        ]
        detector = self._detector = wiring.open_model(
            config,
            wiring.needing(config),
            self.news.__getitem__,
            found=found,
            passed_over=_passed_over,
            measure=True,
        )
        self._opened = detector
        self._closed = False
        del self.news[len(detector.parts) :]  # of one that is done without
        for part, news in zip(detector.parts, self.news, strict=True):
            _tell_of_slot(part, news)
        self._workers = [Worker(part.runner, part.predictor.model.manifest.batch) for part in detector.parts]

    @property
    def model(self) -> Model:
        """The first model that it runs, a packed one with all of its file."""
        return self._opened.parts[0].predictor.model

    def twin(self) -> AnyDetector:
        """A detector for one camera alone, over the workers."""
        return self._opened.twin(*self._workers)

    def tick(self) -> None:
        """To be called about once a second."""
        for news in self.news:
            news.tick()

    def faults(self, now: float) -> list[str | None]:
        """What is wrong with the worker of each model at `now` (monotonic), None while it works or waits, and once the
        workers were closed on purpose."""
        return [None if self._closed else _fault(worker, now) for worker in self._workers]

    def status(self, faults: Sequence[str | None], took: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
        """The status' `engines`, one a model.

        faults: of the workers
        took: how long the newest inference of each model took, milliseconds, by camera
        """
        longest = [max(some, default=0.0) or None for some in zip(*took, strict=True)] or [None] * len(self._workers)
        parts = zip(self._opened.parts, self._workers, self.news, faults, longest, strict=True)
        return [
            {
                "name": worker.name,
                "model": part.ref.name,
                "version": None if (packed := part.predictor.model.packed) is None else packed.origin.version,
                "state": "fault" if fault else news.state,
                "reason": fault or news.reason,
                "infer_ms": infer_ms,
            }
            for part, worker, news, fault, infer_ms in parts
        ]

    def close(self, timeout: float) -> None:
        """End the workers; a run that hangs is left to itself after `timeout` seconds."""
        self._closed = True
        for worker in self._workers:
            worker.close(timeout)

    def _ref(self, i: int) -> ModelRef | None:
        return None if self._detector is None else self._detector.parts[i].ref


def _fault(worker: Worker, now: float) -> str | None:
    if not worker.alive():
        return "has ended"
    busy = worker.busy_since()
    longest = LOADING_S if worker.loading() else ENGINE_S
    return f"has been busy for {now - busy:.0f} s" if busy is not None and now - busy > longest else None


class PoseServing:
    """What finds the joints of all cameras' people, and a worker for each of its models. Any thread.

    Args: as for `Serving`. Raises the same.
    """

    def __init__(
        self,
        config: Config,
        boot_id: str,
        armed: Callable[[], str],
        clock: Clock,
        emit: Callable[[Event], object],
    ) -> None:
        self._opened: Poser | None = None
        self._closed = False
        # Its events have ids of their own beside those about the detector's engine.
        self.news = EngineNews(
            config.node.name,
            f"{boot_id}/pose",
            lambda: None if self._opened is None else self._opened.ref,
            armed,
            clock,
            emit,
        )
        self._poser = self._opened = wiring.open_pose(config, self.news, passed_over=_passed_over)
        self._workers = {id(runner): Worker(runner) for runner in self._poser.runners}

    def twin(self) -> Poser:
        """What finds joints for one camera alone, over the workers."""
        return self._poser.twin(lambda runner: self._workers[id(runner)])

    def tick(self) -> None:
        """To be called about once a second."""
        self.news.tick()

    def faults(self, now: float) -> list[str | None]:
        """As for `Serving`."""
        return [None if self._closed else _fault(worker, now) for worker in self._workers.values()]

    def status(self, faults: Sequence[str | None], took: Sequence[float]) -> list[dict[str, Any]]:
        """One entry of the status' `engines`. took: by how much the newest looks took, milliseconds, by camera."""
        ref, fault = self._poser.ref, next(filter(None, faults), None)
        return [
            {
                "name": ref.engine,
                "model": ref.name,
                "version": None,
                "state": "fault" if fault else self.news.state,
                "reason": fault or self.news.reason,
                "infer_ms": max(took, default=None),
            }
        ]

    def close(self, timeout: float) -> None:
        """End the workers; a run that hangs is left to itself after `timeout` seconds."""
        self._closed = True
        for worker in self._workers.values():
            worker.close(timeout)


class Models:
    """The models of a daemon, each loaded when the first camera needs it. Any thread.

    Args: as for `Serving`.
    """

    def __init__(
        self,
        config: Config,
        boot_id: str,
        armed: Callable[[], str],
        clock: Clock,
        emit: Callable[[Event], object],
        found: Model | None,
    ) -> None:
        self._around = config, boot_id, armed, clock, emit
        self._found = found
        self._serving: Serving | None = None
        self._posing: PoseServing | None = None
        self._loading = threading.Lock()

    @property
    def model(self) -> Model | None:
        """The detector's model that it runs or ran, a packed one with all of its file; None without any."""
        return self._found if self._serving is None else self._serving.model

    def load(self) -> None:
        """Load what cameras need from the start. Raises MissingError, ModelError."""
        config = self._around[0]
        seeing = wiring.seeing(config)
        if seeing:
            self._served()
        if any(config.poses(camera) for camera in seeing):
            self._posed()

    def detector(self) -> AnyDetector:
        """A detector for one camera alone. Raises MissingError, ModelError."""
        return self._served().twin()

    def poser(self) -> Poser:
        """What finds joints for one camera alone. Raises MissingError, ModelError."""
        return self._posed().twin()

    def tick(self) -> None:
        """To be called about once a second."""
        for served in (self._serving, self._posing):
            if served is not None:
                served.tick()

    def late(self) -> list[tuple[str, str]]:
        """Wedged and dead engines, as (part, what is wrong)."""
        parts = (("the engine", self._serving), ("the pose model's engine", self._posing))
        return [(name, fault) for name, served in parts for fault in _faults(served) if fault]

    def status(self, took: Sequence[Sequence[float]], poses: Sequence[float]) -> list[dict[str, Any]]:
        """The status' `engines`. took, poses: as of `Serving.status` and of `PoseServing.status`."""
        served, posed = self._serving, self._posing
        found = [] if served is None else served.status(_faults(served), took)
        return found + ([] if posed is None else posed.status(_faults(posed), poses))

    def close(self, timeout: float) -> None:
        """End the workers; see `Serving.close`."""
        for served in (self._serving, self._posing):
            if served is not None:
                served.close(timeout)

    def _served(self) -> Serving:
        with self._loading:
            if self._serving is None:
                self._serving = Serving(*self._around, self._found)
            return self._serving

    def _posed(self) -> PoseServing:
        with self._loading:
            if self._posing is None:
                self._posing = PoseServing(*self._around)
            return self._posing


def _faults(served: Serving | PoseServing | None) -> list[str | None]:
    """What is wrong with the engine of each model, None while it works or waits."""
    return [] if served is None else served.faults(time.monotonic())


def _passed_over(line: str) -> None:
    """An engine that was asked for and is not here at all: no chain will bring it back; or a slot that failed."""
    log.warning("passed over: %s", line)


def _tell_of_slot(detector: Detector, news: EngineNews) -> None:
    """A model that had to be gone back from is news until the next start: nobody asked for the old one."""
    model = detector.predictor.model
    if model.packed is not None and model.slot is not None and model.slot.passed:
        old = f"version {model.packed.origin.version} of {model.slot.slots.name}"
        news(Change(old, None, model.slot.passed, best=False))
