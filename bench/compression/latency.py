"""How fast integer models are beside float ones, and how near. One thread, interleaved with the float model."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.compression import pictures
from bench.places import DATA, YOLOX, footage
from bench.table import Missing, Row, at_least
from edge.engines.base import Feeds
from edge.models import store
from edge.models.packed.read import read
from edge.tools import graph, squeezenet
from edge.tools.compress import compress, packed
from edge.tools.evaluate import Outputs, best_classes, cosine, run, top1
from edge.tools.faster import here, plans
from edge.tools.quantize import Plan, Quantized, Workshop, latencies, quantize, sensitivity
from edge.tools.samples import feeds
from edge.tools.settings import Settings

if TYPE_CHECKING:
    from onnx import ModelProto

ROUNDS = 60
SQUEEZENET = DATA / "models" / "compressed_SqueezeNet.net"
HARM = 0.002
"""Cosine that a layer may cost by itself before it stays float."""
EACH = 96
"""Pictures of the footage, of the falls and drawn ones each."""
MAX_DROP = 0.01
"""Of the outputs' cosine, on pictures that it was not calibrated on."""
MANY = 16
"""Frames to calibrate on."""


def squeeze() -> Iterator[Row]:
    """SqueezeNet in int8: calibrated on the shared images, and as a user makes it who has not got what it will see.

    The latter is `edge compress --quantize int8 --metric cosine --max-drop 0.01`, with this machine as the target, on
    pictures of the clips and drawn ones (seed 0); layers are given back to float until the bound holds on others of
    these. With fewer pictures its cosine on the shared images was anything from 0.974 to 0.997.
    """
    path = _there(SQUEEZENET)
    found, model = store.find(str(path)), squeezenet.load(path)
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        folder = Path(name) / "pictures"
        folder.mkdir()
        pictures.write(folder, [_clips("footage"), _clips("falls")], EACH)
        wanted = Settings(
            quantize="int8",
            calibrate=folder,
            metric="cosine",
            max_drop=MAX_DROP,
            pictures=3 * EACH,
            target=here(),
        )
        made = compress(found, wanted)
        file = Path(name) / "s.epk"
        file.write_bytes(packed(made))
        small = graph.load(read(file).plain())
    images = feeds(_there(DATA / "images"), found.manifest)
    seen = quantize(model, images, next(iter(plans(here()).values())))
    signed = quantize(model, images[:2], Plan(target="tensorrt", search="minmax", rounding="nearest", equalise=False))
    times = latencies(
        {"float": model, "int8": small, "seen": seen.model, "signed": signed.model}, images[0], threads=1, rounds=ROUNDS
    )
    ratio = {(time.variant, time.engine): time.ratio for time in times}
    if ("int8", "onnxruntime") not in ratio:
        raise Missing("onnxruntime")
    truth, given, known = (run(graph.to_bytes(one), images) for one in (model, small, seen.model))
    what = "SqueezeNet int8, calibrated on the shared images"
    yield at_least(f"{what}, over fp32, onnxruntime, {here()}", ratio["seen", "onnxruntime"], 1.7, " x")
    yield at_least(f"{what}: output cosine on these, mean", float(np.mean(_cosines(truth, known))), 0.99)
    yield Row("the same on the worst image", f"{min(_cosines(truth, known)):.4f}")
    manifest = found.manifest
    yield Row(
        "the same: top-1 as in float", f"{top1(best_classes(manifest, truth), best_classes(manifest, known)):.0%}"
    )
    if ("seen", "openvino") in ratio:
        yield Row("the same over fp32, openvino", f"{ratio['seen', 'openvino']:.2f} x")
    yield Row("the same with int8 tensors instead of uint8", f"{ratio['signed', 'onnxruntime']:.2f} x")
    chosen = made.choice.chosen if made.choice else None
    floats = "all" if chosen is None else len(chosen.kept_float)
    near = _cosines(truth, given)
    told = f"{ratio['int8', 'onnxruntime']:.2f} x, cosine {np.mean(near):.3f} (worst {min(near):.3f})"
    yield Row(f"SqueezeNet int8, calibrated on other pictures, {floats} layers float: over fp32, on the images", told)


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
    best = max((time for time in times if time.variant != "float"), key=lambda time: time.ratio)
    yield at_least(f"YOLOX-nano int8 at its best ({best.variant} on {best.engine}), an aim", best.ratio, 1.2, " x")
    fastest = min(time.ms for time in times if time.variant != "float")
    yield Row("YOLOX-nano, the fastest int8 over the fastest float, of both engines", f"{floats / fastest:.2f} x")
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


def _clips(name: str) -> list[Path]:
    found = sorted((DATA / name).glob("*.mp4"))
    if not found:
        raise Missing(f"clips in {name} beside the checkout, in ../shared/data")
    return found


def _there(path: Path) -> Path:
    if not path.exists():
        raise Missing(f"{path.name} beside the checkout, in ../shared/data")
    return path
