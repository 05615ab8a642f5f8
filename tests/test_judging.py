"""A file that is to judge falls: what is none is one line, when it is opened and not when somebody falls."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from edge.engines.links import Link
from edge.errors import EngineError, MissingError, ModelError
from edge.judging import FILE, network_or_none, open_network
from edge.models.packed.coded import Origin
from edge.models.packed.pack import pack
from edge.posture import Person
from edge.posture.temporal import INPUT, JOINTS, OUTPUT, STEPS, Chances
from edge.tools.graph import skeleton
from edge.tools.skeletons.write import IR, OPSET, manifest
from edge.types import Pose
from tests.support.figures import joints

SHAPE = (1, 3, JOINTS, STEPS)
WINDOW = np.zeros(SHAPE, np.float32)


def says(
    folder: Path,
    value: float,
    shape: Sequence[int] = (1, 2),
    *,
    told: Sequence[int | str] = (),
    takes: str = "FLOAT",
    slope: float = 0.0,
) -> Path:
    """A packed network that gives one number in a shape, which it may tell otherwise; slope: what the mean of what it
    is fed adds."""
    onnx = pytest.importorskip("onnx", reason="onnx is not here: pip install 'edge-runtime[tools]'")
    helper, kind = onnx.helper, onnx.TensorProto
    held = {
        "slope": np.float32(slope),
        "one": np.ones(len(shape), np.int64),
        "value": np.full(shape, value, np.float32),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Cast", [INPUT], ["cast"], to=kind.FLOAT),
            helper.make_node("ReduceMean", ["cast"], ["mean"], axes=[1, 2, 3]),
            helper.make_node("Mul", ["mean", "slope"], ["sloped"]),
            helper.make_node("Reshape", ["sloped", "one"], ["shaped"]),
            helper.make_node("Add", ["shaped", "value"], [OUTPUT]),
        ],
        "drawn",
        [helper.make_tensor_value_info(INPUT, getattr(kind, takes), SHAPE)],
        [helper.make_tensor_value_info(OUTPUT, kind.FLOAT, list(told or shape))],
        [onnx.numpy_helper.from_array(array, name) for name, array in held.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
    path = folder / "own.epk"
    plain = hashlib.sha256(made.SerializeToString()).hexdigest()
    path.write_bytes(pack("onnx", skeleton(made, {}), [], manifest("own", ""), Origin(plain, report={})))
    return path


def test_one_that_gives_two_chances_judges(tmp_path: Path) -> None:
    assert open_network(says(tmp_path, 0.25))(WINDOW) == Chances(0.25, 0.25)
    assert open_network(says(tmp_path, 1.0))(WINDOW) == Chances(1.0, 1.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 7.0, -0.1])
def test_what_gives_no_chances_is_told_when_it_is_opened(tmp_path: Path, value: float) -> None:
    with pytest.raises(ModelError, match=r"own\.epk: does not judge falls: .*no two chances") as caught:
        open_network(says(tmp_path, value))
    assert "\n" not in str(caught.value)


def test_what_gives_more_numbers_or_takes_other_ones_is_told_when_it_is_opened(tmp_path: Path) -> None:
    for path in (
        says(tmp_path, 0.5, (1, 3, 2)),
        says(tmp_path, 0.5, (3, 2), told=("n", 2)),
        says(tmp_path, 0.5, (1, 3)),
        says(tmp_path, 0.5, takes="UINT8"),
    ):
        with pytest.raises(ModelError, match="does not judge falls"):
            open_network(path)


def test_what_gives_no_chances_of_somebody_seen_leaves_the_rules(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    network = open_network(says(tmp_path, 0.1, slope=float(np.float32(3e38))))
    with pytest.raises(EngineError, match="no two chances"):
        network(WINDOW + 1)
    person = Person((640, 480), judge="both", network=network)
    told = []
    for step in range(100):
        tilt = 88 * min(max(step / 15 - 2, 0) / 0.7, 1) ** 2
        told.append(person.look(Pose(joints((300, 440), 200, tilt), 0.9), step / 15).activity)
    assert any(one is not None and one.kind == "fall" and one.confirmed for one in told)
    assert caplog.text.count("rules alone") == 1


def test_a_file_of_the_user_s_that_no_engine_runs_leaves_the_rules_and_one_that_is_none_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def nothing(*_: object) -> list[Link]:
        raise MissingError("no engine that reads .onnx is here")

    with pytest.raises(ModelError, match="no such file"):
        network_or_none(path=tmp_path / "none.epk")
    monkeypatch.setattr("edge.judging.links_of", nothing)
    monkeypatch.setattr("edge.judging._told", set())
    assert network_or_none(path=FILE) is None
    assert "rules alone: no engine that reads .onnx is here" in caplog.text
