"""`edge compress` as its user meets it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import openvino
import pytest

from edge.models.packed import read
from edge.tools import evaluate, graph
from edge.tools.quantize import Plan, quantize
from tests.support.command import Edge
from tests.support.keys import key_pair
from tests.support.shared_data import IMAGES, MODELS, needs_data
from tests.support.small_cnn import MANIFEST, small_cnn, small_feeds, write_small


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
    assert "http" not in page.replace("http://www.w3.org/", "")
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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["small.onnx", "--quantize", "int8", "--calibrate", "empty"], "no images in this folder"),
        (["small.onnx", "--quantize", "int8", "--calibrate", "broken"], "broken/a.jpg: not an image"),
        (["small.onnx", "--quantize", "int8", "--calibrate", "gone.mp4"], "gone.mp4: is not there"),
        (["small.onnx", "--quantize", "int8", "--calibrate", "small.toml"], "small.toml: cannot be opened"),
        (["small.onnx", "--share", "4", "--target", "openvino"], "--quantize int8 --calibrate"),
        (["small.onnx", "--share", "4", "--calibrate", "samples.npz", "--labels", "five.npz"], "5 labels"),
        (["small.onnx", "--share", "4", "--calibrate", "samples.npz", "--labels", "real.npz"], "whole numbers"),
        (["small.onnx", "--share", "4", "--calibrate", "samples.npz", "--labels", "gone.npz"], "gone.npz: is not"),
        (["small.onnx", "--share", "4", "--calibrate", "samples.npz", "--labels", "junk.npz"], "not an .npz"),
        (["small.onnx", "--prune", "nan"], "`--prune` nan"),
        (["small.onnx", "--quantize", "int6", "--calibrate", "samples.npz", "--max-drop", "nan"], "`--max-drop` nan"),
        (["small.onnx", "--prune-filters", "0.9"], "ask for less"),
        (["small.onnx", "--sign", "gone.pem"], "gone.pem"),
        (["small.onnx", "--share", "4", "--report", "small.toml"], "is no folder"),
        (["bare.onnx"], "no manifest"),
        (["junk.onnx"], "not an ONNX model"),
        (["nosuch"], "no model is called `nosuch`"),
        (["integers.onnx", "--quantize", "int6"], "quantized already"),
        (["integers.onnx", "--quantize", "int8", "--calibrate", "samples.npz"], "no convolution or matrix product"),
    ],
)
def test_more_mistakes_are_one_line(edge: Edge, arguments: list[str], said: str) -> None:
    for folder in ("empty", "broken"):
        Path(folder).mkdir()
    Path("broken/a.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    np.savez("five.npz", np.arange(5))
    np.savez("real.npz", np.linspace(0, 1, 12))
    Path("junk.npz").write_bytes(b"PK")
    Path("bare.onnx").write_bytes(Path("small.onnx").read_bytes())
    Path("junk.onnx").write_bytes(b"hello")
    if arguments[0] == "integers.onnx":
        Path("integers.onnx").write_bytes(
            graph.to_bytes(quantize(small_cnn(), small_feeds(4), Plan(head="int8")).model)
        )
    for name in ("junk", "integers"):
        Path(f"{name}.toml").write_text(MANIFEST)
    done = edge("compress", *arguments, "-o", "s.epk")
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert said in done.err
    assert not Path("s.epk").exists()


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("gone/s.epk", "gone is not there"),
        ("small.toml/s.epk", "is no folder"),
        ("taken.epk", "is a folder"),
        pytest.param(
            "locked/s.epk",
            "may not write",
            marks=pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere"),
        ),
    ],
)
def test_where_nothing_can_be_written_is_said_before_the_work(edge: Edge, out: str, said: str) -> None:
    Path("taken.epk").mkdir()
    Path("locked").mkdir(mode=0o555)
    done = edge("compress", "small.onnx", "-o", out, "--calibrate", "gone")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert said in done.err


def child(*before: str) -> list[str]:
    """A shell's words for `edge` in a process of its own, after some statements."""
    return [sys.executable, "-c", "; ".join([*before, "from edge.cli import main", "main()"])]


