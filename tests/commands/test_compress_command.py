"""`edge compress` as its user meets it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import openvino
import pytest

from edge.models.packed.read import read
from edge.tools import evaluate, faster, graph, lighter
from tests.support.command import Edge
from tests.support.keys import key_pair
from tests.support.shared_data import IMAGES, MODELS, needs_data
from tests.support.small_cnn import MANIFEST, small_feeds, write_small


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
    assert "once installed its name is small" in done.out
    assert done.err == "coding …\n"
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


def test_a_name_is_given_and_steps_are_told_a_line_each(edge: Edge) -> None:
    done = edge("compress", "small.onnx", "-o", "s.epk", "--name", "door", "--share", "4", "--calibrate", "samples.npz")
    assert done.code == 0, done.err
    assert "judged on 6 pictures" in done.out
    assert done.out.endswith("once installed its name is door\n")
    assert read(Path("s.epk")).manifest.name == "door"
    assert done.err.splitlines() == [f"{step} …" for step in ("looking at the layers", "sharing weights", "coding")]


@pytest.mark.parametrize(("pictures", "judged"), [("4", 2), ("5", 2), ("64", 6)])
def test_no_more_pictures_are_taken_than_asked_for(edge: Edge, pictures: str, judged: int) -> None:
    done = edge(
        "compress", "small.onnx", "-o", "s.epk", "--share", "4", "--calibrate", "samples.npz", "--pictures", pictures
    )
    assert done.code == 0, done.err
    assert f"judged on {judged} pictures" in done.out


@pytest.mark.parametrize("pictures", ["1", "2"])
def test_it_is_said_where_one_picture_both_calibrates_and_judges(edge: Edge, pictures: str) -> None:
    done = edge(
        "compress", "small.onnx", "-o", "s.epk", "--share", "4", "--calibrate", "samples.npz", "--pictures", pictures
    )
    assert done.code == 0, done.err
    assert ("judged on the picture that it was calibrated on" in done.out) == (pictures == "1")


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


def test_filters_are_cut_through_the_command(edge: Edge) -> None:
    done = edge(
        "compress", "small.onnx", "-o", "s.epk", "--prune-filters", "0.1", "--calibrate", "samples.npz", "--json"
    )
    assert done.code == 0, done.err
    said = json.loads(done.out)
    (step,) = said["steps"]
    assert re.fullmatch(r"filters pruned: [\d.]+ % of the arithmetic saved, 10 % asked", step["name"])
    assert any("faster on every engine" in note for note in said["notes"])
    before = sum(array.size for array in graph.weights(graph.load(Path("small.onnx"))).values())
    assert sum(array.size for _, array in read(Path("s.epk")).weights()) < before


@pytest.mark.parametrize(
    ("asked", "name"),
    [("--prune-filters", "filters: left out, --max-drop"), ("--prune", "weights: none pruned, --max-drop")],
)
def test_what_was_not_done_is_not_said_to_be(
    edge: Edge, asked: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lighter.Work, "holds", lambda work, draft: False)
    done = edge(
        "compress", "small.onnx", "-o", "s.epk", asked, "0.1", "--calibrate", "samples.npz",
        "--metric", "cosine", "--max-drop", "0", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert [(step["name"], step["value"]) for step in said["steps"]] == [(name, pytest.approx(1.0, abs=1e-12))]
    assert not any("faster on every" in note for note in said["notes"])


def test_weights_are_tuned_through_the_command(edge: Edge) -> None:
    pytest.importorskip("torch", reason="torch is not here: pip install 'edge-runtime[train]'")
    np.savez("many.npz", data=np.concatenate([feed["data"] for feed in small_feeds(64)]))
    asked = ("--prune", "0.6", "--quantize", "int6", "--calibrate", "many.npz")
    assert edge("compress", "small.onnx", "-o", "plain.epk", *asked).code == 0
    done = edge("compress", "small.onnx", "-o", "tuned.epk", *asked, "--tune", "40", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["steps"][-1]["name"] == "tuned"
    truth = outputs(Path("small.onnx").read_bytes())
    plain, tuned = (evaluate.sqnr_db(truth, outputs(read(Path(f"{one}.epk")).plain())) for one in ("plain", "tuned"))
    assert tuned > plain + 3


def test_a_share_of_pruned_weights_is_told(edge: Edge) -> None:
    done = edge("compress", "small.onnx", "-o", "s.epk", "--prune", "0.6")
    assert re.search(r"weights pruned: (59|60|61)(\.\d)? % of them are 0, 60 % asked", done.out)


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
    assert "nothing was timed for tensorrt" in done.out
    packed = read(Path("s.epk"))
    assert packed.manifest.engines[0] == "tensorrt"
    assert "onnxruntime" in packed.manifest.engines
    assert any(tensor.dtype == "int8" for tensor in packed.tensors)


def test_timing_here_decides_nothing_for_another_processor(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faster, "latencies", lambda *_, **__: pytest.fail("timed"))
    target = "x86" if faster.here() == "arm" else "arm"
    done = edge(
        "compress", "small.onnx", "-o", "s.epk", "--quantize", "int8", "--calibrate", "samples.npz",
        "--target", target, "--metric", "cosine", "--max-drop", "0.5",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert f"nothing was timed for {target}" in done.out
    assert f"written: int8 {target}, for onnxruntime" in done.out


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
def test_integers_of_a_tflite_file_cannot_be_shared(edge: Edge) -> None:
    done = edge("compress", MODELS / "vww_96_int8.tflite", "-o", "s.epk", "--share", "4")
    assert (done.code, "quantized already" in done.err) == (2, True)


@needs_data
def test_a_name_of_the_catalogue_is_a_model(edge: Edge) -> None:
    assert edge("models", "install", MODELS / "mlperf_resnet8_cifar10.tflite").code == 0
    done = edge("compress", "resnet8-cifar10", "-o", "s.epk")
    assert (done.code, "the catalogue's: a device takes it only signed" in done.out) == (0, True)
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
