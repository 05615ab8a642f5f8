"""Files that mean harm are looked at all the same: no size, no time and no name of theirs gets out of hand."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper

from edge.cli import cli
from edge.engines.base import BUGS, Feed, TensorSpec
from edge.errors import EngineError
from edge.models.inspect import facts_of, trial
from tests.support.nets import onnx_file

PICTURE = TensorSpec("images", (1, 3, 64, 64), "float32")


def mean(path: Path, name: str = "images", shape: tuple[int, ...] = (1, 3, 64, 64), **more: tuple[int, ...]) -> Path:
    """A graph that gives the mean of a picture, and leaves its further inputs alone."""
    inputs = {key: (sizes, TensorProto.FLOAT) for key, sizes in {name: shape, **more}.items()}
    output = name.replace("images", "mean")
    nodes = [helper.make_node("ReduceMean", [name], [output], keepdims=1)]
    return onnx_file(path, nodes, inputs, {output: ((1, 1, 1, 1), TensorProto.FLOAT)}, {})


def endless(path: Path) -> Path:
    """A graph whose loop ends in some hundred thousand years."""
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["on_out"]), helper.make_node("Identity", ["x"], ["x_out"])],
        "body",
        [value("i", TensorProto.INT64, []), value("on", TensorProto.BOOL, []), value("x", TensorProto.FLOAT, None)],
        [value("on_out", TensorProto.BOOL, []), value("x_out", TensorProto.FLOAT, None)],
    )
    graph = helper.make_graph(
        [helper.make_node("Loop", ["times", "always", "images"], ["y"], body=body)],
        "endless",
        [value("images", TensorProto.FLOAT, [1, 3, 8, 8])],
        [value("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.array(1 << 62), "times"), numpy_helper.from_array(np.array(True), "always")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    return path


class Engine:
    """A fake back end that does what the test says."""

    name = "fake"
    outputs = (TensorSpec("y", (1, 1), "float32"),)

    def __init__(self, does: Callable[[], Mapping[str, Any]], *inputs: TensorSpec) -> None:
        self._does, self.inputs = does, inputs or (PICTURE,)

    def run(self, feed: Feed) -> Mapping[str, Any]:
        return self._does()

    def bare(self, feed: Feed) -> Callable[[], object]:
        raise NotImplementedError

    def buffer(self, name: str, shape: tuple[int, ...]) -> Any:
        raise NotImplementedError

    def close(self) -> None: ...


def edge(*words: object) -> str:
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exception is None, done.exception
    return done.output


@pytest.mark.parametrize(
    "path",
    [
        lambda folder: mean(folder / "wide.onnx", shape=(1, 3, 200_000, 200_000)),
        lambda folder: mean(folder / "more.onnx", mask=(1 << 20, 1 << 20)),
    ],
    ids=["picture", "another input"],
)
def test_inputs_that_fill_the_memory_are_not_fed(path: Callable[[Path], Path], tmp_path: Path) -> None:
    said = edge("models", "inspect", path(tmp_path), "--engine", "onnxruntime")
    assert "not run on a black picture: its inputs take more than 64 MB\n" in said


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_graph_that_never_ends_is_given_up_and_so_does_the_process(
    engine: str, form: tuple[str, ...], tmp_path: Path
) -> None:
    pytest.importorskip(engine)
    path = endless(tmp_path / "endless.onnx")
    code = "import sys; from edge.cli import main; from edge.models.inspect import trial; trial.SECONDS = 0.2; main()"
    words = [sys.executable, "-c", code, "models", "inspect", str(path), "--engine", engine, *form]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    if form:
        assert json.loads(done.stdout)["unrun"] == "it gave nothing within 0.2 s"
    else:
        assert "not run on a black picture: it gave nothing within 0.2 s\n" in done.stdout
        assert "A draft for endless.onnx" in done.stdout


def test_an_engine_that_is_still_at_it_is_told_from_one_that_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "SECONDS", 0.01)
    late = threading.Event()

    def wait() -> dict[str, Any]:
        late.wait(60)
        return {}

    try:
        assert facts_of(Engine(wait)).busy
    finally:
        late.set()


@pytest.mark.parametrize("kind", [EngineError, *BUGS])
def test_whatever_a_run_raises_is_one_line(kind: type[Exception]) -> None:
    def fail() -> dict[str, Any]:
        raise kind("no\nsuch luck")

    facts = facts_of(Engine(fail))
    assert "no such luck" in facts.unrun
    assert "\n" not in facts.unrun
    assert (dict(facts.samples), facts.busy) == ({}, False)


def test_an_element_type_that_numpy_does_not_know_is_not_fed() -> None:
    facts = facts_of(Engine(dict, PICTURE, TensorSpec("other", (1,), "bfloat17")))
    assert "bfloat17" in facts.unrun


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_names_of_tensors_and_labels_give_a_terminal_no_orders(form: tuple[str, ...], tmp_path: Path) -> None:
    path = mean(tmp_path / "esc.onnx", "\x1b[2J\x9b31m\u202eimages")
    loaded = onnx.load(str(path))
    helper.set_model_props(loaded, {"names": repr({0: "\x1b]0;x\x07", 1: "\x9b2J", 2: "\U000e0001é"}), "task": "\x1b"})
    onnx.save(loaded, str(path))
    said = edge("models", "inspect", path, "--engine", "onnxruntime", *form)
    assert all(line.isprintable() for line in said.split("\n"))
    if form:
        assert json.loads(said)["inputs"][0]["name"] == "\x1b[2J\x9b31m\u202eimages"
    else:
        assert "input   ?[2J?31m?images  [1, 3, 64, 64]" in said
