"""The steps that make a model lighter, each from a draft to the next, held to the metric where one is set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Feeds
from edge.errors import UserError
from edge.models.packed.values import mini
from edge.models.packed.weight import Grid
from edge.tools import biases, graph, grids, prune, share
from edge.tools.control import coarsest, finest, given_back
from edge.tools.filters.prune import prune_filters
from edge.tools.judge import Harm, Judge
from edge.tools.layers import F64, Layer, layers, look, moments
from edge.tools.quantize import half
from edge.tools.quantize.weights import grid_of, scales_of
from edge.tools.settings import Settings
from edge.tools.train import tune
from edge.types import F32

if TYPE_CHECKING:
    from onnx import ModelProto

FINER = 1 / 16
"""Of the error that grids chosen filter by filter would have, what those that are fitted to the outputs may have:
with a quarter, YOLOX-nano, whose plain 8-bit grids are rough, loses people that the original sees."""
RELUCTANCE = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
"""How much further than half a step a number must have moved for its new code, from try to try."""
LEAST = 0.02
"""Of the arithmetic: less is not worth cutting filters for."""
SIDES = {"NCHW": (2, 3), "NHWC": (1, 2)}
"""Axes of height and width."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A model on its way.

    grids: of weights that lie on one
    harms: of layers, the error of the outputs with each alone compressed
    """

    model: ModelProto
    grids: Mapping[str, Grid] = field(default_factory=dict)
    harms: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Work:
    """What steps work with.

    feeds: to calibrate on; empty: none
    judge: None without feeds
    max_drop: of the metric, below the original; None: no bound
    size: of the file that a draft becomes, bytes; None where that has no bound
    max_bytes: the bound
    original: the model before the first step; None: nothing is trained
    """

    feeds: Feeds
    judge: Judge | None
    max_drop: float | None
    progress: Callable[[str, float], None] = lambda doing, part: None
    size: Callable[[Draft], int] | None = None
    max_bytes: int = 0
    original: ModelProto | None = None

    def holds(self, draft: Draft) -> bool:
        """Whether a draft keeps the metric, as far as one is set."""
        return self.judge is None or self.max_drop is None or self.judge.drop(draft.model) <= self.max_drop

    def tell(self, doing: str) -> Callable[[float], None]:
        """The progress of one thing."""
        return lambda part: self.progress(doing, part)


@dataclass(frozen=True, slots=True)
class Done:
    """What a step made.

    name: what was done, in a few words
    saved: share of the multiply-accumulates that are no longer computed
    """

    draft: Draft
    name: str
    saved: float = 0.0


def filters(draft: Draft, work: Work, fraction: float) -> Done:
    """Whole filters cut out; a fraction that costs too much is halved until it holds."""
    part = fraction
    while True:
        done = prune_filters(
            draft.model, part, work.feeds or None, progress=lambda said: work.progress(f"filters: {said}", 0.0)
        )
        made = replace(draft, model=done.model)
        before, after = done.report.macs
        saved = 1 - after / before
        if saved <= 0:
            return Done(draft, "filters: left out, too few to cut")
        if work.holds(made):
            said = f"filters pruned: {percent(saved)} of the arithmetic saved, {percent(fraction)} asked"
            return Done(made, said, saved)
        part /= 2
        if part < LEAST:
            return Done(draft, "filters: left out, --max-drop")


def pruned(draft: Draft, work: Work, fraction: float) -> Done:
    """Weights dropped by the harm they do."""
    weights, of = floats(draft.model)
    harm, seen = None, None
    if work.feeds:
        harm = Harm.of(draft.model, work.feeds, len(of))
        seen = moments(draft.model, work.feeds, of, progress=work.tell("looking at the layers"))
    changed = prune.prune(weights, of, fraction, seen, harm, work.tell("pruning"))
    made = _held(draft, work, changed, harm)
    left = graph.weights(made.model)
    if changed and all(np.array_equal(left[name], weights[name]) for name in changed):
        return Done(made, "weights: none pruned, --max-drop")
    zeros = sum(int(np.count_nonzero(left[name] == 0)) for name in of) / sum(weights[name].size for name in of)
    return Done(made, f"weights pruned: {percent(zeros)} of them are 0, {percent(fraction)} asked")


def shared(draft: Draft, work: Work, bits: int) -> Draft:
    """Each layer's weights replaced by the 2^bits that they share."""
    weights, of = floats(draft.model)
    seen = moments(draft.model, work.feeds, of, progress=work.tell("looking at the layers")) if work.feeds else None
    changed: dict[str, F32] = {}
    for number, (name, weight) in enumerate(weights.items()):
        importance = _importance(weight, of[name], seen[name]) if seen is not None and name in of else None
        changed[name] = share.shared(weight, bits, importance)
        work.progress("sharing weights", (number + 1) / len(weights))
    return _held(draft, work, changed, Harm.of(draft.model, work.feeds, len(of)) if work.feeds else None)


