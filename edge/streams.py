"""How many cameras an engine carries: several streams of a clip at once through one worker, as fast as they can."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from edge.capture.ahead import decode_ahead
from edge.capture.base import Shot
from edge.capture.file import open_file
from edge.engines.worker import Worker
from edge.errors import EdgeError, SourceError
from edge.predictor import Predictor


def frames_per_second(clip: Path, model: Predictor, worker: Worker, streams: int, seconds: float) -> list[float]:
    """Pictures a second that each of so many streams got through the model: decoded, fitted, inferred, read out.

    Nothing is gated, so that every picture is inferred; every stream decodes the clip for itself, again and again.

    Raises:
        SourceError: the clip cannot be read.
        EngineError, ModelError: the model fails.
    """
    runs = [_Stream(clip, model.twin(worker)) for _ in range(streams)]
    threads = [threading.Thread(target=run.play, name=f"stream-{i}", daemon=True) for i, run in enumerate(runs)]
    for thread in threads:
        thread.start()
    for run in runs:
        run.warm.wait()
    before, begun = [run.frames for run in runs], time.perf_counter()
    time.sleep(seconds)
    after, took = [run.frames for run in runs], time.perf_counter() - begun
    for run in runs:
        run.stop.set()
    for thread, run in zip(threads, runs, strict=True):
        thread.join()
        if run.fault is not None:
            raise run.fault
    return [(b - a) / took for a, b in zip(before, after, strict=True)]


class _Stream:
    """One stream: `play` is its thread's body; warm once a picture is through, or nothing more will come."""

    def __init__(self, clip: Path, model: Predictor) -> None:
        self._clip, self._model = clip, model
        self.frames = 0
        self.warm, self.stop = threading.Event(), threading.Event()
        self.fault: EdgeError | None = None

    def play(self) -> None:
        """Every picture of the clip through the model, over and over, until `stop`."""
        try:
            while not self.stop.is_set():
                before = self.frames
                with closing(open_file(self._clip)) as source, closing(decode_ahead(source, 2, _untimed)) as shots:
                    self._look(shots)
                if self.frames == before:
                    raise SourceError(f"{self._clip}: no picture in it")
        except EdgeError as fault:
            self.fault = fault
        finally:
            self.warm.set()

    def _look(self, shots: Iterator[Shot]) -> None:
        for shot in shots:
            self._model.predict(shot.picture)
            self.frames += 1
            self.warm.set()
            if self.stop.is_set():
                return


def _untimed(seconds: float) -> None:
    """Nobody asks how long decoding took."""
