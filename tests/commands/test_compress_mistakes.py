"""What users of `edge compress` do wrong, and what interrupts it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from edge.models.packed.read import read
from edge.tools import graph
from edge.tools.quantize import Plan, quantize
from tests.support.command import Edge
from tests.support.small_cnn import MANIFEST, small_cnn, small_feeds, write_small


@pytest.fixture
def edge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    """In a folder with `small.onnx`, its manifest and `samples.npz`."""
    monkeypatch.setenv("EDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("EDGE_KEYS", str(tmp_path / "keys"))
    monkeypatch.chdir(tmp_path)
    write_small(tmp_path)
    return Edge(monkeypatch, capsys)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--lossless", "--share", "4"], "`--lossless` keeps every value"),
        (["--share", "4", "--quantize", "int8"], "give one of them"),
        (["--quantize", "int8", "--max-drop", "0.1"], "--calibrate"),
        (["--quantize", "int8", "--metric", "top1"], "`--metric` is measured on pictures"),
        (["--prune-filters", "0.3"], "`--prune-filters` without pictures"),
        (["--calibrate", "samples.npz"], "`--calibrate` changes nothing where every value is kept"),
        (["--share", "4", "--pictures", "9"], "`--pictures` are taken of those to calibrate on"),
        (["--metric", "top1"], "`--metric` changes nothing"),
        (["--name", "a door"], "--name 'a door': must be letters"),
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


@pytest.mark.parametrize("kind", ["fp16", "int6", "int8"])
def test_a_bound_that_cannot_be_kept_is_told_and_nothing_is_written(edge: Edge, kind: str) -> None:
    Path("s.epk").write_bytes(b"before")
    done = edge(
        "compress", "small.onnx", "-o", "s.epk", "--quantize", kind, "--calibrate", "samples.npz",
        "--metric", "cosine", "--max-drop", "0", "--report", "told", "--json",
    )  # fmt: skip
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1), done.err
    assert "`--max-drop 0` was not reached: it costs " in done.err
    assert f" of cosine; allow more, or leave out `--quantize {kind}`" in done.err
    assert Path("s.epk").read_bytes() == b"before"
    assert not Path("told").exists()


def test_what_is_given_back_until_the_bound_holds_is_no_mistake(edge: Edge) -> None:
    done = edge(
        "compress", "small.onnx", "-o", "s.epk", "--share", "2", "--prune", "0.5", "--calibrate", "samples.npz",
        "--metric", "cosine", "--max-drop", "0",
    )  # fmt: skip
    assert done.code == 0, done.err


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
        (["input.onnx"], "no input `pixels`, which its manifest names; it has: data"),
        (["output.onnx"], "no output `1`, which its manifest names; it has: scores"),
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
    for name, old, new in (("input", '"data"', '"pixels"'), ("output", '"scores"', "1")):
        Path(f"{name}.onnx").write_bytes(Path("small.onnx").read_bytes())
        Path(f"{name}.toml").write_text(MANIFEST.replace(old, new))
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
        ("loop/s.epk", "cannot be a folder"),
        pytest.param(
            "locked/s.epk",
            "may not write",
            marks=pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere"),
        ),
    ],
)
def test_where_nothing_can_be_written_is_said_before_the_work(edge: Edge, out: str, said: str) -> None:
    Path("taken.epk").mkdir()
    Path("loop").symlink_to("loop")
    Path("locked").mkdir(mode=0o555)
    done = edge("compress", "small.onnx", "-o", out, "--calibrate", "gone")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert said in done.err


def test_the_model_that_is_read_is_not_written_over(edge: Edge) -> None:
    assert edge("compress", "small.onnx", "-o", "s.epk").code == 0
    before = Path("s.epk").read_bytes()
    Path("link.epk").symlink_to("s.epk")
    for out in ("s.epk", "link.epk"):
        done = edge("compress", "s.epk", "-o", out, "--share", "4")
        assert (done.code, done.err.count("\n"), "is the model that is read" in done.err) == (2, 1, True)
    assert Path("s.epk").read_bytes() == before


def test_filters_that_cannot_be_spared_are_said(edge: Edge) -> None:
    done = edge("compress", "small.onnx", "-o", "s.epk", "--prune-filters", "0.9", "--calibrate", "samples.npz")
    assert (done.code, "ask for less" in done.err.splitlines()[-1]) == (2, True)
    assert not Path("s.epk").exists()


@pytest.mark.parametrize("out", ["gone/s.onnx", "small.toml/s.onnx"])
def test_unpacking_says_where_nothing_can_be_written(edge: Edge, out: str) -> None:
    assert edge("compress", "small.onnx", "-o", "s.epk").code == 0
    done = edge("unpack", "s.epk", "-o", out)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "cannot be written" in done.err


def child(*before: str) -> list[str]:
    """A shell's words for `edge` in a process of its own, after some statements."""
    return [sys.executable, "-c", "; ".join([*before, "from edge.cli import main", "main()"])]


def test_a_full_disk_leaves_what_was_there(edge: Edge) -> None:
    Path("s.epk").write_bytes(b"before")
    small = child("import resource", "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))")
    done = subprocess.run(
        [*small, "compress", "small.onnx", "-o", "s.epk"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1, done.stderr
    assert [line for line in done.stderr.splitlines() if line != "coding …"] == [
        "edge: s.epk: cannot be written: File too large"
    ]
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
    while not list(scratch.glob("edge-latency-*/*")):  # its folder is made, and will be removed
        assert running.poll() is None
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert (running.returncode, b"Traceback" in said) == (130, False), said
    assert not list(scratch.glob("edge-*"))
    assert not Path("s.epk").exists()
    assert not list(Path().glob(".*.part"))


def test_other_names_than_epk_are_refused(edge: Edge) -> None:
    done = edge("compress", "small.onnx", "-o", "s.onnx")
    assert (done.code, "NAME.epk" in done.err) == (2, True)