def halved(draft: Draft) -> Draft:
    """Weights in float16, computed in float32."""
    return Draft(half(draft.model), {}, draft.harms)


def gridded(draft: Draft, work: Work, bits: int) -> Draft:
    """Weights on uniform grids, computed in float.

    Without pictures each filter has 2^bits - 1 levels. With pictures the grids are fitted to the outputs: of the
    error that the former have, `FINER` is kept to with the fewest bits; or as much as `max_drop` allows, or as
    little as fits into `max_bytes`. Biases make
    up for what rounding shifts.
    """
    weights, of = floats(draft.model)
    flat = {name: flat_grid(weight, of.get(name), bits) for name, weight in weights.items()}
    if not work.feeds:
        return _on(draft, flat)
    inner = {name: weights[name] for name in of}
    harm = Harm.of(draft.model, work.feeds, len(of))
    fed = look(draft.model, work.feeds, of, progress=work.tell("looking at the layers"))
    held = graph.vectors(draft.model)
    seen = {name: one.centred(biases.SHARE if of[name].bias in held else 0.0) for name, one in fed.items()}
    sensitive = grids.sensitivity(inner, of, seen, harm, work.tell("what each layer costs"))
    others = {name: grid for name, grid in flat.items() if name not in of}
    base = harm({name: grid.values() for name, grid in flat.items()})

    def make(error: float) -> Draft:
        steps = grids.fitting(inner, sensitive, error)
        made = {name: grids.on_grid(weights[name], of[name], seen[name], steps[name]) for name in of}
        rests = {name: weights[name] - grid.values() for name, grid in made.items()}
        moved = biases.corrected(held, of, fed, rests)
        coded = biases.on_grid(moved, of, seen, rests)
        model = graph.replace(draft.model, moved)
        harms = {name: cost.harm for name, cost in sensitive.items()}
        return replace(_on(replace(draft, model=model), {**others, **made, **coded}), harms=harms)

    if work.size is not None:
        count = sum(int(np.count_nonzero(array)) for array in inner.values())
        return finest(make, work.size, work.max_bytes, FINER * base, count)
    if work.max_drop is None:
        return make(FINER * base)
    return coarsest(make, work.holds, FINER * base)


def tuned(draft: Draft, work: Work, wanted: Settings) -> Draft:
    """Codes trained so that the outputs match the original's; the same draft where that makes nothing better.

    A file that has become too large gets codes back that moved least.
    """
    if work.judge is None or work.original is None:
        return draft
    layout = work.judge.manifest.input.layout
    plan = tune.Plan(wanted.tune, SIDES.get(layout), wanted.seed, wanted.threads)
    done = tune.tune(work.original, draft.model, draft.grids, work.feeds, plan, work.tell("tuning"))
    for reluctance in RELUCTANCE:
        made = _on(draft, done.grids(reluctance))
        if work.size is None or work.size(made) <= work.max_bytes:
            better = work.judge.error(made.model) < work.judge.error(draft.model)
            return made if better and work.holds(made) else draft
    return draft


