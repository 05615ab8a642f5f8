"""The thread that owns an engine: fair, bounded, and never leaving anybody waiting."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.engines.base import Feed, TensorSpec
from edge.engines.worker import Worker
from edge.errors import EngineError, FeedError

SPEC = TensorSpec("x", (1,), "float32")


class Gated:
    """An engine that runs when the test lets it, and notes who came in which thread."""

    name = "gated"
    inputs = (SPEC,)
    outputs = (TensorSpec("y", (1,), "float32"),)

    def __init__(self) -> None:
        self.order: list[float] = []
        self.threads: set[str] = set()
        self.gate = threading.Semaphore(0)
        self.closed_in: str | None = None

    def run(self, feed: Feed) -> Mapping[str, NDArray[Any]]:
        self.gate.acquire()
        value = float(feed["x"][0])
        if value == 666:
            raise EngineError("gated: cannot compute that")
        if value == 667:
            raise MemoryError
        if value == 668:
            raise SystemExit
        self.order.append(value)
        self.threads.add(threading.current_thread().name)
        return {"y": feed["x"] + 1}

    def buffer(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        return np.empty(shape, np.float32)

    def bare(self, feed: Feed) -> Callable[[], object]:
        return lambda: self.run(feed)

    def close(self) -> None:
        self.closed_in = threading.current_thread().name

    def let(self, times: int = 1) -> None:
        self.gate.release(times)


def feed(value: float) -> Feed:
    return {"x": np.array([value], np.float32)}


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "it did not happen within 5 s"
        time.sleep(0.001)


@pytest.fixture
def engine() -> Gated:
    return Gated()


def test_turns_are_taken_in_the_order_of_coming(engine: Gated) -> None:
    worker = Worker(engine)
    futures = [worker.submit(feed(n), f"camera {n}") for n in range(5)]
    engine.let(5)
    assert [float(f.result(5)["y"][0]) for f in futures] == [1, 2, 3, 4, 5]
    assert engine.order == [0, 1, 2, 3, 4]
    assert engine.threads == {"engine-gated"}
    worker.close()


def test_a_busy_camera_cannot_crowd_out_a_slow_one(engine: Gated) -> None:
    worker = Worker(engine)
    worker.submit(feed(0), "first")
    until(lambda: worker.waiting() == 0)
    eager = [worker.submit(feed(10 + n), "eager") for n in range(20)]
    slow = worker.submit(feed(50), "slow")
    eager.append(worker.submit(feed(99), "eager"))
    assert worker.waiting() == 2
    engine.let(3)
    slow.result(5)
    assert engine.order == [0, 99, 50], "the newest of the eager one, in its place, then the slow one"
    with pytest.raises(CancelledError):
        eager[0].result(5)
    worker.close()


def test_threads_share_it_by_calling_run(engine: Gated) -> None:
    worker = Worker(engine)
    engine.let(1000)
    done: dict[int, list[float]] = {}

    def camera(number: int) -> None:
        done[number] = [float(worker.run(feed(100 * number + n))["y"][0]) for n in range(20)]

    threads = [threading.Thread(target=camera, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert done == {n: [100 * n + k + 1 for k in range(20)] for n in range(4)}
    worker.close()


def test_shows_since_when_it_has_been_busy(engine: Gated) -> None:
    worker = Worker(engine)
    assert worker.busy_since() is None
    before = time.monotonic()
    future = worker.submit(feed(1), "camera")
    until(lambda: worker.busy_since() is not None)
    since = worker.busy_since()
    assert since is not None
    assert before <= since <= time.monotonic()
    engine.let()
    future.result(5)
    until(lambda: worker.busy_since() is None)
    worker.close()


def test_an_engine_fault_reaches_its_caller_and_the_next_run_works(engine: Gated) -> None:
    worker = Worker(engine)
    engine.let(2)
    with pytest.raises(EngineError, match="cannot compute that"):
        worker.run(feed(666))
    assert float(worker.run(feed(1))["y"][0]) == 2
    worker.close()


def test_closing_ends_those_who_wait_and_closes_the_engine_in_its_own_thread(engine: Gated) -> None:
    worker = Worker(engine)
    running = worker.submit(feed(1), "a")
    until(lambda: worker.busy_since() is not None)
    waiting = worker.submit(feed(2), "b")
    worker.close(timeout=0.01)
    with pytest.raises(EngineError, match="has been closed"):
        waiting.result(5)
    with pytest.raises(EngineError, match="has been closed"):
        worker.run(feed(3))
    engine.let()
    assert float(running.result(5)["y"][0]) == 2
    until(lambda: engine.closed_in == "engine-gated")


def test_a_lack_of_memory_fails_one_run_and_says_so(engine: Gated) -> None:
    worker = Worker(engine)
    broken = worker.submit(feed(667), "a")
    waiting = worker.submit(feed(1), "b")
    engine.let(2)
    with pytest.raises(EngineError, match="gated: the engine failed: MemoryError"):
        broken.result(5)
    assert float(waiting.result(5)["y"][0]) == 2
    assert worker.alive()
    worker.close()
    assert not worker.alive()


def test_what_ends_the_thread_leaves_nobody_waiting(engine: Gated, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    worker = Worker(engine)
    broken = worker.submit(feed(668), "a")
    waiting = worker.submit(feed(1), "b")
    engine.let()
    for future in (broken, waiting):
        with pytest.raises(EngineError, match="has been closed"):
            future.result(5)
    until(lambda: not worker.alive())


class Batched(Gated):
    """An engine that takes any number of rows and notes how many came."""

    inputs = (TensorSpec("x", (None,), "float32"),)

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[int] = []
        self.joins = False

    def run(self, feed: Feed) -> Mapping[str, NDArray[Any]]:
        self.gate.acquire()
        self.rows.append(len(feed["x"]))
        return {"y": feed["x"][:1] if self.joins else feed["x"] * 10}


def test_what_waits_together_is_run_together_where_the_model_allows_it() -> None:
    engine = Batched()
    with closing(Worker(engine, batch=3)) as worker:
        first = worker.submit(feed(0), "first")
        until(lambda: worker.waiting() == 0)
        others = [worker.submit(feed(n), n) for n in range(1, 6)]
        odd = worker.submit({"x": np.zeros((1, 2), np.float32)}, "odd")
        engine.let(4)
        assert [float(f.result(5)["y"][0]) for f in (first, *others)] == [0, 10, 20, 30, 40, 50]
        assert odd.result(5)["y"].shape == (1, 2)
        assert engine.rows == [1, 3, 2, 1], "at most three, and none of another shape"


def test_a_model_that_does_not_keep_pictures_apart_is_told() -> None:
    engine = Batched()
    engine.joins = True
    with closing(Worker(engine, batch=2)) as worker:
        worker.submit(feed(0), "first")
        until(lambda: worker.waiting() == 0)
        pair = [worker.submit(feed(n), n) for n in (1, 2)]
        engine.let(3)
        for future in pair:
            with pytest.raises(EngineError, match=r"`y` has shape \(1,\) for 2 pictures.*batch = 1"):
                future.result(5)
        assert float(worker.run(feed(7))["y"][0]) == 7


def test_one_that_stands_in_and_takes_one_at_a_time_gets_one_at_a_time() -> None:
    class Single(Batched):
        """Its inputs were open until just now."""

        def run(self, feed: Feed) -> Mapping[str, NDArray[Any]]:
            if len(feed["x"]) > 1:
                raise FeedError("one at a time")
            return super().run(feed)

    engine = Single()
    with closing(Worker(engine, batch=4)) as worker:
        first = worker.submit(feed(0), "first")
        until(lambda: worker.waiting() == 0)
        others = [worker.submit(feed(n), n) for n in (1, 2, 3)]
        engine.let(4)
        assert [float(f.result(5)["y"][0]) for f in (first, *others)] == [0, 10, 20, 30]
        assert engine.rows == [1, 1, 1, 1]