def test_a_full_disk_leaves_what_was_there(edge: Edge) -> None:
    Path("s.epk").write_bytes(b"before")
    small = child("import resource", "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))")
    done = subprocess.run(
        [*small, "compress", "small.onnx", "-o", "s.epk"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "s.epk: cannot be written" in done.stderr
    assert Path("s.epk").read_bytes() == b"before"
    assert not list(Path().glob(".*.part"))
    assert edge("compress", "small.onnx", "-o", "s.epk").code == 0
    assert read(Path("s.epk")).manifest.name == "small"


def test_an_interrupt_ends_with_130_and_leaves_nothing(edge: Edge, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    # A shell's job in the background ignores the signal, and so would what it starts.
    words = child("import signal", "signal.signal(signal.SIGINT, signal.default_int_handler)")
    running = subprocess.Popen(
        [*words, "compress", "small.onnx", "-o", "s.epk", "--quantize", "int8", "--calibrate", "samples.npz"],
        env={**os.environ, "TMPDIR": str(scratch)},
        stderr=subprocess.PIPE,
    )
    while not list(scratch.glob("edge-latency-*")):
        assert running.poll() is None
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert (running.returncode, b"Traceback" in said) == (130, False), said
    assert not list(scratch.glob("edge-*"))
    assert not Path("s.epk").exists()
    assert not list(Path().glob(".*.part"))


def test_filters_are_cut_through_the_command(edge: Edge) -> None:
    done = edge(
        "compress", "small.onnx", "-o", "s.epk", "--prune-filters", "0.1", "--calibrate", "samples.npz", "--json"
    )
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert [step["name"] for step in said["steps"]] == ["filters pruned"]
    assert any("faster on every engine" in note for note in said["notes"])
    before = sum(array.size for array in graph.weights(graph.load(Path("small.onnx"))).values())
    assert sum(array.size for _, array in read(Path("s.epk")).weights()) < before


def test_labels_say_what_is_right(edge: Edge) -> None:
    said = []
    best = outputs_of_samples().argmax(axis=1)
    for labels in (best, (best + 1) % 10):
        np.savez("labels.npz", labels)
        done = edge(
            "compress", "small.onnx", "-o", "s.epk", "--quantize", "int6",
            "--calibrate", "samples.npz", "--labels", "labels.npz", "--json",
        )  # fmt: skip
        said.append(json.loads(done.out)["steps"][-1]["value"])
    assert said[0] > 0.8
    assert said[1] < 0.2


def outputs_of_samples() -> np.ndarray:
    feeds = [{"data": one[None]} for one in np.load("samples.npz")["data"]]
    return np.concatenate([given["scores"] for given in evaluate.run(Path("small.onnx").read_bytes(), feeds)])


def test_another_target_than_this_machine_is_written_for_its_engine(edge: Edge) -> None:
    done = edge(
        "compress", "small.onnx", "-o", "s.epk", "--quantize", "int8", "--calibrate", "samples.npz",
        "--target", "tensorrt", "--metric", "cosine", "--max-drop", "0.5",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "written: int8 tensorrt, for tensorrt" in done.out
    assert "edge bench" in done.out
    packed = read(Path("s.epk"))
    assert packed.manifest.engines[0] == "tensorrt"
    assert "onnxruntime" in packed.manifest.engines
    assert any(tensor.dtype == "int8" for tensor in packed.tensors)


def test_weights_of_an_openvino_ir_are_kept_or_shared(edge: Edge) -> None:
    openvino.save_model(openvino.convert_model("small.onnx"), "ir.xml", compress_to_fp16=False)
    Path("ir.toml").write_text(MANIFEST)
    assert edge("compress", "ir.xml", "-o", "ir.epk", "--lossless").code == 0
    packed = read(Path("ir.epk"))
    assert packed.plain() == Path("ir.xml").read_bytes()
    assert packed.blob() == Path("ir.bin").read_bytes()
    assert edge("compress", "ir.xml", "-o", "shared.epk", "--share", "4").code == 0
    assert Path("shared.epk").stat().st_size < Path("ir.epk").stat().st_size / 2
    done = edge("compress", "ir.xml", "-o", "no.epk", "--quantize", "int8")
    assert (done.code, "compress the ONNX model" in done.err) == (2, True)


@needs_data
def test_a_name_of_the_catalogue_is_a_model(edge: Edge) -> None:
    assert edge("models", "install", MODELS / "mlperf_resnet8_cifar10.tflite").code == 0
    assert edge("compress", "resnet8-cifar10", "-o", "s.epk").code == 0
    assert read(Path("s.epk")).plain() == (MODELS / "mlperf_resnet8_cifar10.tflite").read_bytes()


@needs_data
@pytest.mark.parametrize("name", ["vww_96_int8.tflite", "FastestDet.onnx"])
def test_a_packed_model_infers_what_the_plain_one_does(name: str, edge: Edge) -> None:
    assert edge("compress", MODELS / name, "-o", "s.epk", "--lossless").code == 0
    assert edge("verify", "s.epk").code == 0
    told = []
    for model in (MODELS / name, "s.epk"):
        done = edge("infer", model, IMAGES / "cat_720p.jpg", "--json")
        assert done.code == 0, done.err
        told.append({**json.loads(done.out)["images"][0], "infer_ms": 0})
    assert told[0] == told[1]


def test_other_names_than_epk_are_refused(edge: Edge) -> None:
    done = edge("compress", "small.onnx", "-o", "s.onnx")
    assert (done.code, "NAME.epk" in done.err) == (2, True)
