"""How fast integer models are beside float ones, and how near. One thread, interleaved with the float model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.places import DATA, YOLOX, footage
from bench.table import Missing, Row, at_least
from edge.engines.base import Feeds
from edge.models import store
from edge.tools import graph, squeezenet
from edge.tools.evaluate import Outputs, best_classes, cosine, run, top1
from edge.tools.faster import here, plans
from edge.tools.quantize import Plan, Quantized, Workshop, latencies, quantize, sensitivity
from edge.tools.samples import feeds

if TYPE_CHECKING:
    from onnx import ModelProto

ROUNDS = 60
SQUEEZENET = DATA / "models" / "compressed_SqueezeNet.net"
HARM = 0.002
"""Cosine that a layer may cost by itself before it stays float."""
MANY = 16
"""Frames to calibrate on."""


def squeeze() -> Iterator[Row]:
    """SqueezeNet in int8: calibrated on the shared images, and, for what it is worth on others, on clips."""
    path = _there(SQUEEZENET)
    model, manifest = squeezenet.load(path), store.find(str(path)).manifest
    images = feeds(_there(DATA / "images"), manifest)
    plan = next(iter(plans(here()).values()))
    made = quantize(model, images, plan)
    truth, found = (run(graph.to_bytes(m), images) for m in (model, made.model))
    signed = quantize(model, images[:2], Plan(target="tensorrt", search="minmax", rounding="nearest", equalise=False))
    times = latencies({"float": model, "int8": made.model, "signed": signed.model}, images[0], threads=1, rounds=ROUNDS)
    ratio = {(time.variant, time.engine): time.ratio for time in times}
    if ("int8", "onnxruntime") not in ratio:
        raise Missing("onnxruntime")
    yield at_least(f"SqueezeNet int8 over fp32, onnxruntime, {here()}", ratio["int8", "onnxruntime"], 1.7, " x")
    yield Row("the same with int8 tensors instead of uint8", f"{ratio['signed', 'onnxruntime']:.2f} x")
    if ("int8", "openvino") in ratio:
        yield Row("SqueezeNet int8 over fp32, openvino", f"{ratio['int8', 'openvino']:.2f} x")
    yield at_least("SqueezeNet int8: output cosine on the images, mean", float(np.mean(_cosines(truth, found))), 0.99)
    yield Row("the same on the worst image", f"{min(_cosines(truth, found)):.4f}")
    yield Row(
        "SqueezeNet int8: top-1 as in float",
        f"{top1(best_classes(manifest, truth), best_classes(manifest, found)):.0%}",
    )
    clips = [f for name in ("vtest_A", "onebyone_A", "car-detection") for f in feeds(footage(name), manifest, MANY)]
    strange = run(graph.to_bytes(quantize(model, clips, plan).model), images)
    yield Row("SqueezeNet int8, calibrated on clips alone: cosine, mean", f"{np.mean(_cosines(truth, strange)):.4f}")


def yolox() -> Iterator[Row]:
    """YOLOX-nano in int8, harmful layers float: the fastest of variants and engines; none slower is ever offered."""
    model, manifest = graph.load(_there(YOLOX)), store.find(str(YOLOX)).manifest
    frames = feeds(footage("vtest_A"), manifest, MANY)
    others = feeds(footage("onebyone_A"), manifest, MANY)
    made = {name: _held(model, frames, plan) for name, plan in {**plans(here()), **plans("openvino")}.items()}
    times = latencies(
        {"float": model, **{name: done.model for name, done in made.items()}}, frames[0], threads=1, rounds=ROUNDS
    )
    floats = min(time.ms for time in times if time.variant == "float")
    truth = run(graph.to_bytes(model), others)
    for time in times:
        if time.variant != "float":
            yield Row(f"YOLOX-nano int8 {time.variant} over fp32, {time.engine}", f"{time.ratio:.2f} x")
    best = min((time for time in times if time.variant != "float"), key=lambda time: time.ms)
    yield at_least(f"YOLOX-nano int8 at its best ({best.variant} on {best.engine})", best.ratio, 1.2, " x")
    yield Row("the same over the fastest float engine", f"{floats / best.ms:.2f} x")
    for name, done in made.items():
        found = run(graph.to_bytes(done.model), others)
        kept = len(done.kept_float)
        yield Row(f"YOLOX-nano int8 {name}, {kept} layers float: cosine", f"{np.mean(_cosines(truth, found)):.4f}")


def _held(model: ModelProto, frames: Feeds, plan: Plan) -> Quantized:
    work = Workshop(model, frames, plan)
    harms = sensitivity(model, frames, plan=plan, workshop=work)
    keep = frozenset(layer for layer, harm in harms if harm > HARM)
    return quantize(model, frames, replace(plan, keep_float=keep), workshop=work)


def _cosines(truth: Outputs, found: Outputs) -> list[float]:
    return [min(cosine(a[name], b[name]) for name in a) for a, b in zip(truth, found, strict=True)]


def _there(path: Path) -> Path:
    if not path.exists():
        raise Missing(f"{path.name} beside the checkout, in ../shared/data")
    return path
