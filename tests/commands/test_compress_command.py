"""`edge compress` as its user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edge.models.packed import read
from edge.tools import evaluate, graph
from tests.support.command import Edge
from tests.support.keys import key_pair
from tests.support.small_cnn import small_feeds, write_small


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    """In a folder with `small.onnx`, its manifest and `samples.npz`."""
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EDGE_KEYS", str(tmp_path / "keys"))
    monkeypatch.chdir(tmp_path)
    write_small(tmp_path)
    return Edge(monkeypatch, capsys)


def outputs(content: bytes) -> np.ndarray:
    return np.concatenate([given["scores"] for given in evaluate.run(content, small_feeds(8, seed=9))])


def test_nothing_asked_for_keeps_every_value(edge: Edge) -> None:
    done = edge("compress", "small.onnx", "-o", "small.epk")
    assert done.code == 0, done.err
    assert "every value is what it was" in done.out
    packed = read(Path("small.epk"))
    plain = Path("small.onnx").read_bytes()
    assert np.array_equal(outputs(packed.plain()), outputs(plain))
    held, kept = graph.weights(graph.load(plain, 0)), dict(packed.weights())
    assert list(held) == list(kept)
    assert all(np.array_equal(held[name], kept[name]) for name in held)


@pytest.mark.parametrize(
    ("asked", "codecs"),
    [
        (["--quantize", "int8"], {"grid"}),
        (["--quantize", "int6", "--calibrate", "samples.npz"], {"grid"}),
        (["--share", "4"], {"codebook", "sparse"}),
        (["--prune", "0.6", "--calibrate", "samples.npz"], {"sparse", "zstd", "codebook"}),
        (["--quantize", "fp16"], {"stored", "zstd"}),
    ],
)
def test_each_step_makes_a_smaller_file_that_says_nearly_the_same(
    edge: Edge, asked: list[str], codecs: set[str]
) -> None:
    edge("compress", "small.onnx", "-o", "lossless.epk")
    done = edge("compress", "small.onnx", "-o", "small.epk", *asked, "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert said["bytes"] == Path("small.epk").stat().st_size < Path("lossless.epk").stat().st_size
    assert codecs & set(said["codecs"])
    packed = read(Path("small.epk"))
    assert evaluate.cosine(outputs(packed.plain()), outputs(Path("small.onnx").read_bytes())) > 0.9
    assert packed.origin.report["steps"] == [step["name"] for step in said["steps"]]


def test_finer_bounds_make_larger_files(edge: Edge) -> None:
    sizes = []
    for drop in ("0.00001", "0.01"):
        done = edge(
            "compress", "small.onnx", "-o", "s.epk", "--quantize", "int6", "--calibrate", "samples.npz",
            "--metric", "cosine", "--max-drop", drop, "--json",
        )  # fmt: skip
        said = json.loads(done.out)
        assert said["steps"][-1]["value"] >= 1 - float(drop)
        sizes.append(said["bytes"])
    assert sizes[0] > sizes[1]


def test_integers_are_written_only_where_they_are_faster(edge: Edge) -> None:
    done = edge("compress", "small.onnx", "-o", "s.epk", "--quantize", "int8", "--calibrate", "samples.npz", "--json")
    said = json.loads(done.out)
    integers = any(tensor["dtype"] in ("int8", "uint8") for tensor in said["tensors"])
    assert integers == ("written" in " ".join(said["notes"]))
    assert any(time["variant"] == "float" for time in said["latency"])
    assert any(note.startswith("fastest here") for note in said["notes"])


def test_the_report_is_one_page_with_plots(edge: Edge) -> None:
    done = edge(
        "compress", "small.onnx", "-o", "s.epk", "--quantize", "int6", "--calibrate", "samples.npz", "--report", "told"
    )
    assert done.code == 0, done.err
    page = Path("told/report.html").read_text()
    assert page.count("<svg") == 3
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    ).replace("https://matplotlib.org", "")
    points = json.loads(Path("told/report.json").read_text())["pareto"]
    assert {point["setting"] for point in points if point["kind"] == "plain grids"} >= {"8 bits", "4 bits"}


def test_a_packed_model_is_compressed_again_and_signed(edge: Edge) -> None:
    key = key_pair(Path.cwd(), "mine").private
    edge("compress", "small.onnx", "-o", "one.epk")
    done = edge("compress", "one.epk", "-o", "two.epk", "--quantize", "int8", "--model-version", "7", "--sign", key)
    assert done.code == 0, done.err
    one, two = read(Path("one.epk")), read(Path("two.epk"))
    assert (two.origin.version, two.origin.source_sha256) == (7, one.origin.source_sha256)
    assert two.key is not None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lossless", "--share", "4"], "`--lossless` keeps every value"),
        (["--share", "4", "--quantize", "int8"], "give one of them"),
        (["--quantize", "int8", "--max-drop", "0.1"], "--calibrate"),
        (["--share", "4", "--labels", "samples.npz"], "--calibrate SAMPLES.npz"),
        (["--share", "4", "--calibrate", "gone"], "gone"),
        (["--prune", "0.5", "--calibrate", "samples.npz", "--metric", "map"], "no metric `map`"),
    ],
)
def test_mistakes_are_one_line(edge: Edge, arguments: list[str], said: str) -> None:
    done = edge("compress", "small.onnx", "-o", "s.epk", *arguments)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert not Path("s.epk").exists()


def test_other_names_than_epk_are_refused(edge: Edge) -> None:
    done = edge("compress", "small.onnx", "-o", "s.onnx")
    assert (done.code, "NAME.epk" in done.err) == (2, True)
