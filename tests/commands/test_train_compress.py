"""`edge train-compress`, as a shell sees it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from edge.engines import registry
from edge.models.manifest import to_toml
from edge.models.packed.read import read
from edge.tools import graph
from edge.tools.train import architectures
from tests.support.command import Edge
from tests.tools.train.blobs import blobs

pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    return Edge(monkeypatch, capsys)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "blobs.npz"
    train, test = blobs(400, 1), blobs(100, 2)
    flat = train.pixels.reshape(len(train), -1)
    np.savez(path, Xtr=flat, ytr=train.labels, Xte=test.pixels, yte=test.labels)
    return path


def own(folder: Path, name: str) -> Path:
    """A built-in network as a user's own: a file and its manifest."""
    path = folder / "mine.onnx"
    onnx.save(architectures.build(name, 2), str(path))
    path.with_suffix(".toml").write_text(to_toml(architectures.manifest(name)))
    return path


def test_a_built_in_network_becomes_a_file_of_the_size_that_was_asked_for(
    edge: Edge, data: Path, tmp_path: Path
) -> None:
    out, page = tmp_path / "out.epk", tmp_path / "page"
    done = edge(
        *("train-compress", "lenet-300-100", data, "-o", out, "--ratio", 80, "--epochs", 4, "--batch", 16),
        *("--deform", 0, "--report", page, "--json"),
    )
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["bytes"] == out.stat().st_size
    assert told["plain_bytes"] == 1_066_440
    assert 78 <= told["ratio"] <= 95
    assert told["test_error"] <= 0.2
    assert len(done.err.splitlines()) == 4 + (not told["ratio_reached"])
    tensors = {tensor.name: tensor.nonzero for tensor in read(out).tensors}
    assert sum(tensors.values()) <= told["weights"]
    assert "w0" in (page / "report.html").read_text()
    assert [path.name for path in page.iterdir()] == ["report.html"]
    assert done.err.startswith("epoch 1: loss "), "nothing is pruned yet"
    assert "\ncompressed, epoch 4: " in done.err


def test_a_model_of_ones_own_loses_filters_is_distilled_and_runs(edge: Edge, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.epk"
    model = own(tmp_path, "lenet-5")
    done = edge(
        *("train-compress", model, data, "--output", out, "--epochs", 1, "--filters", 0.4, "--distil"),
        *("--density", 0.5, "--bits", 4, "--seed", 3, "--validation", 0.2, "--rate", 0.001),
    )
    assert done.code == 0, done.err
    assert "times smaller" in done.out
    assert "of the test pictures" in done.out
    shapes = {tensor.name: tensor.shape for tensor in read(out).tensors}
    assert shapes["w1"][0] < 50
    engine = registry.load("onnxruntime", read(out).unpacked())
    assert engine.run({"x": np.zeros((1, 1, 28, 28), np.float32)})["y"].shape == (1, 10)
    engine.close()


def test_a_normalization_is_folded_into_the_convolution_before_it(edge: Edge, data: Path, tmp_path: Path) -> None:
    path, out = own(tmp_path, "lenet-5"), tmp_path / "out.epk"
    model = graph.load(path)
    for name, value in (("gain", 2.0), ("shift", 0.1), ("mean", 0.2), ("variance", 1.0)):
        model.graph.initializer.append(numpy_helper.from_array(np.full(20, value, np.float32), name))
    pool = model.graph.node[1]
    norm = helper.make_node("BatchNormalization", [pool.input[0], "gain", "shift", "mean", "variance"], ["normed"])
    pool.input[0] = "normed"
    model.graph.node.insert(1, norm)
    onnx.save(model, str(path))
    assert edge("train-compress", path, data, "-o", out, "--epochs", 1, "--density", 0.5).code == 0
    packed = read(out)
    assert packed.origin.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    kinds = [node.op_type for node in onnx.load_from_string(packed.plain()).graph.node]
    assert "BatchNormalization" not in kinds


def test_density_and_ratio_exclude_one_another(edge: Edge, data: Path, tmp_path: Path) -> None:
    done = edge("train-compress", "lenet-5", data, "-o", tmp_path / "o.epk", "--density", 0.1, "--ratio", 5)
    assert (done.code, len(done.err.splitlines())) == (2, 1)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"a": np.zeros(3)}, "has no arrays `Xtr` and `ytr`"),
        ({"Xtr": np.zeros((3, 784), np.uint8), "ytr": np.zeros(2, np.int64)}, "`ytr` must be a class index for each"),
        ({"Xtr": np.zeros((3, 784), np.int64), "ytr": np.zeros(3, np.int64)}, "must be uint8 or floating point"),
        ({"Xtr": np.zeros((3, 99), np.uint8), "ytr": np.zeros(3, np.int64)}, "has 99 values; the model takes"),
        ({"Xtr": np.zeros((3, 784), np.uint8), "ytr": np.array([0, 1, 10])}, "classes 0 to 10; the model has 10"),
    ],
)
def test_data_that_a_model_cannot_learn_from_is_one_line(
    edge: Edge, tmp_path: Path, arrays: dict[str, np.ndarray], said: str
) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, **arrays)
    done = edge("train-compress", "lenet-300-100", path, "-o", tmp_path / "o.epk")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert said in done.err


def test_a_size_that_cannot_be_had_and_a_name_that_is_none_are_one_line(edge: Edge, data: Path, tmp_path: Path) -> None:
    for arguments in (("-o", tmp_path / "o.epk", "--ratio", 100_000), ("-o", tmp_path / "o.onnx")):
        done = edge("train-compress", "lenet-300-100", data, *arguments)
        assert (done.code, len(done.err.splitlines())) == (2, 1)


def test_an_operator_that_cannot_be_trained_is_one_line(edge: Edge, data: Path, tmp_path: Path) -> None:
    path = own(tmp_path, "lenet-5")
    model = graph.load(path)
    model.graph.node[-1].output[0] = "before"
    model.graph.node.append(helper.make_node("Erf", ["before"], ["y"]))
    onnx.save(model, str(path))
    done = edge("train-compress", path, data, "-o", tmp_path / "o.epk")
    assert (done.code, len(done.err.splitlines())) == (2, 1)
    assert "the operator Erf cannot be trained" in done.err
