"""Who judges falls best: rules, the trained network, or both; and what the network costs."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from bench.fallen import confirmed, onset
from bench.places import DATA, replay
from bench.table import Missing, Row, at_least, at_most
from edge.engines.base import EngineOptions
from edge.engines.links import first
from edge.judging import FILE, open_network
from edge.models.packed.read import read
from edge.models.store import Model
from edge.opening import links_of
from edge.posture.temporal import INPUT, RATE, Network, Window
from edge.tools.skeletons import everyday, falls, film
from edge.tools.skeletons.compare import JUDGES, Figures, Outcome, outcome
from edge.tools.skeletons.noise import GOOD
from edge.tools.skeletons.sequence import Sequence17, draw, filmed
from edge.tools.skeletons.windows import looks

SEEDS = {"as those trained on": 1001, "of kinds never trained on": 1002}
"""Of sequences that are judged: other people, cameras, motions and mistakes than any seed that is trained on."""
SEQUENCES = 300
POSE_MODELS = ("pose-landmark-full", str(DATA / "models" / "movenet_single_pose_lightning_ptq.tflite"))
FILMS = 50
"""Of each group of motions."""
FILM_RATE = 12.0
LEAST, MOST = 120, 400
"""Pixels: how tall people in films are."""
SEEN = 0.7
"""At least so much of them is always in the picture."""
RUNS = 2000


def simulated() -> Iterator[Row]:
    """Rules, network and both on skeletons that nothing was trained on."""
    network = open_network()
    for name, seed in SEEDS.items():
        unseen = "never" in name
        drawn = [draw(seed, number, unseen=unseen) for number in range(SEQUENCES)]
        for judge in JUDGES:
            outcomes = [outcome(sequence, judge, network) for sequence in drawn]
            yield Row(f"falls of skeletons, {name}: {judge}", str(Figures.of(outcomes)))
            if judge == "both":
                yield Row(f"the same: most often wrong of {judge}", _wrong(outcomes))


def _wrong(outcomes: list[Outcome]) -> str:
    """The kinds of motion with the most mistakes."""
    kinds: dict[str, list[bool]] = defaultdict(list)
    for one in outcomes:
        kinds[one.kind].append((one.delay is not None) != one.fell)
    worst = sorted(kinds.items(), key=lambda item: -sum(item[1]))[:3]
    return ", ".join(f"{kind} {sum(wrong)} of {len(wrong)}" for kind, wrong in worst if any(wrong)) or "none"


def real() -> Iterator[Row]:
    """The acted falls and everyday clips, through the whole pipeline, by each judge."""
    folder = DATA / "falls"
    if not (folder / "labels.json").is_file():
        raise Missing("the clips of falls beside the checkout, in ../shared/data")
    labels = json.loads((folder / "labels.json").read_text())
    for model in POSE_MODELS:
        for judge in JUDGES:
            outcomes = [_clip(folder / name, label, model, judge) for name, label in labels.items()]
            yield Row(f"15 real clips, {Path(model).stem[:18]}: {judge}", str(Figures.of(outcomes)))


def _clip(clip: Path, label: dict[str, Any], model: str, judge: str) -> Outcome:
    """Replay one, with the last frame held for three seconds."""
    pose = ("--set", "pose.enabled=true", "--set", f'pose.model="{model}"', "--set", f'pose.judge="{judge}"')
    events = replay(clip, "--hold", "3", *pose)[0]
    at = confirmed(events)
    return Outcome(clip.stem, bool(label["fall"]), None if at is None else at - onset(label))


def films() -> Iterator[Row]:
    """Skeletons as films through the whole pipeline, whose joints come out of a generated model through an engine."""
    quiet = (everyday.lie_down_slowly, everyday.sit, everyday.tie_shoe, everyday.push_ups)
    groups = {"falls": falls.TRAINED, "lying down slowly, sitting, tying a shoe, push-ups": quiet}
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        folder = Path(name)
        detector, poser = film.save(folder)
        for what, makes in groups.items():
            outcomes, late = [], []
            for number in range(FILMS):
                random = np.random.default_rng([2001, len(makes), number])
                while True:
                    sequence = filmed(random, makes[number % len(makes)](random), GOOD, whole=True)
                    if LEAST < film.stature(sequence) < MOST and film.in_view(sequence) > SEEN:
                        break
                clip = film.written(folder / "clip.mkv", sequence, FILM_RATE, random)
                pose = ("--set", "pose.enabled=true", "--set", f'pose.model="{poser}"')
                at = confirmed(replay(clip, "--model", detector, "--hold", "3", *pose)[0])
                begun = 0.0 if sequence.onset is None else sequence.onset - float(sequence.times[0])
                outcomes.append(Outcome(sequence.kind, sequence.fell, None if at is None else at - begun))
                if at is not None and sequence.landed is not None:
                    late.append(at - (sequence.landed - float(sequence.times[0])))
            figures = Figures.of(outcomes)
            if figures.falls:
                yield at_least(f"films of skeletons, {what}: found", figures.found / figures.falls, 0.95)
                within = sum(delay <= 2.0 for delay in late) / max(len(late), 1)
                yield at_least("the same, confirmed within 2 s of the landing", within, 0.95)
                yield Row("the same, median from the onset", f"{figures.delay:.2f} s")
            else:
                yield at_most(f"films of skeletons, {what}: false", figures.false / figures.everyday, 0.02)
            yield Row("the same, most often wrong", _wrong(outcomes))


def network() -> Iterator[Row]:
    """What a step costs beside the bare call, interleaved, and what the file takes."""
    packed = read(FILE)
    model = Model(FILE, packed.sha256, packed.manifest, packed)
    engine = first(links_of(model, "onnxruntime", EngineOptions(threads=1)))  # as a camera opens it
    judge, window = Network(engine), Window()
    sequence: Sequence17 = draw(1001, 1)
    sights = [(joints, stature) for _, joints, stature in looks(sequence)]
    session, output = engine._session, engine.outputs[0].name  # type: ignore[attr-defined]
    ours: list[float] = []
    bare: list[float] = []
    fed = window.fed(1.0)

    def step(number: int) -> None:
        joints, stature = sights[number % len(sights)]
        window.add(joints, number / RATE)
        judge(window.fed(stature))

    def call(number: int) -> None:
        session.run([output], {INPUT: fed})

    for number in range(RUNS):
        # In turn: what comes second finds the engine's memory in the caches.
        for what, took in ((step, ours), (call, bare))[:: 1 if number % 2 else -1]:
            begun = perf_counter()
            what(number)
            took.append(perf_counter() - begun)
    yield Row("network, the bare engine call", f"{statistics.median(bare) * 1e6:.0f} us")
    yield at_most("network, a step (window and run)", statistics.median(ours) * 1e6, 50, " us")
    ratio = statistics.median(ours) / statistics.median(bare)
    yield at_most("network, a step (window and run) over that", ratio, 3.0, " x")
    weights = sum(tensor.count for tensor in packed.tensors)
    yield at_most("network, parameters", weights, 20_000)
    yield at_most("network, packed file", packed.size / 1000, 12, " KB")
