"""What users of `edge train-compress` do wrong: all of it is said before torch is asked for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge.commands import train_compress
from edge.tools.train.fit import Epoch, Fitted
from edge.tools.train.job import Made
from edge.tools.train.recipe import Recipe
from tests.support.command import Edge
from tests.support.small_cnn import MANIFEST, small_cnn

EPOCH = Epoch(1, 0.1, 0.0, 10, True, True)


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    """In a folder with `data.npz` of ten grey pictures."""
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EDGE_KEYS", str(tmp_path / "keys"))
    monkeypatch.chdir(tmp_path)
    np.savez("data.npz", Xtr=np.zeros((10, 784), np.uint8), ytr=np.arange(10))
    return Edge(monkeypatch, capsys)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lenet-5", "gone.npz", "-o", "o.epk"], "gone.npz: is not there"),
        (["lenet-5", "junk.npz", "-o", "o.epk"], "junk.npz: not an .npz"),
        (["lenet-5", "nan.npz", "-o", "o.epk"], "not finite"),
        (["lenet-5", "far.npz", "-o", "o.epk"], "must be a class index"),
        (["lenet", "data.npz", "-o", "o.epk"], "built in are lenet-300-100, lenet-5, convnet"),
        (["gone.onnx", "data.npz", "-o", "o.epk"], "no such model file; built in are"),
        (["lenet-5", "data.npz", "-o", "gone/o.epk"], "gone is not there"),
        (["lenet-5", "data.npz", "-o", "data.npz/o.epk"], "is no folder"),
        (["lenet-5", "data.npz", "-o", "o.epk", "--report", "data.npz"], "is no folder"),
        (
            ["lenet-5", "data.npz", "-o", "o.epk", "--batch", "10"],
            "--batch 10: 9 at most: of 10 training samples 1 are",
        ),
        (["lenet-5", "one.npz", "-o", "o.epk"], "none is left to train on"),
        (["o.epk", "data.npz", "-o", "o.epk"], "is the model that is read"),
    ],
)
def test_mistakes_are_one_line(edge: Edge, arguments: list[str], said: str) -> None:
    Path("junk.npz").write_bytes(b"PK")
    np.savez("nan.npz", Xtr=np.full((10, 784), np.nan), ytr=np.arange(10))
    np.savez("one.npz", Xtr=np.zeros((1, 784), np.uint8), ytr=np.array([3]))
    np.savez("far.npz", Xtr=np.zeros((1, 784)), ytr=np.array([1 << 63], np.uint64))
    if arguments[0] == "o.epk":
        Path("small.onnx").write_bytes(small_cnn().SerializeToString())
        Path("small.toml").write_text(MANIFEST)
        assert edge("compress", "small.onnx", "-o", "o.epk").code == 0
    done = edge("train-compress", *arguments)
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert said in done.err


@pytest.mark.parametrize(("asked", "reached"), [(4, True), (5, False)])
def test_a_ratio_that_was_not_reached_is_told(
    edge: Edge, asked: int, reached: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Made(b"x" * 100, 450, small_cnn(), Fitted({}, (EPOCH,), EPOCH, 1.0, 0.9), None)
    monkeypatch.setattr(train_compress, "make", lambda *_: made)
    done = edge("train-compress", "lenet-5", "data.npz", "-o", "o.epk", "--ratio", asked)
    assert done.code == 0, done.err
    assert ("not the 5 times that were asked for" in done.err) != reached
    assert done.err.count("\n") == (0 if reached else 1)
    done = edge("train-compress", "lenet-5", "data.npz", "-o", "o.epk", "--ratio", asked, "--json")
    assert json.loads(done.out)["ratio_reached"] == reached


@pytest.mark.parametrize(
    ("density", "error", "said"),
    [
        (0.1, 0.45, ""),
        (0.2, 0.45, "edge: 20.0% of the weights stayed, not the 10.0% that were asked for"),
        (0.1, 0.46, "edge: it has hardly learned: 46.00% of the validation pictures are wrong, and always naming"),
    ],
)
def test_a_net_that_kept_too_much_or_guesses_is_told(
    edge: Edge, density: float, error: float, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch = replace(EPOCH, error=error)
    made = Made(b"x" * 100, 450, small_cnn(), Fitted({}, (epoch,), epoch, density, 0.9), None)
    monkeypatch.setattr(train_compress, "make", lambda *_: made)
    done = edge("train-compress", "lenet-5", "data.npz", "-o", "o.epk", "--density", "0.1", "--json")
    assert (done.code, done.err.count("\n")) == (0, 1 if said else 0)
    assert done.err.startswith(said)


def test_defaults_are_told(edge: Edge) -> None:
    done = edge("train-compress", "--help")
    assert f"[default: {Recipe().epochs}]" in " ".join(done.out.split())
