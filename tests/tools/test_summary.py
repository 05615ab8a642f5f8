"""What users are told of integer variants: which was written, for which engine, and what another target would give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge.models.manifest import Manifest
from edge.preprocess.input import Input
from edge.tools.compress import Made, Step
from edge.tools.evaluate import Quality
from edge.tools.faster import Choice, Variant
from edge.tools.quantize import Latency
from edge.tools.settings import Settings
from edge.tools.sources import Source
from edge.tools.summary import notes
from tests.support.small_cnn import small_cnn

MODEL = small_cnn()
VNNI, OPENVINO = Variant("vnni", MODEL), Variant("openvino", MODEL)
TIMES = (
    Latency("float", "onnxruntime", 30, 1.0),
    Latency("int8 vnni", "onnxruntime", 29, 1.03),
    Latency("int8 openvino", "onnxruntime", 60, 0.5),
    Latency("float", "openvino", 60, 1.0),
    Latency("int8 vnni", "openvino", 60, 1.0),
    Latency("int8 openvino", "openvino", 40, 1.5),
)
NOTHING = Choice("auto", "onnxruntime", True, (VNNI, OPENVINO), TIMES, None, ("float", "onnxruntime"))


def told(choice: Choice) -> list[str]:
    pictured = Input("data", 16, 16, "NCHW", "RGB", "float32")
    made = Made(Source("onnx", 1, ""), Manifest("small", "classify", "classes", pictured, {}), (), b"", choice=choice)
    return notes(made, Settings(quantize="int8"))[:-1]


def test_without_a_target_it_is_said_what_one_would_give() -> None:
    said = told(NOTHING)
    assert said[0] == "fastest here: float on onnxruntime"
    assert "weights alone are integers, computed in float" in said[-2]
    assert said[-1].startswith("`--target openvino` would write int8 openvino")
    assert "1.50 x as fast as float on openvino (40 ms)" in said[-1]


def test_a_written_file_has_its_engine_and_where_it_is_slower() -> None:
    made = replace(OPENVINO, drop=0.0, cosine=0.99, kept_float=("a", "b"), keeps=True)
    said = told(replace(NOTHING, target="openvino", engine="openvino", variants=(made,), chosen=made))
    assert "written: int8 openvino, for openvino" in said[-1]
    assert "2 layers in float" in said[-1]
    assert said[-1].endswith("slower than float on onnxruntime")


@pytest.mark.parametrize(
    ("keeps", "why"), [(False, "it costs 0.3 of the metric"), (True, "with 1 layers in float it was not fast enough")]
)
def test_why_a_variant_was_left_out_is_said(keeps: bool, why: str) -> None:
    left = replace(OPENVINO, drop=0.3, cosine=0.9, kept_float=("a",), keeps=keeps)
    said = told(replace(NOTHING, target="openvino", engine="openvino", variants=(left,)))
    assert why in said[1]
    assert "no integer variant is faster on openvino" in said[-1]


def test_a_variant_that_was_slower_when_timed_again_is_not_said_to_cost_much() -> None:
    left = replace(OPENVINO, drop=0.0, cosine=0.999, keeps=True)
    times = (*TIMES[:-1], replace(TIMES[-1], ms=57, ratio=1.05))
    said = told(replace(NOTHING, target="openvino", engine="openvino", variants=(left,), latencies=times))
    assert "1.05 x as fast as float on openvino (57 ms)" in said[1]
    assert "not fast enough when it was timed again" in said[1]
    assert "it costs" not in said[1]


@pytest.mark.parametrize("keeps", [True, False])
def test_of_a_target_that_is_not_here_no_timing_is_told(keeps: bool) -> None:
    made = Variant("arm", MODEL, drop=0.0 if keeps else 0.3, cosine=0.9, keeps=keeps)
    choice = Choice("arm", "onnxruntime", False, (made,), (), made if keeps else None, ("float", ""))
    said = told(choice)
    assert said[0] == "nothing was timed for arm: it is not this machine"
    assert not any("as fast as" in line for line in said)
    assert ("measure it on its target" if keeps else "no integer variant keeps the metric") in said[-1]


def test_a_detector_judged_on_few_objects_is_pointed_out() -> None:
    pictured = Input("data", 16, 16, "NCHW", "RGB", "float32")
    manifest = Manifest("small", "detect", "yolox", pictured, {})
    for objects, matched in ((4, 0.5), (40, 1.0)):
        step = Step("weights shared", Quality("map", 1.0, {}, {}, {}, 2, matched, objects))
        said = notes(Made(Source("onnx", 1, ""), manifest, (), b"", (step,)), Settings(share=4, calibrate=Path("p")))
        assert f"judged on 2 pictures, in which the original finds {objects} objects" in said
        assert any("fewer than 10 objects" in line for line in said) == (objects == 4)
        assert any("matched is 0.50" in line for line in said) == (objects == 4)
