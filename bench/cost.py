"""What our code costs beside the bare libraries, both in the same run."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import av
import cv2
import numpy as np

from bench.places import PAIRS, SSD, edge, footage, replay
from bench.table import Missing, Row, at_most
from edge.capture.file import open_file
from edge.motion import Gate
from edge.tamper import Tamper
from edge.types import I420, Frame

ROUNDS = 5


def engines() -> Iterator[Row]:
    """`edge bench`: our engine call over the back end's own, interleaved on the same input."""
    for model, engine in PAIRS:
        if not model.is_file():
            raise Missing(f"{model.name} beside the checkout, in ../shared/data")
        runs = []
        for _ in range(3):
            arguments = ("--engine", engine, "--threads", 1, "--seconds", 6, "--json")
            runs.append(json.loads(edge("bench", model, *arguments))["overhead"])
        yield at_most(f"engine call over the bare call, {engine}", statistics.median(runs), 1.02, " x")


def gate() -> Iterator[Row]:
    """The gate against OpenCV's MOG2 on the same luma at 72 rows, resize included; interleaved frame by frame."""
    cv2.setNumThreads(1)
    ratios = []
    for _ in range(ROUNDS):
        ours, theirs = Gate(), cv2.createBackgroundSubtractorMOG2(300, 25, False)
        times: tuple[list[float], list[float]] = [], []
        with av.open(str(footage("onebyone_A"))) as clip:
            for i, frame in enumerate(clip.decode(video=0)):
                luma = frame.to_ndarray(format="gray")
                begun = perf_counter()
                ours.moved(luma, i / 10)
                between = perf_counter()
                size = luma.shape[1] * 72 // luma.shape[0], 72
                theirs.apply(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), learningRate=0.01)
                times[0].append(between - begun)
                times[1].append(perf_counter() - between)
        ratios.append(statistics.median(times[0]) / statistics.median(times[1]))
    yield at_most("motion gate over OpenCV's MOG2, both with their resize", statistics.median(ratios), 1.0, " x")


def tamper() -> Iterator[Row]:
    """The watch over a camera's view: its share of a core at the clip's own rate, and that of a camera that was moved,
    which costs it a search for features at each look."""
    cv2.setNumThreads(1)
    for name, begin in (("vtest_A", None), ("onebyone_A", None), ("vtest_A", 10.0)):
        watching, gate, spent, last = Tamper("hall", "bench", lambda: "armed_away"), Gate(), 0.0, 0.0
        source = open_file(footage(name))
        for i, shot in enumerate(source.shots()):
            luma, last = shot.picture.y, shot.time
            if begin is not None and shot.time >= begin:
                luma = np.roll(luma, luma.shape[1] // 10, axis=1)
            frame = Frame("hall", i, shot.time, shot.time, I420(luma, shot.picture.u, shot.picture.v))
            moved = gate.moved(luma, shot.time)
            begun = perf_counter()
            watching.look(frame, moved, ())
            spent += perf_counter() - begun
        source.close()
        what = f"watch over the view, {name}{', moved' if begin else ''}: share of a core"
        yield at_most(what, 100 * spent / last, 1.0, " %")


def pipeline() -> Iterator[Row]:
    """A replay over bare decoding and as many bare engine calls, SSD on tflite, one thread."""
    clip = footage("onebyone_A")
    ratios, ours = [], []
    for _ in range(ROUNDS):
        decode, infer = _bare(clip, SSD)
        summary = replay(clip, "--model", SSD, "--engine", "tflite", "--threads", 1)[1]
        bare = decode + summary["inferences"] * infer
        ratios.append(summary["wall_s"] / bare)
        ours.append((summary["cpu_s"] - bare) / bare)
    yield at_most("replay over bare decoding and bare inference", statistics.median(ratios), 1.10, " x")
    yield Row("the same in processor time, more than bare", f"{statistics.median(ours):+.1%}")


def _bare(clip: Path, model: Path) -> tuple[float, float]:
    """Seconds to decode the clip with PyAV alone, and of one call of the interpreter alone."""
    from ai_edge_litert.interpreter import Interpreter

    begun = perf_counter()
    with av.open(str(clip)) as container:
        for _ in container.decode(video=0):
            pass
    decode = perf_counter() - begun
    interpreter = Interpreter(str(model), num_threads=1)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    wanted = [output["index"] for output in interpreter.get_output_details()]
    picture = np.random.default_rng(0).integers(0, 255, given["shape"]).astype(np.uint8)
    times = []
    for _ in range(150):
        begun = perf_counter()
        interpreter.set_tensor(given["index"], picture)
        interpreter.invoke()
        for index in wanted:
            interpreter.get_tensor(index)
        times.append(perf_counter() - begun)
    return decode, statistics.median(times)
