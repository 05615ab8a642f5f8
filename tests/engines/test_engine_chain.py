"""Several back ends for one model: who serves, who takes over, who comes back, and what is told of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.backoff import BackOff
from edge.engines import loaded
from edge.engines.base import Feed, TensorSpec
from edge.engines.chain import Chain
from edge.engines.links import Change, Link
from edge.engines.naming import names_of
from edge.engines.worker import Worker
from edge.errors import EngineError, FeedError, MissingError, ModelError

FEED = {"x": np.ones((1, 2), np.float32)}


class Plug:
    """A back end that a test can pull out and put in again; adds `number` to what it is given."""

    def __init__(self, name: str, number: float, *, calls: tuple[str, str] = ("x", "y")) -> None:
        self.name, self.number, self.calls = name, number, calls
        self.there = True
        self.loads = self.closes = 0

    def load(self) -> Loaded:
        if not self.there:
            raise MissingError(f"{self.name} is not there")
        self.loads += 1
        return Loaded(self)

    def link(self, *, quick: Callable[[], bool] = lambda: True) -> Link:
        return Link(self.name, self.load, quick)


class Loaded:
    def __init__(self, plug: Plug) -> None:
        self.plug, self.name = plug, plug.name
        takes, gives = plug.calls
        self.inputs = (TensorSpec(takes, (1, 2), "float32"),)
        self.outputs = (TensorSpec(gives, (), "float32"),)

    def run(self, feed: Feed) -> Mapping[str, NDArray[Any]]:
        takes, gives = self.plug.calls
        if feed[takes].shape != (1, 2):
            raise FeedError(f"{self.name}: wants shape (1, 2)")
        if not self.plug.there:
            raise EngineError(f"{self.name} was pulled out")
        return {gives: feed[takes] + self.plug.number}

    def buffer(self, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
        return np.full(shape, self.plug.number, np.float32)

    def bare(self, feed: Feed) -> Callable[[], object]:
        return lambda: self.run(feed)

    def close(self) -> None:
        self.plug.closes += 1


@pytest.fixture
def told() -> list[Change]:
    return []


@pytest.fixture
def make(told: list[Change]) -> Iterator[Callable[..., Chain]]:
    made: list[Chain] = []

    def chain(*links: Link) -> Chain:
        made.append(Chain(links, told.append, again_s=(0.01, 0.02)))
        return made[-1]

    yield chain
    for one in made:
        one.close()


def value(chain: Chain | Worker) -> float:
    return float(chain.run(FEED)["y"][0, 0])


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end, "it did not happen within 5 s"
        time.sleep(0.001)


def test_the_preferred_one_serves_alone(make: Callable[..., Chain], told: list[Change]) -> None:
    stick, cpu = Plug("stick", 10), Plug("cpu", 20)
    chain = make(stick.link(), cpu.link())
    assert (value(chain), chain.name) == (11, "stick")
    assert cpu.loads == 0, "what is not needed takes no memory"
    assert told == []


def test_the_picture_that_was_under_way_is_run_by_the_next(make: Callable[..., Chain], told: list[Change]) -> None:
    stick, cpu = Plug("stick", 10), Plug("cpu", 20)
    chain = make(stick.link(), cpu.link())
    stick.there = False
    assert (value(chain), chain.name) == (21, "cpu")
    assert told == [Change("cpu", "stick", "stick was pulled out", best=False)]
    assert stick.closes == 1


def test_it_goes_back_when_the_preferred_one_returns(make: Callable[..., Chain], told: list[Change]) -> None:
    stick, cpu = Plug("stick", 10), Plug("cpu", 20)
    chain = make(stick.link(), cpu.link())
    for _ in range(3):
        stick.there = False
        assert value(chain) == 21
        stick.there = True
        until(lambda: value(chain) == 11)
    assert [(change.serving, change.best) for change in told] == [("cpu", False), ("stick", True)] * 3
    assert cpu.closes == cpu.loads == 3


def test_a_link_that_is_away_at_the_start_is_told_and_tried_again(
    make: Callable[..., Chain], told: list[Change]
) -> None:
    stick, cpu = Plug("stick", 10), Plug("cpu", 20)
    stick.there = False
    chain = make(stick.link(), cpu.link())
    assert value(chain) == 21
    assert told == [Change("cpu", None, "stick is not there", best=False)]
    stick.there = True
    until(lambda: value(chain) == 11)


def test_a_slow_load_happens_while_the_next_one_serves(make: Callable[..., Chain], told: list[Change]) -> None:
    gpu, cpu, built = Plug("gpu", 10), Plug("cpu", 20), threading.Event()

    def build() -> Loaded:
        built.wait(5)
        return gpu.load()

    chain = make(Link("gpu", build, lambda: False), cpu.link())
    assert value(chain) == 21
    assert told == [Change("cpu", None, "gpu is being prepared", best=False, planned=True)]
    built.set()
    until(lambda: value(chain) == 11)


def test_with_three_it_climbs_step_by_step(make: Callable[..., Chain]) -> None:
    first, second, third = plugs = Plug("first", 10), Plug("second", 20), Plug("third", 30)
    chain = make(*(plug.link() for plug in plugs))
    first.there = second.there = False
    assert value(chain) == 31
    second.there = True
    until(lambda: value(chain) == 21)
    first.there = True
    until(lambda: value(chain) == 11)
    second.there = third.there = False
    assert value(chain) == 11


def test_when_none_is_left_it_says_so_and_serves_again_later(make: Callable[..., Chain], told: list[Change]) -> None:
    stick, cpu = Plug("stick", 10), Plug("cpu", 20)
    chain = make(stick.link(), cpu.link())
    stick.there = cpu.there = False
    with pytest.raises(EngineError, match="no engine is left: stick was pulled out; cpu is not there"):
        value(chain)
    assert told[-1] == Change(None, "stick", "stick was pulled out", best=False)
    with pytest.raises(EngineError, match="waiting for one to come back"):
        value(chain)
    cpu.there = True

    def served() -> bool:
        try:
            return value(chain) == 21
        except EngineError:
            return False

    until(served)


def test_a_wrong_feed_loses_nobody(make: Callable[..., Chain], told: list[Change]) -> None:
    chain = make(Plug("stick", 10).link(), Plug("cpu", 20).link())
    with pytest.raises(FeedError):
        chain.run({"x": np.zeros((3, 3), np.float32)})
    assert (value(chain), told) == (11, [])


def test_other_names_of_the_same_tensors_are_translated(make: Callable[..., Chain]) -> None:
    stick, cpu = Plug("stick", 10), Plug("cpu", 20, calls=("input:0", "output:0"))
    chain = make(stick.link(), cpu.link())
    stick.there = False
    assert value(chain) == 21
    assert [spec.name for spec in (*chain.inputs, *chain.outputs)] == ["x", "y"]
    assert chain.buffer("x", (1, 2))[0, 0] == 20


def test_none_at_all_is_told_with_all_reasons() -> None:
    stick, cpu = Plug("stick", 10), Plug("cpu", 20)
    stick.there = cpu.there = False
    with pytest.raises(MissingError, match="stick is not there; cpu is not there"):
        Chain([stick.link(), cpu.link()])


def test_a_link_whose_tensors_are_others_is_not_taken(make: Callable[..., Chain]) -> None:
    class Other(Loaded):
        def __init__(self, plug: Plug) -> None:
            super().__init__(plug)
            self.inputs = (TensorSpec("x", (1, 2), "uint8"),)

    stick, cpu = Plug("stick", 10), Plug("cpu", 20)
    chain = make(stick.link(), Link("cpu", lambda: Other(cpu)))
    stick.there = False
    with pytest.raises(EngineError, match="cpu: its tensors are not those of the model"):
        value(chain)


def test_closing_ends_its_thread_and_all_that_is_loaded(make: Callable[..., Chain]) -> None:
    stick, cpu = Plug("stick", 10), Plug("cpu", 20)
    chain = make(stick.link(), cpu.link())
    stick.there = False
    value(chain)
    chain.close()
    chain.close()
    until(lambda: not any(thread.name == "engine-return" and thread.is_alive() for thread in threading.enumerate()))
    assert (stick.closes, cpu.closes) == (stick.loads, cpu.loads)


def test_a_worker_over_a_chain_tells_who_serves() -> None:
    stick, cpu = Plug("stick", 10), Plug("cpu", 20)
    with closing(Worker(Chain([stick.link(), cpu.link()], again_s=(60, 60)))) as worker:
        assert (value(worker), worker.name) == (11, "stick")
        stick.there = False
        assert (value(worker), worker.name) == (21, "cpu")


def test_a_fault_while_loading_the_model_is_its_own_kind() -> None:
    def broken() -> Loaded:
        raise ModelError("net.onnx: no model")

    with pytest.raises(ModelError, match=r"net\.onnx: no model"):
        Chain([Link("cpu", broken)])


def test_a_build_that_cannot_succeed_is_tried_once_and_told(make: Callable[..., Chain], told: list[Change]) -> None:
    cpu, builds = Plug("cpu", 20), []

    def build() -> Loaded:
        builds.append(1)
        raise ModelError("gpu has no operator Frobnicate")

    chain = make(Link("gpu", build, lambda: False), cpu.link())
    until(lambda: len(told) == 2)
    assert told[1] == Change("cpu", None, "gpu has no operator Frobnicate", best=False)
    time.sleep(0.2)
    assert (len(builds), value(chain)) == (1, 21)


def test_a_camera_does_not_wait_for_a_build(make: Callable[..., Chain]) -> None:
    server, cpu, built = Plug("server", 5), Plug("cpu", 20), threading.Event()
    gpu = Plug("gpu", 10)

    def build() -> Loaded:
        built.wait(5)
        return gpu.load()

    chain = make(server.link(), Link("gpu", build, lambda: False), cpu.link())
    server.there = False
    assert value(chain) == 21
    built.set()
    until(lambda: value(chain) == 11)


@pytest.mark.parametrize("bug", [MemoryError(), RuntimeError("out of handles"), KeyError("y")])
def test_what_a_back_end_raises_unawares_loses_it_like_any_fault(
    bug: Exception, make: Callable[..., Chain], told: list[Change]
) -> None:
    stick, cpu, fails = Plug("stick", 10), Plug("cpu", 20), [0]

    class Buggy(Loaded):
        def run(self, feed: Feed) -> Mapping[str, NDArray[Any]]:
            if fails[0]:
                raise bug
            return super().run(feed)

    def load() -> Loaded:
        if fails[0] > 1:
            fails[0] -= 1
            raise bug
        return Buggy(stick)

    chain = make(Link("stick", load), cpu.link())
    assert value(chain) == 11
    fails[0] = 3
    assert value(chain) == 21
    assert type(bug).__name__ in told[0].reason
    fails[0] = 2
    until(lambda: fails[0] == 1)
    fails[0] = 0
    until(lambda: value(chain) == 11)


def test_one_bad_run_of_the_last_one_left_costs_no_picture(make: Callable[..., Chain], told: list[Change]) -> None:
    server, cpu = Plug("server", 10), Plug("cpu", 20)
    server.there = False

    class Once(Loaded):
        def run(self, feed: Feed) -> Mapping[str, NDArray[Any]]:
            if cpu.loads == 1:
                raise EngineError("cpu: out of memory, once")
            return super().run(feed)

    def load() -> Loaded:
        cpu.load()
        return Once(cpu)

    chain = make(server.link(), Link("cpu", load))
    assert value(chain) == 21
    assert cpu.loads == 2
    assert [change.serving for change in told] == ["cpu", "cpu"]


def test_with_none_left_the_first_that_is_there_serves_within_the_shortest_pause() -> None:
    stick, cpu = Plug("stick", 10), Plug("cpu", 20)
    with closing(Chain([stick.link(), cpu.link()], again_s=(0.05, 60.0))) as chain:
        for _ in range(4):  # the returning thread's own pauses are long by now
            stick.there = cpu.there = False
            with pytest.raises(EngineError):
                value(chain)
            cpu.there = True
            begun = time.monotonic()
            until(lambda: served(chain) == 21)
            assert time.monotonic() - begun < 2


def served(chain: Chain) -> float:
    try:
        return value(chain)
    except EngineError:
        return 0.0


def test_an_engine_that_cannot_even_be_closed_is_lost_all_the_same(make: Callable[..., Chain]) -> None:
    class Stuck(Loaded):
        def close(self) -> None:
            raise RuntimeError("the device is gone")

    stick, cpu = Plug("stick", 10), Plug("cpu", 20)
    chain = make(Link("stick", lambda: Stuck(stick)), cpu.link())
    stick.there = False
    assert value(chain) == 21


def test_what_comes_back_too_late_does_not_replace_what_is_as_good(make: Callable[..., Chain]) -> None:
    stick, cpu = Plug("stick", 10), Plug("cpu", 20)
    chain = make(stick.link(), cpu.link())
    chain._back = loaded.Loaded.of(cpu.link(), 1, None)  # what the returning thread hands over
    assert (value(chain), cpu.closes) == (11, 1)


def test_that_none_is_left_is_told_once(make: Callable[..., Chain], told: list[Change]) -> None:
    stick, cpu, loads = Plug("stick", 10), Plug("cpu", 20), []

    class Broken(Loaded):
        def run(self, feed: Feed) -> Mapping[str, NDArray[Any]]:
            raise EngineError("cpu: broken")

    def load() -> Loaded:
        loads.append(1)
        return Broken(cpu)

    chain = make(stick.link(), Link("cpu", load))
    stick.there = False
    until(lambda: served(chain) == 0 and len(loads) > 4)
    assert [change.serving for change in told] == [None]


def test_while_another_one_loads_it_says_so(make: Callable[..., Chain]) -> None:
    stick, cpu, loading = Plug("stick", 10), Plug("cpu", 20), []

    def load() -> Loaded:
        loading.append(chain.loading)
        return cpu.load()

    chain = make(stick.link(), Link("cpu", load))
    stick.there = False
    assert value(chain) == 21
    assert (loading, chain.loading) == ([True], False)


@pytest.mark.parametrize(("steady_s", "resets"), [(120.0, 0), (0.0, 3)])
def test_one_that_comes_and_goes_is_asked_for_less_and_less_often(
    steady_s: float, resets: int, make: Callable[..., Chain], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Counted(BackOff):
        """Pauses of a test's length; notes when they begin anew."""

        anew = 0

        def reset(self) -> None:
            Counted.anew += 1

    monkeypatch.setattr("edge.engines.chain.BackOff", Counted)
    monkeypatch.setattr("edge.engines.chain.STEADY_S", steady_s)
    stick, cpu = Plug("stick", 10), Plug("cpu", 20)
    chain = make(stick.link(), cpu.link())
    for _ in range(3):
        stick.there = False
        assert value(chain) == 21
        stick.there = True
        until(lambda: value(chain) == 11)
    assert Counted.anew == resets


