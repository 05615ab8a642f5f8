"""`edge train-posture`, as a shell sees it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from edge.commands.train_posture import USUAL
from edge.engines.base import EngineOptions
from edge.judging import FILE, open_network
from edge.models.packed.read import read
from edge.posture.temporal import Window
from tests.support.command import Edge
from tests.support.figures import joints

pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    return Edge(monkeypatch, capsys)


def test_it_writes_a_small_packed_model_that_engines_run_and_the_same_again(edge: Edge, tmp_path: Path) -> None:
    told = []
    for name in ("one.epk", "two.epk"):
        done = edge(
            "train-posture", "-o", str(tmp_path / name), "--sequences", "40", "--epochs", "2", "--seed", "3", "--json"
        )
        assert done.code == 0, done.err
        told.append(json.loads(done.out))
    assert told[0]["bytes"] <= 12_000
    assert told[0]["parameters"] <= 20_000
    first, second = (dict(read(tmp_path / name).weights()) for name in ("one.epk", "two.epk"))
    for key, array in first.items():
        np.testing.assert_array_equal(array, second[key])
    window = Window()
    window.add(joints((100, 440), 200), 0.0)
    chances = open_network(tmp_path / "one.epk", options=EngineOptions(threads=1))(window.fed(200))
    assert all(0 <= chance <= 1 for chance in chances)


def test_a_report_has_the_curves(edge: Edge, tmp_path: Path) -> None:
    out = tmp_path / "net.epk"
    done = edge(
        "train-posture", "-o", str(out), "--sequences", "40", "--epochs", "1", "--report", str(tmp_path / "report")
    )
    assert done.code == 0, done.err
    assert "epoch 1: loss" in done.err
    page = (tmp_path / "report" / "report.html").read_text()
    assert "<svg" in page
    assert "parameters" in page


def test_what_is_no_name_of_a_packed_file_is_refused(edge: Edge, tmp_path: Path) -> None:
    done = edge("train-posture", "-o", str(tmp_path / "net.onnx"))
    assert done.code == 2
    assert "NAME.epk" in done.err


def test_the_packaged_network_says_how_it_was_made() -> None:
    report = read(FILE).origin.report
    assert report["recipe"] == asdict(USUAL), "made with every option at its default"
    assert report["falls_told"] > 0.9
