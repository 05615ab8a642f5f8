"""Integer variants of a model, and which of them is really faster on the engines that are here."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from edge.tools.control import given_back
from edge.tools.evaluate import Outputs
from edge.tools.judge import Judge
from edge.tools.quantize import Latency, Plan, Workshop, latencies, quantize, sensitivity
from edge.tools.quantize.plan import Target

if TYPE_CHECKING:
    from onnx import ModelProto

ROUNDS = 40
WORTH = 1.2
"""How often faster than float an integer model must be to be offered: less is not worth what it costs in accuracy, and
a busy machine measures as much where there is nothing."""
LEAST_COSINE = 0.98
"""Of each output with the float model's; below it a metric that still holds does so by luck."""
ROUGH = 2
"""Feeds of a variant that is only timed."""
SEARCH = 16
"""Feeds that a variant is calibrated on: ranges are settled by then, and each is run a dozen times."""
GIVEN_BACK = 0.5
"""The share of layers beyond which giving back more cannot leave anything faster."""
KEEPS = {"map": 0.02, "top1": 0.02, "cosine": 0.01}
"""By how much a metric may drop where the user says nothing."""
TARGETS = ("auto", "x86", "vnni", "arm", "openvino", "tensorrt")
CPU_FLAGS = Path("/proc/cpuinfo")

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Variant:
    """A candidate with integer arithmetic.

    drop: of the metric, below the original; None where it was not faster, so that nobody cared
    cosine: of the worst output with the original's
    kept_float: layers that stayed float
    """

    name: str
    model: ModelProto = field(repr=False)
    drop: float | None = None
    cosine: float = 0.0
    kept_float: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """What was measured, and what follows.

    latencies: of the float model first, engine by engine
    chosen: the variant that is faster than the float model's best and keeps the metric; None: none is
    fastest: of the float model and what is chosen: its name and engine; the engine is empty where none could be timed
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
    max_drop: float | None,
    threads: int = 1,
    progress: Progress = lambda part: None,
) -> Choice:
    """Time a rough integer variant for each engine beside the float model; make those well that are faster.

    How fast a variant is does not depend on its ranges, so the search for good ones is for those that are worth it.

    Args:
        feeds: to calibrate on.
        target: one of `TARGETS`; `auto` is this machine, and OpenVINO where it is here.
        max_drop: of the metric, what a variant may cost: layers are given back to float until it holds. None: a
            little (`KEEPS`), and a variant that costs more is left out, since the search takes minutes.
    """
    wanted = plans(target)
    some = feeds[:ROUGH]
    rough = {name: quantize(model, some, _rough(plan)).model for name, plan in wanted.items()}
    progress(0.2)
    times = latencies({"float": model, **rough}, feeds[0], threads=threads, rounds=ROUNDS)
    progress(0.3)
    variants = {name: Variant(name, made) for name, made in rough.items()}
    for name in faster(times):
        made = _held(
            name,
            wanted[name],
            model,
            feeds[:: -(-len(feeds) // SEARCH)],
            judge,
            max_drop,
            lambda part: progress(0.3 + 0.6 * part),
        )
        variants[name] = made
        if not _keeps(made, judge, max_drop):
            continue
        again = latencies({"float": model, name: made.model}, feeds[0], threads=threads, rounds=ROUNDS)
        if faster(again):
            best = min((time for time in again if time.variant == name), key=lambda time: time.ms)
            kept = tuple(time for time in times if time.variant != name) + tuple(t for t in again if t.variant == name)
            return Choice(tuple(variants.values()), kept, made, (name, best.engine))
    floats = [time for time in times if time.variant == "float"]
    engine = min(floats, key=lambda time: time.ms).engine if floats else ""
    return Choice(tuple(variants.values()), times, None, ("float", engine))


def faster(times: Sequence[Latency]) -> list[str]:
    """The variants that beat the float model on the engine that is best for them, and on whatever is best for it."""
    floats = min((time.ms for time in times if time.variant == "float"), default=0.0)
    found: dict[str, float] = {}
    for time in sorted(times, key=lambda time: time.ms):
        # Against drift the ratio counts on the same engine; between engines there are only the medians.
        if time.variant != "float" and time.ratio >= WORTH and floats >= WORTH * time.ms:
            found.setdefault(time.variant, time.ms)
    return sorted(found, key=lambda name: found[name])


def _keeps(made: Variant, judge: Judge, max_drop: float | None) -> bool:
    """Whether a variant keeps the metric."""
    if made.drop is None:
        return False
    if max_drop is not None:
        return made.drop <= max_drop
    return made.drop <= KEEPS[judge.name] and made.cosine >= LEAST_COSINE


def _rough(plan: Plan) -> Plan:
    """The same tensors in integers, with nothing searched for."""
    return replace(plan, search="minmax", head="int8", equalise=False, correct_bias=False, rounding="nearest")


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
    name: str, plan: Plan, model: ModelProto, feeds: Outputs, judge: Judge, max_drop: float | None, progress: Progress
) -> Variant:
    """A variant that keeps the metric, by giving its worst layers back to float; or the last that was tried."""

    work = Workshop(model, feeds, plan)

    def make(floats: frozenset[str]) -> Variant:
        wanted = replace(plan, keep_float=plan.keep_float | floats)
        done = quantize(model, feeds, wanted, progress, workshop=work)
        found = judge.quality(done.model)
        return Variant(name, done.model, judge.best - found.value, min(found.cosine.values()), done.kept_float)

    def holds(made: Variant) -> bool:
        return _keeps(made, judge, max_drop)

    first = make(frozenset())
    if max_drop is None or holds(first):
        return first
    worst = [layer for layer, _ in sensitivity(model, feeds, None, plan, workshop=work)]
    some = worst[: max(1, round(GIVEN_BACK * len(worst)))]
    return given_back(some, lambda floats: make(floats) if floats else first, holds)
