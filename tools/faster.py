"""Integer variants of a model, and which of them is really faster on the engines that are here."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from edge.tools.control import given_back
from edge.tools.evaluate import Outputs
from edge.tools.judge import Judge
from edge.tools.quantize import Latency, Plan, latencies, quantize, sensitivity
from edge.tools.quantize.plan import Target

if TYPE_CHECKING:
    from onnx import ModelProto

ROUNDS = 40
WORTH = 1.05
"""How often faster than float an integer model must be to be offered: less is noise."""
GIVEN_BACK = 0.5
"""The share of layers beyond which giving back more cannot leave anything faster."""
TARGETS = ("auto", "x86", "vnni", "arm", "openvino", "tensorrt")
CPU_FLAGS = Path("/proc/cpuinfo")

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Variant:
    """A candidate with integer arithmetic.

    drop: of the metric, below the original
    kept_float: layers that stayed float
    """

    name: str
    model: ModelProto = field(repr=False)
    drop: float
    kept_float: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """What was measured, and what follows.

    latencies: of the float model first, engine by engine
    chosen: the variant that is faster than the float model's best and keeps the metric; None: none is
    fastest: of all variants that keep the metric, float among it: its name and engine
    """

    variants: tuple[Variant, ...]
    latencies: tuple[Latency, ...]
    chosen: Variant | None
    fastest: tuple[str, str]


def choose(
    model: ModelProto,
    feeds: Outputs,
    judge: Judge,
    target: str,
    max_drop: float,
    threads: int = 1,
    progress: Progress = lambda part: None,
) -> Choice:
    """Make an integer variant for each engine, hold it to the metric, and time it beside the float model.

    Args:
        feeds: to calibrate on.
        target: one of `TARGETS`; `auto` is this machine, and OpenVINO where it is here.
        max_drop: of the metric.
    """
    wanted = plans(target)
    variants = []
    for number, (name, plan) in enumerate(wanted.items()):

        def part(done: float, begun: int = number) -> None:
            progress((begun + done) / (len(wanted) + 1))

        variants.append(_held(name, plan, model, feeds, judge, max_drop, part))
    good = [variant for variant in variants if variant.drop <= max_drop]
    models = {"float": model, **{variant.name: variant.model for variant in good}}
    times = latencies(models, feeds[0], threads=threads, rounds=ROUNDS)
    return Choice(tuple(variants), times, *decide(good, times))


def decide(good: Sequence[Variant], times: Sequence[Latency]) -> tuple[Variant | None, tuple[str, str]]:
    """The variant to write, and the fastest of all; a variant must beat the float model on whatever engine is best."""
    best = min(times, key=lambda time: time.ms, default=None)
    if best is None:
        return None, ("float", "")
    floats = min((time.ms for time in times if time.variant == "float"), default=best.ms)
    by_name = {variant.name: variant for variant in good}
    if best.variant == "float" or best.ratio < WORTH or floats < WORTH * best.ms:
        engine = min((time for time in times if time.variant == "float"), key=lambda time: time.ms).engine
        return None, ("float", engine)
    return by_name[best.variant], (best.variant, best.engine)


def plans(target: str) -> Mapping[str, Plan]:
    """How to quantize for a target, by the variant's name."""
    names: dict[str, Target] = {name: name for name in get_args(Target)}
    names["vnni"] = "x86-vnni"
    if target != "auto":
        return {f"int8 {target}": Plan(target=names[target])}
    return {f"int8 {here()}": Plan(target=names[here()]), "int8 openvino": Plan(target="openvino")}


def here() -> str:
    """The target that this machine is."""
    if platform.machine() in ("aarch64", "arm64", "armv7l"):
        return "arm"
    try:
        flags = CPU_FLAGS.read_text(encoding="ascii", errors="replace")
    except OSError:
        return "x86"
    return "vnni" if "avx512_vnni" in flags or "avx_vnni" in flags else "x86"


def _held(
    name: str, plan: Plan, model: ModelProto, feeds: Outputs, judge: Judge, max_drop: float, progress: Progress
) -> Variant:
    """A variant that keeps the metric, by giving its worst layers back to float; or the last that was tried."""

    def make(floats: frozenset[str]) -> Variant:
        some = Plan(target=plan.target, keep_float=plan.keep_float | floats)
        done = quantize(model, feeds, some, progress)
        return Variant(name, done.model, judge.drop(done.model), done.kept_float)

    first = make(frozenset())
    if first.drop <= max_drop:
        return first
    worst = [layer for layer, _ in sensitivity(model, feeds, None, plan)]
    some = worst[: max(1, round(GIVEN_BACK * len(worst)))]
    return given_back(some, lambda floats: make(floats) if floats else first, lambda made: made.drop <= max_drop)
