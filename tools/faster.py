"""Integer variants of a model, and which of them is really faster on the engines that are here."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from edge.engines.base import Feed, Feeds
from edge.models.packed.weight import Grid
from edge.tools import lighter
from edge.tools.control import given_back
from edge.tools.evaluate import Quality
from edge.tools.judge import Judge
from edge.tools.quantize import Latency, Plan, Workshop, latencies, quantize, sensitivity
from edge.tools.quantize.judge import least_cosine
from edge.tools.quantize.plan import Target

if TYPE_CHECKING:
    from onnx import ModelProto

ROUNDS = 40
WORTH = 1.2
"""How often faster than float an integer model must be to be offered: less is not worth what it costs in accuracy, and
a busy machine measures as much where there is nothing."""
EVEN = 0.95
"""As fast as float, as far as a busy machine can tell."""
LEAST_COSINE = 0.98
"""Of each output with the float model's; below it a metric that still holds does so by luck."""
ROUGH = 2
"""Feeds of a variant that is only timed."""
LOOKED_AT = 6
"""Feeds on which the weights of float layers are tried, once a layer."""
SEARCH = 16
"""Feeds that a variant is calibrated on: ranges are settled by then, and each is run a dozen times."""
WEIGHTS = 7
"""Bits of weights within int8: an eighth of the bytes less than 8, at the same speed; what they cost is measured."""
HARMFUL = 0.002
"""Of the outputs' cosine: layers that cost more by themselves go back to float where the user says nothing."""
HARMLESS = HARMFUL / 4
"""Of the outputs' cosine: what rounding the weights of all float layers may cost in all."""
GIVEN_BACK = 0.5
"""The share of layers beyond which giving back more cannot leave anything faster."""
KEEPS = {"map": 0.02, "top1": 0.02, "cosine": 0.01}
"""By how much a metric may drop where the user says nothing."""
MATCHED = 0.9
"""Of a detector's objects, where the user says nothing: those that score just `min_score` come and go by rounding."""
TARGETS = ("auto", *get_args(Target))
ENGINES = ("onnxruntime", "openvino")
"""Timed where they are here; the target's besides."""
CPU_FLAGS = Path("/proc/cpuinfo")

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Variant:
    """A candidate with integer arithmetic.

    target: what it is made for, one of `TARGETS`
    grids: of the weights of layers that stayed float
    drop: below the original, see `Judge.drop`; None where it was not faster, so that nobody cared
    cosine: of the worst output with the original's
    kept_float: layers that stayed float
    keeps: whether it keeps the metric
    """

    target: str
    model: ModelProto = field(repr=False)
    grids: Mapping[str, Grid] = field(default_factory=dict, repr=False)
    drop: float | None = None
    cosine: float = 0.0
    kept_float: tuple[str, ...] = ()
    keeps: bool = False

    @property
    def name(self) -> str:
        """As people and `Latency.variant` call it."""
        return f"int8 {self.target}"

    @property
    def engine(self) -> str:
        """The engine that it is made for."""
        return engine_of(self.target)


@dataclass(frozen=True, slots=True)
class Choice:
    """What was measured, and what follows.

    engine: which is to be fast: the target's, or for `auto` the one that the manifest prefers of those that are here
    timed: whether what was measured tells anything of the target: it is this machine, or an engine that is here
    latencies: of the float model first, engine by engine
    chosen: the variant to write; None: none is worth it
    fastest: of the float model and what is chosen: its name and engine; the engine is empty where none could be timed
    """

    target: str
    engine: str
    timed: bool
    variants: tuple[Variant, ...]
    latencies: tuple[Latency, ...]
    chosen: Variant | None
    fastest: tuple[str, str]

    def ratios(self, variant: Variant) -> dict[str, float]:
        """How often faster than float a variant is, by engine."""
        return {time.engine: time.ratio for time in self.latencies if time.variant == variant.name}


