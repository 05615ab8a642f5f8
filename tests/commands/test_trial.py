"""A packed model that hangs, fills the memory or crashes when it is tried out does so alone, and is refused."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge import apart
from edge.commands import trial
from edge.commands.trial import prove_apart
from edge.errors import ModelError
from edge.models.manifest import parse_manifest
from edge.models.store import Model, packed_model
from edge.opening import prove
from tests.support.broker import eventually
from tests.support.epk import packed_grid, packed_onnx

MANIFEST: dict[str, Any] = {
    "name": "odd",
    "task": "values",
    "decoder": "values",
    "input": {"name": "x", "width": 8, "height": 8, "layout": "NCHW", "dtype": "float32"},
    "outputs": {"values": "y"},
}


@pytest.fixture(autouse=True)
def no_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_KEYS", str(tmp_path / "keys"))


def model_of(folder: Path, nodes: list[onnx.NodeProto], **values: object) -> Model:
    """A network that ends in `y`, 1 x 2; its beginning gives `z` of the same shape."""
    weights = {"w": np.ones((192, 2), np.float32)} | {name: np.array(value) for name, value in values.items()}
    begins = [helper.make_node("Flatten", ["x"], ["f"]), helper.make_node("MatMul", ["f", "w"], ["z"])]
    graph = helper.make_graph(
        [*begins, *nodes],
        "odd",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = folder / "odd.epk"
    path.write_bytes(packed_onnx(made.SerializeToString(), parse_manifest(MANIFEST, folder / "odd.toml")))
    return packed_model(path)


def endless(folder: Path) -> Model:
    """A loop of 2^62 rounds."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["on"], ["on2"]), helper.make_node("Add", ["a", "a"], ["a2"])],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("a", TensorProto.FLOAT, [1, 2]),
        ],
        [
            helper.make_tensor_value_info("on2", TensorProto.BOOL, []),
            helper.make_tensor_value_info("a2", TensorProto.FLOAT, [1, 2]),
        ],
    )
    return model_of(folder, [helper.make_node("Loop", ["m", "t", "z"], ["y"], body=body)], m=np.int64(2**62), t=True)


def test_a_sound_one_passes_and_the_fault_of_another_is_the_same_as_without_a_process(tmp_path: Path) -> None:
    path = tmp_path / "grid.epk"
    path.write_bytes(packed_grid(tmp_path))
    prove_apart(packed_model(path))
    path.write_bytes(packed_grid(tmp_path, broken="nan"))
    told = []
    for way in (prove, prove_apart):
        with pytest.raises(ModelError) as fault:
            way(packed_model(path))
        told.append(str(fault.value))
    assert told[0] == told[1]


def test_one_that_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "SECONDS", 4.0)
    with pytest.raises(ModelError, match=r"odd\.epk: gave nothing within 4 s when it was tried out$"):
        prove_apart(endless(tmp_path))


def test_one_that_nobody_waits_for_any_more_is_ended(tmp_path: Path) -> None:
    model, begun = endless(tmp_path), time.monotonic()
    with pytest.raises(ModelError, match=r"odd\.epk: was not tried out to the end: edge is to stop$"):
        apart.tried(model.path, lambda: time.monotonic() - begun > 1, trial._prove, model.path)
    assert time.monotonic() - begun < 30


def long_fault(slow: apart.Slow) -> None:
    raise ModelError("\N{PILE OF POO}" * 9000)


def talkative(slow: apart.Slow, said: bytes) -> None:
    os.write(int(sys.argv[3]), said)
    time.sleep(60)


def heir(slow: apart.Slow, pid: Path) -> None:
    """End, and leave a process behind that holds the pipe."""
    child = os.fork()
    if child == 0:
        time.sleep(60)
    pid.write_text(str(child))
    os._exit(3)


def never() -> bool:
    return False


def test_a_fault_of_any_length_and_letters_is_told_in_part() -> None:
    with pytest.raises(ModelError, match=r"^.{2000}$"):
        apart.tried(Path("odd.epk"), never, long_fault)


@pytest.mark.parametrize(
    "said", [b"nonsense\n", b'{"kind": "annotations", "fault": ""}\n', b"[" * 60000 + b"\n", b"[1]\n"]
)
def test_what_a_child_says_is_not_believed(said: bytes) -> None:
    with pytest.raises(ModelError, match=r"^odd\.epk: the process that tried it out said what cannot be understood$"):
        apart.tried(Path("odd.epk"), never, talkative, said)


@pytest.mark.parametrize("said", [b"half a line", b"slow\n" * 1000])
def test_a_child_that_talks_and_never_ends_is_given_up(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "SECONDS", 3.0)
    monkeypatch.setattr(apart, "BUILD_SECONDS", 3.0)
    with pytest.raises(ModelError, match=r"^odd\.epk: gave nothing within 3 s when it was tried out$"):
        apart.tried(Path("odd.epk"), never, talkative, said)


def test_what_a_child_leaves_behind_is_ended_with_it(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with pytest.raises(ModelError, match=r"^odd\.epk: ended the process that tried it out \(exit code 3\)$"):
        apart.tried(Path("odd.epk"), never, heir, pid)
    eventually(lambda: not running(int(pid.read_text())))


def running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_many_open_files_are_no_hindrance() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    held = [os.open("/dev/null", os.O_RDONLY) for _ in range(1100)]
    try:
        with pytest.raises(ModelError, match=r"^.{2000}$"):
            apart.tried(Path("odd.epk"), never, long_fault)
    finally:
        for number in held:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_process_that_cannot_be_begun_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(ModelError, match=r"^odd\.epk: cannot be tried out: No such file or directory$"):
        apart.tried(Path("odd.epk"), never, long_fault)


TRIES = """
import signal
import sys
from pathlib import Path

from edge.commands.trial import prove_apart
from edge.models.store import packed_model
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests run in the background
model = packed_model(Path(sys.argv[1]))
try:
    print("begins", flush=True)
    prove_apart(model)
except KeyboardInterrupt:
    sys.exit(130)
sys.exit(1)
"""


def test_ctrl_c_ends_one_that_never_ends(tmp_path: Path) -> None:
    """In a process of its own: a fork of the tests' would inherit the locks that their other threads hold."""
    model = endless(tmp_path)
    child = subprocess.Popen([sys.executable, "-c", TRIES, str(model.path)], stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"begins\n"
        child.send_signal(signal.SIGINT)
        assert child.wait(60) == 130
    finally:
        child.kill()
        child.communicate()


def test_one_that_takes_most_of_the_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = [
        helper.make_node("ConstantOfShape", ["m"], ["k"]),
        helper.make_node("ReduceMax", ["k"], ["r"], keepdims=0),
        helper.make_node("Add", ["z", "r"], ["y"]),
    ]
    monkeypatch.setattr(apart, "memory_mb", lambda: (2000, 800))
    with pytest.raises(ModelError, match=r"odd\.epk: takes more than 600 MB when it is run, 75% of the memory that is"):
        prove_apart(model_of(tmp_path, nodes, m=np.array([1 << 28])))


def test_one_that_ends_its_process_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apart, "SHARE", 1e6)
    model = endless(tmp_path)

    def kill(pid: int | None) -> int:
        """In place of what a crash or a lack of memory does."""
        os.kill(pid or 0, signal.SIGKILL)
        return 0

    monkeypatch.setattr(apart, "_resident_mb", kill)
    with pytest.raises(ModelError, match=r"odd\.epk: ended the process that tried it out \(killed, perhaps for want"):
        prove_apart(model)