def _held(draft: Draft, work: Work, changed: Mapping[str, F32], harm: Harm | None) -> Draft:
    """The draft with these weights, without those whose harm breaks the metric."""
    if harm is None or work.max_drop is None:
        return _with(draft, changed)
    harms = {}
    for number, (name, array) in enumerate(changed.items()):
        harms[name] = harm({name: array})
        work.progress("what each layer costs", (number + 1) / len(changed))
    worst = sorted(harms, key=lambda name: -harms[name])

    def make(back: frozenset[str]) -> Draft:
        return _with(draft, {name: array for name, array in changed.items() if name not in back})

    return replace(given_back(worst, make, work.holds), harms=harms)


def percent(share: float) -> str:
    """A share as people read it."""
    return f"{round(100 * share, 1):g} %"


def floats(model: ModelProto) -> tuple[dict[str, F32], dict[str, Layer]]:
    """The float32 weights that are no bias, and those of them whose input is known."""
    used = graph.consumers(model)
    held = graph.weights(model)
    weights = {
        name: array
        for name, array in held.items()
        if array.dtype == np.float32 and array.ndim > 1 and all(name in node.input[:2] for node in used.get(name, ()))
    }
    if not weights:
        raise UserError("this model has no float weights that could be made lighter: it is quantized already")
    return weights, {name: layer for name, layer in layers(model).items() if name in weights}


def flat_grid(weight: F32, layer: Layer | None, bits: int) -> Grid:
    """Each value at the nearest of 2^bits - 1 levels of its filter, whose ends are where squared errors are least."""
    axis, most = (layer.axis if layer else 0), 2 ** (bits - 1) - 1
    return grid_of(weight, mini(scales_of(weight, axis, most)), axis, most)


def floats_packed(
    model: ModelProto, near: Callable[[ModelProto], float], harmless: float, feeds: Feeds
) -> tuple[ModelProto, dict[str, Grid]]:
    """Float layers' weights on grids of 255 levels a filter where that does no harm, else in float16.

    Values are rounded to the nearest, and where that is too much so that the layer's output stays near.

    Args:
        near: how near a model is to the original; more is better.
        harmless: what all of them together may take from that.
    """
    held = graph.weights(model)
    of = {name: layer for name, layer in layers(model).items() if held[name].dtype == np.float32}
    most = np.finfo(np.float16).max
    halves = {name: held[name].astype(np.float16).astype(np.float32) for name in of if np.abs(held[name]).max() < most}
    made, found = graph.replace(model, halves), {}
    least = near(made) - harmless
    for name, layer in sorted(of.items(), key=lambda pair: -held[pair[0]].size):  # where it saves most comes first
        grid = flat_grid(held[name], layer, 8)
        tried = graph.replace(made, {name: grid.values()})
        if near(tried) < least:
            grid = grids.on_scales(held[name], layer, moments(made, feeds, {name: layer})[name], grid.scales)
            tried = graph.replace(made, {name: grid.values()})
        if near(tried) >= least:
            made, found[name] = tried, grid
    return made, found


def _importance(weight: F32, layer: Layer, moment: F64) -> NDArray[np.floating]:
    """How much an error of each weight counts: the mean square of what it is multiplied with."""
    rows = layer.rows(weight)
    counted = np.broadcast_to(np.einsum("gii->gi", moment)[:, None, :], rows.shape)
    return layer.back(np.ascontiguousarray(counted))


def _with(draft: Draft, arrays: Mapping[str, F32]) -> Draft:
    return Draft(graph.replace(draft.model, arrays), {}, draft.harms)


def _on(draft: Draft, made: Mapping[str, Grid]) -> Draft:
    """The draft with weights on grids, and biases of no more than float16's eleven bits, which are coded in two bytes.

    They stay float32: engines add them in float.
    """
    arrays = {name: grid.values() for name, grid in made.items()}
    others = {name: array for name, array in graph.weights(draft.model).items() if name not in made}
    halves = {name: array.astype(np.float16).astype(np.float32) for name, array in others.items() if _short(array)}
    return Draft(graph.replace(draft.model, {**halves, **arrays}), dict(made), draft.harms)


def _short(array: NDArray[Any]) -> bool:
    """Whether it is a float vector within float16's span."""
    return array.dtype == np.float32 and array.ndim == 1 and bool((np.abs(array) < np.finfo(np.float16).max).all())