def choose(
    model: ModelProto,
    feeds: Feeds,
    judge: Judge,
    target: str,
    max_drop: float | None,
    threads: int = 1,
    progress: Progress = lambda part: None,
) -> Choice:
    """Time a rough integer variant for each target beside the float model; make those well that are faster.

    How fast a variant is does not depend on its ranges, so the search for good ones is for those that are worth it. A
    target that is not here is not timed, by nothing that is here: its variant is written if it keeps the metric.

    Args:
        feeds: to calibrate on.
        target: one of `TARGETS`; `auto` takes what is faster on the engine that the manifest prefers, and on no other
            engine here slower.
        max_drop: of the metric, what a variant may cost: the fewest layers are given back to float until it holds.
            None: a little (`KEEPS`), with all layers given back that do harm by themselves (`HARMFUL`).
    """
    wanted = plans(target)
    some = feeds[:ROUGH]
    variants = {name: Variant(name, quantize(model, some, _rough(plan)).model) for name, plan in wanted.items()}
    progress(0.2)
    timed = partial(_timed, model, feeds[0], threads)
    times = timed(*variants.values()) if target in ("auto", here(), *ENGINES, "tensorrt") else ()
    progress(0.3)
    engine = engine_of(target) if target != "auto" else _preferred(judge.manifest.engines, times)
    told = target in ("auto", here()) or (target == engine and any(time.engine == engine for time in times))
    times = times if told else ()
    search = feeds[:: -(-len(feeds) // SEARCH)]
    for name in faster(times, engine, target == "auto") if told else wanted:
        made = _held(name, wanted[name], model, search, judge, max_drop, lambda part: progress(0.3 + 0.6 * part))
        variants[name] = made
        if not made.keeps:
            continue
        if not told:
            return Choice(target, engine, told, tuple(variants.values()), (), made, _best(()))
        again = timed(made)
        times = (
            *(time for time in times if time.variant != made.name),
            *(time for time in again if time.variant == made.name),
        )
        if name in faster(again, engine, target == "auto"):
            best = _best([time for time in times if time.variant in ("float", made.name)])
            return Choice(target, engine, told, tuple(variants.values()), times, made, best)
    floats = [time for time in times if time.variant == "float"]
    return Choice(target, engine, told, tuple(variants.values()), times, None, _best(floats))


def _timed(model: ModelProto, feed: Feed, threads: int, *of: Variant) -> tuple[Latency, ...]:
    """Variants beside the float model, on the engines that are here and on their own."""
    engines = tuple(dict.fromkeys((*ENGINES, *(one.engine for one in of))))
    beside = {"float": model, **{one.name: one.model for one in of}}
    return latencies(beside, feed, engines, threads=threads, rounds=ROUNDS)


def faster(times: Sequence[Latency], engine: str, everywhere: bool) -> list[str]:
    """The targets of variants that are faster than float on an engine, the fastest first.

    Args:
        everywhere: whether they may be slower than float on no other engine.
    """
    slower = {time.variant for time in times if everywhere and time.ratio < EVEN}
    found = [
        time
        for time in times
        if time.engine == engine and time.variant != "float" and time.ratio >= WORTH and time.variant not in slower
    ]
    return [time.variant.removeprefix("int8 ") for time in sorted(found, key=lambda time: time.ms)]


def engine_of(target: str) -> str:
    """The engine that a target's integers are for."""
    return target if target in ("openvino", "tensorrt") else "onnxruntime"


def _preferred(engines: Sequence[str], times: Sequence[Latency]) -> str:
    """The first of a manifest's engines that was timed, else the first that was."""
    timed = [time.engine for time in times]
    return next((engine for engine in engines if engine in timed), timed[0] if timed else ENGINES[0])


def _best(times: Sequence[Latency]) -> tuple[str, str]:
    best = min(times, key=lambda time: time.ms, default=None)
    return ("float", "") if best is None else (best.variant, best.engine)


def _rough(plan: Plan) -> Plan:
    """The same tensors in integers, with nothing searched for."""
    return replace(plan, search="minmax", head="int8", equalise=False, correct_bias=False, rounding="nearest")


def plans(target: str) -> Mapping[str, Plan]:
    """How to quantize, by target; `auto` is this machine, and OpenVINO beside it."""
    wanted = (here(), "openvino") if target == "auto" else (target,)
    return {name: Plan(target=name, weights=WEIGHTS) for name in get_args(Target) if name in wanted}


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
    name: str, plan: Plan, model: ModelProto, feeds: Feeds, judge: Judge, max_drop: float | None, progress: Progress
) -> Variant:
    """A variant that keeps the metric, or the last that was tried.

    All layers with weights of fewer bits first. Where nobody set a bound, bytes count as much: then without the layers
    that do harm, then so with 8 bits. Else with 8 bits, then so with the fewest layers given back that hold it.
    """
    work, near = Workshop(model, feeds, plan), least_cosine(model, feeds, LOOKED_AT)

    def make(floats: frozenset[str], plan: Plan = plan, work: Workshop = work) -> Variant:
        done = quantize(model, feeds, replace(plan, keep_float=plan.keep_float | floats), workshop=work)
        small, grids = lighter.floats_packed(done.model, near, HARMLESS, feeds)
        found = judge.quality(small)
        drop, cosine = judge.best - found.worse, min(found.cosine.values())
        keeps = drop <= max_drop if max_drop is not None else _little(found, judge) and cosine >= LEAST_COSINE
        return Variant(name, small, grids, drop, cosine, done.kept_float, keeps)

    def holds(made: Variant) -> bool:
        return made.keeps

    first = make(frozenset())
    progress(0.1)
    if holds(first):
        return first
    fine = replace(plan, weights=8)
    exact = Workshop(model, feeds, fine)
    if max_drop is None:
        harms = sensitivity(model, feeds, None, plan, lambda part: progress(0.1 + 0.7 * part), work)
        harmful = frozenset(layer for layer, harm in harms[: _most(harms)] if harm > HARMFUL)
        made = make(harmful) if harmful else first
        return made if holds(made) else make(harmful, fine, exact)
    finer = make(frozenset(), fine, exact)
    progress(0.2)
    if holds(finer):
        return finer
    harms = sensitivity(model, feeds, None, fine, lambda part: progress(0.2 + 0.6 * part), exact)
    worst = [layer for layer, _ in harms[: _most(harms)]]
    return given_back(worst, lambda floats: make(floats, fine, exact) if floats else finer, holds)


def _most(harms: Sequence[object]) -> int:
    """How many layers are given back at most."""
    return max(1, round(GIVEN_BACK * len(harms)))


def _little(found: Quality, judge: Judge) -> bool:
    """Whether a candidate costs as little as it may where the user says nothing."""
    return judge.best - found.value <= KEEPS[judge.name] and (found.matched is None or found.matched >= MATCHED)
