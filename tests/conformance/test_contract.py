"""What every back end must do alike with feeds, results, buffers, threads and its own end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.engines import registry
from edge.engines.base import Engine, EngineOptions, Feed
from edge.engines.worker import Worker
from edge.errors import FeedError, MissingError, ModelError
from tests.conformance.engines import CASES, LOCAL, Case, each

X = {"x": np.zeros((1, 4), np.float32)}


@each(CASES)
def test_says_names_shapes_and_types_of_its_tensors(case: Case, add: Engine) -> None:
    assert add.name == case.name
    assert [(s.name, s.shape, s.dtype) for s in (*add.inputs, *add.outputs)] == [
        ("x", (1, 4), "float32"),
        ("y", (1, 4), "float32"),
    ]


BAD_FEEDS = {
    "nothing": ({}, "`x` is missing; given: nothing"),
    "another name": ({"z": X["x"]}, "`x` is missing; given: z"),
    "another type": ({"x": np.zeros((1, 4), np.float64)}, "wants float32, got float64"),
    "another byte order": ({"x": np.zeros((1, 4), ">f4")}, "wants float32, got >f4"),
    "another size": ({"x": np.zeros((1, 5), np.float32)}, r"wants shape \(1, 4\), got \(1, 5\)"),
    "fewer axes": ({"x": np.zeros(4, np.float32)}, r"wants shape \(1, 4\), got \(4,\)"),
    "one input more": ({**X, "z": np.zeros(1, np.float32)}, "no input is called `z`"),
}


@each(CASES)
def test_refuses_a_feed_that_does_not_fit_and_goes_on(case: Case, add: Engine) -> None:
    for feed, complaint in BAD_FEEDS.values():
        with pytest.raises(FeedError, match=f"{case.name}: .*{complaint}") as fault:
            add.run(feed)
        assert "\n" not in str(fault.value)
    np.testing.assert_array_equal(add.run(X)["y"], 1)


@each(CASES)
def test_inputs_are_told_apart_by_name(case: Case, load: Callable[..., Engine], tmp_path: Path) -> None:
    engine = load(case.subtracting(tmp_path))
    five, two = np.full((1, 4), 5, np.float32), np.full((1, 4), 2, np.float32)
    np.testing.assert_array_equal(engine.run({"a": five, "b": two})["y"], 3)
    np.testing.assert_array_equal(engine.run({"b": five, "a": two})["y"], -3)
    with pytest.raises(FeedError, match="`b` is missing; given: a"):
        engine.run({"a": five})


@each(CASES)
def test_results_belong_to_the_caller(case: Case, add: Engine) -> None:
    first = add.run(X)["y"]
    second = add.run({"x": np.full((1, 4), 9, np.float32)})["y"]
    np.testing.assert_array_equal(first, 1)
    first[...] = 7
    np.testing.assert_array_equal(second, 10)
    assert X["x"].sum() == 0
    add.close()
    np.testing.assert_array_equal(second, 10)


@each(CASES)
def test_takes_arrays_however_they_lie_in_memory(case: Case, add: Engine) -> None:
    wide = np.arange(8, dtype=np.float32).reshape(1, 8)
    np.testing.assert_array_equal(add.run({"x": wide[:, ::2]})["y"], [[1, 3, 5, 7]])
    np.testing.assert_array_equal(add.run({"x": wide[:, 3::-1]})["y"], [[4, 3, 2, 1]])
    kept = wide[:, :4].copy()
    kept.flags.writeable = False
    np.testing.assert_array_equal(add.run({"x": kept})["y"], [[1, 2, 3, 4]])
    shifted = np.frombuffer(b"\0" + wide.tobytes(), np.uint8)[1:17].view(np.float32).reshape(1, 4)
    np.testing.assert_array_equal(add.run({"x": shifted})["y"], [[1, 2, 3, 4]])


@each(CASES)
def test_a_buffer_is_taken_and_outlives_the_engine(case: Case, add: Engine) -> None:
    buffer, other = add.buffer("x", (1, 4)), add.buffer("x", (1, 4))
    assert (buffer.shape, buffer.dtype) == ((1, 4), np.float32)
    buffer[...], other[...] = 1, 2
    np.testing.assert_array_equal(add.run({"x": buffer})["y"], 2)
    np.testing.assert_array_equal(add.run({"x": other})["y"], 3)
    buffer[...] = 5
    np.testing.assert_array_equal(add.run({"x": buffer})["y"], 6)
    add.close()
    buffer += 1
    assert buffer.sum() == 24


@each(CASES)
def test_its_bare_call_computes_the_same(case: Case, add: Engine) -> None:
    bare = add.bare({"x": np.ones((1, 4), np.float32)})
    for _ in range(2):
        made = bare()
        got = made["y"] if isinstance(made, dict) else np.asarray(made)[0]
        np.testing.assert_array_equal(got, [[2, 2, 2, 2]])


@each(tuple(case for case in CASES if case.suffix == ".onnx"))
def test_open_sizes_take_the_shape_given_at_loading(case: Case, load: Callable[..., Engine], tmp_path: Path) -> None:
    model = case.adding(tmp_path, ("n", 4))  # type: ignore[arg-type]
    engine = load(model, inputs={"x": (3, 4)})
    assert engine.inputs[0].shape == (3, 4)
    assert engine.run({"x": np.zeros((3, 4), np.float32)})["y"].shape == (3, 4)
    with pytest.raises(FeedError, match=r"wants shape \(3, 4\), got \(2, 4\)"):
        engine.run({"x": np.zeros((2, 4), np.float32)})
    if not case.open_sizes:
        with pytest.raises(ModelError, match="a size of input `x` is open"):
            load(model)
        return
    left = load(model)
    assert left.inputs[0].shape == (None, 4)
    for rows in (1, 5, 2):
        assert left.run({"x": np.ones((rows, 4), np.float32)})["y"].shape == (rows, 4)


class Noting:
    """An engine that notes the order in which requests reach it, by their first number."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name, self.inputs, self.outputs = engine.name, engine.inputs, engine.outputs
        self.buffer, self.close = engine.buffer, engine.close
        self.order: list[float] = []

    def run(self, feed: Feed) -> Mapping[str, NDArray[Any]]:
        self.order.append(float(feed["x"][0, 0]))
        return self._engine.run(feed)


