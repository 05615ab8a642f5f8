"""What filter pruning gives on real models that nobody trains afterwards: work, time and the outputs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto

from bench.places import DATA
from bench.table import Missing, Row
from edge.tools import squeezenet
from edge.tools.evaluate import cosine, run, session
from edge.tools.filters.prune import PruneReport, prune_filters
from edge.tools.graph import load, to_bytes

F32 = NDArray[np.float32]
Feeds = list[dict[str, F32]]
FRACTION = 0.2
RUNS = 60
SEEN = ("footage/car-detection.mp4", "footage/onebyone_A.mp4", *(f"falls/s1_fall_{n}.mp4" for n in (13, 14, 15)))
UNSEEN = ("footage/vtest_A.mp4", *(f"falls/s3_adl_{n}.mp4" for n in ("07", "15", "18")))
CAFFE = np.array([104, 117, 123], np.float32).reshape(1, 3, 1, 1)


@dataclass(frozen=True, slots=True)
class Case:
    """A model, and how BGR pixels (1, 3, h, w) of 0..255 become its input."""

    file: str
    fed: Callable[[F32], F32]


CASES = {
    "YOLOX-nano": Case("yolox_nano_416.onnx", lambda x: x),
    "FastestDet": Case("FastestDet.onnx", lambda x: x / 255),
    "RFB-320": Case("version-RFB-320_simplified.onnx", lambda x: (x[:, ::-1] - 127) / 128),
    "SqueezeNet": Case("compressed_SqueezeNet.net", lambda x: x - CAFFE),
}


def filters() -> Iterator[Row]:
    """A fifth of the multiply-accumulates cut, with nothing but some frames of other clips to go by."""
    if not DATA.is_dir():
        raise Missing("the models and clips beside the checkout, in ../shared/data")
    for name, case in CASES.items():
        path = DATA / "models" / case.file
        model = squeezenet.load(path) if path.suffix == ".net" else load(path)
        seen, unseen = (_feeds(model, clips, case) for clips in (SEEN, UNSEEN))
        for how, given, rebuild in (("norms", None, False), ("frames", seen, False), ("frames, rebuilt", seen, True)):
            pruned = prune_filters(model, FRACTION, given, rebuild=rebuild)
            yield Row(f"filter pruning, {name}, by {how}", _told(pruned.report, model, pruned.model, unseen))


def _told(report: PruneReport, model: ModelProto, pruned: ModelProto, feeds: Feeds) -> str:
    (truths, others), names = (run(to_bytes(m), feeds) for m in (model, pruned)), [o.name for o in model.graph.output]
    near = [np.mean([cosine(a[n], b[n]) for a, b in zip(truths, others, strict=True)]) for n in names]
    work, weights = report.macs[0] / report.macs[1], report.parameters[0] / report.parameters[1]
    faster = _faster(model, pruned, feeds[0])
    likeness = ", ".join(f"{value:.3f}" for value in near)
    return f"MACs {work:.2f}x, parameters {weights:.2f}x, time {faster:.2f}x, cosine {likeness}"


def _faster(model: ModelProto, pruned: ModelProto, feed: dict[str, F32]) -> float:
    """Processor time on ONNX Runtime, one thread: medians of interleaved runs."""
    loaded = [session(to_bytes(m)) for m in (model, pruned)]
    taken: list[list[float]] = [[], []]
    for _ in range(RUNS):
        for one, times in zip(loaded, taken, strict=True):
            start = time.process_time()
            one.run(None, feed)
            times.append(time.process_time() - start)
    return statistics.median(taken[0]) / statistics.median(taken[1])


def _feeds(model: ModelProto, clips: tuple[str, ...], case: Case, each: int = 4) -> Feeds:
    given = model.graph.input[0]
    height, width = (size.dim_value for size in given.type.tensor_type.shape.dim[2:])
    found = []
    for clip in clips:
        reader = cv2.VideoCapture(str(DATA / clip))
        count = int(reader.get(cv2.CAP_PROP_FRAME_COUNT))
        for index in range(each):
            reader.set(cv2.CAP_PROP_POS_FRAMES, (index + 0.5) * count // each)
            ok, frame = reader.read()
            if ok:
                pixels = cv2.resize(frame, (width, height)).transpose(2, 0, 1)[None].astype(np.float32)
                found.append({given.name: np.ascontiguousarray(case.fed(pixels), np.float32)})
    return found