def test_the_inputs_are_those_of_the_one_that_serves(make: Callable[..., Chain]) -> None:
    class Open(Loaded):
        def __init__(self, plug: Plug) -> None:
            super().__init__(plug)
            self.inputs = (TensorSpec("x", (None, 2), "float32"),)

    stick, cpu = Plug("stick", 10), Plug("cpu", 20, calls=("input:0", "output:0"))
    chain = make(Link("stick", lambda: Open(stick)), cpu.link())
    assert [(spec.name, spec.shape) for spec in chain.inputs] == [("x", (None, 2))]
    stick.there = False
    value(chain)
    assert [(spec.name, spec.shape) for spec in chain.inputs] == [("x", (1, 2))]


A, B = TensorSpec("a", (1, 4), "float32"), TensorSpec("b", (1, 4), "float32")
SCORES = TensorSpec("scores", (1, 9), "float32")


@pytest.mark.parametrize(
    ("wanted", "have", "called"),
    [
        ((A, B), (B, A), {}),
        (
            (A, SCORES),
            (TensorSpec("x", (1, 9), "float32"), TensorSpec("y", (1, 4), "float32")),
            {"a": "y", "scores": "x"},
        ),
        ((A, B), (TensorSpec("x", (1, 4), "float32"), TensorSpec("y", (1, 4), "float32")), None),
        ((A, B), (TensorSpec("x", (1, 4), "float32"), A), {"b": "x"}),
        ((A,), (TensorSpec("x", (1, 4), "float32", aliases=("a",)), B), {"a": "x"}),
        ((A,), (TensorSpec("a", (1, 5), "float32"), B), None),
        ((A,), (TensorSpec("a", (), "float32"),), {}),
        ((A, B), (A,), None),
    ],
)
def test_tensors_are_matched_by_name_and_never_guessed_among_several(
    wanted: tuple[TensorSpec, ...], have: tuple[TensorSpec, ...], called: dict[str, str] | None
) -> None:
    assert names_of(wanted, have) == called
