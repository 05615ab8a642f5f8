"""The model that the daemon's cameras share: loaded once, run by one worker, and how it is doing."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from edge import wiring
from edge.clock import Clock
from edge.config.schema import Config
from edge.detector import Detector
from edge.engine_news import EngineNews
from edge.engines.links import Change
from edge.engines.worker import Worker
from edge.models.store import Model
from edge.posers import Poser
from edge.types import Event

log = logging.getLogger(__name__)

ENGINE_S = 30.0
"""An inference that takes longer is a wedged engine."""
LOADING_S = 180.0
"""The same where another engine has to be loaded first, from a slow card."""


def _fault_of(worker: Worker, now: float) -> str | None:
    """What is wrong with a worker at `now` (monotonic), None while it works or waits."""
    if not worker.alive():
        return "has ended"
    busy = worker.busy_since()
    longest = LOADING_S if worker.loading() else ENGINE_S
    return f"has been busy for {now - busy:.0f} s" if busy is not None and now - busy > longest else None


class Serving:
    """The detector of all cameras and its worker. Its methods may be called from any thread.

    Args:
        config: whose model it is
        boot_id: of this run, for events about the engine
        armed: the alarm's state now
        clock: for those events' times
        emit: takes them; must not block
        found: the model, where it was found before; None looks for it

    Raises:
        MissingError, ModelError: the model cannot be loaded.
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
        self._detector: Detector | None = None
        self.news = EngineNews(
            config.node.name,
            boot_id,
            lambda: None if self._detector is None else self._detector.ref,
            armed,
            clock,
            emit,
        )
        detector = self._detector = wiring.open_model(
            config, wiring.needing(config), self.news, found=found, passed_over=_passed_over, measure=True
        )
        _tell_of_slot(detector, self.news)
        self._worker = Worker(detector.runner, detector.predictor.model.manifest.batch)
        self._opened = detector

    @property
    def model(self) -> Model:
        """The model that it runs, a packed one with all of its file."""
        return self._opened.predictor.model

    def twin(self) -> Detector:
        """A detector for one camera alone, over the one worker."""
        return self._opened.twin(self._worker)

    def fault(self, now: float) -> str | None:
        """What is wrong with the worker at `now` (monotonic), None while it works or waits."""
        return _fault_of(self._worker, now)

    def status(self, fault: str | None, infer_ms: float | None) -> dict[str, Any]:
        """One entry of the status' `engines`. infer_ms: of the newest inferences, the longest."""
        packed = self.model.packed
        return {
            "name": self._worker.name,
            "model": self._opened.ref.name,
            "version": None if packed is None else packed.origin.version,
            "state": "fault" if fault else self.news.state,
            "reason": fault or self.news.reason,
            "infer_ms": infer_ms,
        }

    def close(self, timeout: float) -> None:
        """End the worker; a run that hangs is left to itself after `timeout` seconds."""
        self._worker.close(timeout)


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

    def fault(self, now: float) -> str | None:
        """What is wrong with a worker at `now` (monotonic), None while all of them work or wait."""
        return next((fault for worker in self._workers.values() if (fault := _fault_of(worker, now))), None)

    def status(self, fault: str | None, infer_ms: float | None) -> dict[str, Any]:
        """One entry of the status' `engines`."""
        ref = self._poser.ref
        return {
            "name": ref.engine,
            "model": ref.name,
            "version": None,
            "state": "fault" if fault else self.news.state,
            "reason": fault or self.news.reason,
            "infer_ms": infer_ms,
        }

    def close(self, timeout: float) -> None:
        """End the workers; a run that hangs is left to itself after `timeout` seconds."""
        for worker in self._workers.values():
            worker.close(timeout)


def _passed_over(line: str) -> None:
    """An engine that was asked for and is not here at all: no chain will bring it back; or a slot that failed."""
    log.warning("passed over: %s", line)


def _tell_of_slot(detector: Detector, news: EngineNews) -> None:
    """A model that had to be gone back from is news until the next start: nobody asked for the old one."""
    model = detector.predictor.model
    if model.packed is not None and model.slot is not None and model.slot.passed:
        old = f"version {model.packed.origin.version} of {model.slot.slots.name}"
        news(Change(old, None, model.slot.passed, best=False))