@each(CASES)
def test_threads_that_share_a_worker_are_served_in_turn_and_get_their_own(case: Case, add: Engine) -> None:
    noting = Noting(add)
    worker = Worker(noting)
    right: dict[int, int] = {}
    late: dict[float, int] = {}
    start = threading.Barrier(2)

    def camera(number: int) -> None:
        start.wait(5)
        for turn in range(100):
            value = 1000.0 * number + turn
            future = worker.submit({"x": np.full((1, 4), value, np.float32)}, number)
            begun = len(noting.order)
            got = future.result(10)["y"]
            right[number] = right.get(number, 0) + int((got == value + 1).all())
            late[value] = noting.order.index(value) - begun

    threads = [threading.Thread(target=camera, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    worker.close()
    assert right == {0: 100, 1: 100}
    assert max(late.values()) <= 1, "at most the other camera's one request is served first"


@each(CASES)
def test_it_may_be_closed_twice_and_when_a_run_failed(case: Case, add: Engine) -> None:
    with pytest.raises(FeedError):
        add.run({})
    add.close()
    add.close()


@each(tuple(case for case in LOCAL if case.module))
def test_without_its_package_it_names_the_extra(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    model = case.adding(tmp_path)
    row = registry.TABLE[case.name]
    assert case.module is not None
    for module, _ in row.packages:
        monkeypatch.setitem(sys.modules, module, None)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, case.module, None)  # type: ignore[arg-type]
    assert registry.probe(case.name).available is False
    with pytest.raises(MissingError, match=r"is not installed \(pip install 'edge-runtime\[[a-z]+\]'\)"):
        case.load(model, EngineOptions(), request)


@each(tuple(case for case in CASES if case.name in ("onnxruntime", "openvino", "reference")))
def test_a_tensor_of_no_axis_passes(case: Case, load: Callable[..., Engine], tmp_path: Path) -> None:
    got = load(case.adding(tmp_path, ())).run({"x": np.array(2, np.float32)})["y"]
    np.testing.assert_array_equal(got.reshape(-1), [3])  # the constant 1 that is added has an axis


@each(tuple(case for case in CASES if case.name in ("onnxruntime", "reference", "kserve")))
def test_a_tensor_of_no_element_passes(case: Case, load: Callable[..., Engine], tmp_path: Path) -> None:
    engine = load(case.adding(tmp_path, ("n", 4)))  # type: ignore[arg-type]
    assert engine.run({"x": np.zeros((0, 4), np.float32)})["y"].shape == (0, 4)
