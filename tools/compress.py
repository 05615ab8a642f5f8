"""From a model to its smallest packed file, in one straight line.

    found = find("yolox-nano")
    made = compress(found, Settings(quantize="int8", calibrate=Path("clip.mp4")))
    content = packed(made, version=1)

load, prune filters, prune, then one of share, quantize or nothing; each step is held to the metric where one is set,
measured beside the original, and what is written is coded by `edge.models.packed`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.engines.base import Feeds
from edge.errors import EdgeError, UserError
from edge.models.manifest import Manifest
from edge.models.packed.coded import Origin
from edge.models.packed.container import Sign
from edge.models.packed.pack import pack
from edge.models.packed.weight import Weight
from edge.models.store import Model
from edge.tools import faster, graph, lighter, share
from edge.tools.evaluate import Quality, check_metric
from edge.tools.faster import Choice
from edge.tools.judge import Judge
from edge.tools.lighter import Done, Draft
from edge.tools.npz import arrays
from edge.tools.pareto import Point, pareto
from edge.tools.samples import feeds
from edge.tools.settings import Settings, check
from edge.tools.sources import Source, open_source
from edge.tools.train import tune
from edge.tools.train.backend import torch

ASKED = ("prune_filters", "prune", "share")
"""Settings that change weights, but for `quantize`."""
Progress = Callable[[str, float], None]
"""Told what is being done and how far it is, 0..1."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a step left.

    name: what was done
    quality: beside the original, None where there is nothing to measure with
    saved: share of the multiply-accumulates that are no longer computed
    """

    name: str
    quality: Quality | None
    saved: float = 0.0


@dataclass(frozen=True, slots=True)
class Made:
    """A compressed model, ready to be packed.

    choice: what was found on speed; None where integer arithmetic was not asked for
    harms: of each layer, the error of the outputs with it alone compressed, where that was measured
    unseen: whether it was judged on pictures that it was not calibrated on
    """

    source: Source
    manifest: Manifest
    weights: tuple[Weight, ...]
    skeleton: bytes
    steps: tuple[Step, ...] = ()
    choice: Choice | None = None
    harms: Mapping[str, float] = field(default_factory=dict)
    before: Mapping[str, int] = field(default_factory=dict)
    unseen: bool = True


def compress(found: Model, wanted: Settings, progress: Progress = lambda doing, part: None) -> Made:
    """Compress a model as far as it is asked for.

    Raises:
        UserError: settings that contradict one another, or want pictures that were not given.
        ModelError: the file cannot be read or run.
        SourceError: the pictures cannot be read.
        EdgeError: nothing that was tried keeps to `max_drop`.
        MissingError: a package that is needed is not here.
    """
    check(wanted)
    source = _opened(found, wanted)
    if source.model is None:
        return _other_carrier(source, found.manifest, wanted)
    draft = Draft(source.model)
    before = {name: array.nbytes for name, array in graph.weights(source.model).items()}
    if wanted.lossless:
        return _made(source, found.manifest, draft, (), before)
    given = _pictures(wanted, found.manifest)
    if wanted.tune:
        tune.check(source.model, given.calibrating)
    judge = Judge.of(source.model, found.manifest, *given.judging, wanted.metric) if given.some else None
    steps: list[Step] = []
    choice, manifest = None, found.manifest

    def size(draft: Draft) -> int:
        return len(packed(_made(source, found.manifest, draft, (), before)))

    bound = wanted.max_bytes or 0
    work = lighter.Work(
        given.calibrating, judge, wanted.max_drop, progress, size if bound else None, bound, source.model
    )
    for step in _steps(wanted):
        done = step(draft, work)
        draft = done.draft
        steps.append(Step(done.name, judge.quality(draft.model) if judge else None, done.saved))
    if wanted.quantize == "int8" and judge is not None:
        draft, choice = _integers(draft, wanted, given.calibrating, judge, work)
        steps.append(
            Step("int8, computed in " + ("integers" if choice.chosen else "float"), judge.quality(draft.model))
        )
        if choice.chosen is not None:
            manifest = _first(choice.engine, manifest)
    if wanted.tune and judge is not None:
        last, draft = draft, draft if choice is not None and choice.chosen else lighter.tuned(draft, work, wanted)
        steps.append(Step(_told(draft is not last, choice), judge.quality(draft.model)))
    _check_drop(steps, judge, wanted)
    made = _made(source, manifest, draft, steps, before)
    return replace(made, choice=choice, harms=draft.harms, unseen=given.unseen)


def _opened(found: Model, wanted: Settings) -> Source:
    """The model, refused where its graph does not allow what is asked for."""
    if wanted.tune:
        torch()  # before the file is read: it may be missing
    source = open_source(found, keep_opset=wanted.lossless)
    if source.model is not None:
        graph.check_names(source.model, found.manifest)
        if wanted.tune:
            tune.check(source.model)
    return source


def _check_drop(steps: Sequence[Step], judge: Judge | None, wanted: Settings) -> None:
    """Refuse a model that misses the bound: what has no finer setting than its last was taken as it was."""
    last, most = steps[-1].quality, wanted.max_drop
    if judge is None or last is None or most is None:
        return
    lost = judge.best - last.worse
    if lost <= most:
        return
    asked = [f"--{name.replace('_', '-')}" for name in ASKED if getattr(wanted, name)]
    if wanted.quantize:
        # All before it gives back whatever breaks the bound.
        asked = [f"--quantize {wanted.quantize}"]
    raise EdgeError(
        f"`--max-drop {most:g}` was not reached: it costs {lost:.3g} of {last.worse_name}; allow more, or "
        f"leave out `{'`, `'.join(asked)}`"
    )


def packed(made: Made, version: int = 1, sign: Sign | None = None, report: Mapping[str, Any] | None = None) -> bytes:
    """The packed file of a compressed model."""
    origin = Origin(made.source.sha256, version, report or {})
    rest = made.source.rest
    return pack(made.source.carrier, made.skeleton, made.weights, made.manifest, origin, size=rest, sign=sign)


def curve(made: Made, manifest: Manifest, wanted: Settings, progress: Progress) -> list[Point]:
    """Size against error for several settings of the same model; empty without pictures, or for other carriers."""
    model = made.source.model
    if model is None or wanted.calibrate is None:
        return []
    given = _pictures(wanted, manifest).calibrating
    return pareto(graph.load(graph.to_bytes(model)), given, lambda part: progress("several settings", part))


def _steps(wanted: Settings) -> list[Callable[[Draft, lighter.Work], Done]]:
    steps: list[Callable[[Draft, lighter.Work], Done]] = []
    if wanted.prune_filters:
        steps.append(lambda draft, work: lighter.filters(draft, work, wanted.prune_filters))
    if wanted.prune:
        steps.append(lambda draft, work: lighter.pruned(draft, work, wanted.prune))
    if wanted.share:
        steps.append(lambda draft, work: Done(lighter.shared(draft, work, wanted.share), "weights shared"))
    if wanted.quantize == "fp16":
        steps.append(lambda draft, work: Done(lighter.halved(draft), "float16"))
    elif wanted.quantize == "int6" or (wanted.quantize == "int8" and wanted.calibrate is None):
        bits, name = int(wanted.quantize.removeprefix("int")), f"weights on {wanted.quantize[3:]}-bit grids"
        steps.append(lambda draft, work: Done(lighter.gridded(draft, work, bits), name))
    return steps


def _integers(
    draft: Draft, wanted: Settings, calibrating: Feeds, judge: Judge, work: lighter.Work
) -> tuple[Draft, Choice]:
    """Integer arithmetic where it is faster here and keeps the metric, else grids for weights alone."""
    choice = faster.choose(
        draft.model,
        calibrating,
        judge,
        wanted.target,
        wanted.max_drop,
        wanted.threads,
        lambda part: work.progress("integer variants", part),
    )
    if choice.chosen is not None:
        return Draft(choice.chosen.model, choice.chosen.grids, draft.harms), choice
    return lighter.gridded(draft, work, 8), choice


@dataclass(frozen=True, slots=True)
class _Pictures:
    calibrating: Feeds
    judging: tuple[Feeds, Sequence[int] | None]
    unseen: bool = True

    @property
    def some(self) -> bool:
        return bool(self.calibrating)


def _pictures(wanted: Settings, manifest: Manifest) -> _Pictures:
    """Every other sample to calibrate on, the others to judge with; both the same where there is but one."""
    if wanted.calibrate is None:
        return _Pictures((), ((), None))
    check_metric(manifest, wanted.metric)
    given: list[dict[str, NDArray[Any]]] = feeds(wanted.calibrate, manifest, wanted.pictures, wanted.seed)
    if wanted.tune and len(given) == 1:
        raise UserError(
            "`--tune` is judged on pictures that it was not trained on: give more than one with `--calibrate`; of "
            f"{wanted.calibrate} one was taken"
        )
    labels = None
    if wanted.labels is not None:
        if manifest.task != "classify":
            raise UserError(f"`--labels` are a classifier's; the task of {manifest.name} is `{manifest.task}`")
        labels = _labels(wanted, wanted.labels, wanted.calibrate, manifest)
    judging = given[1::2] or given
    judged = None if labels is None else (labels[1::2] or labels)
    return _Pictures(given[::2], (judging, judged), len(given) > 1)


def _labels(wanted: Settings, path: Path, samples: Path, manifest: Manifest) -> list[int]:
    """The classes of the samples that `feeds` takes, in its order."""
    found = next(iter(arrays(path).values()), np.empty(0)).ravel()
    count = len(arrays(samples)[manifest.input.name])
    if len(found) != count:
        raise UserError(f"{path}: {len(found)} labels, but {samples} has {count} samples")
    if found.dtype.kind not in "iu":
        raise UserError(f"{path}: labels are whole numbers, the classes; these are {found.dtype}")
    chosen = np.sort(np.random.default_rng(wanted.seed).permutation(count)[: wanted.pictures])
    return [int(label) for label in found[chosen]]


def _told(better: bool, choice: Choice | None) -> str:
    """The name of the step that tunes. Integer arithmetic has a graph of its own, which torch does not run."""
    if choice is not None and choice.chosen:
        return "not tuned: computed in integers"
    return "tuned" if better else "tuned: no better, left out"


def _first(engine: str, manifest: Manifest) -> Manifest:
    """The manifest of a file whose integers are for an engine: `auto` takes that one where it is."""
    return replace(manifest, engines=tuple(dict.fromkeys((engine, *(manifest.engines or faster.ENGINES)))))


def _made(source: Source, manifest: Manifest, draft: Draft, steps: Sequence[Step], before: Mapping[str, int]) -> Made:
    held = graph.weights(draft.model)
    weights = tuple(Weight(name, array, draft.grids.get(name)) for name, array in held.items())
    return Made(source, manifest, weights, graph.skeleton(draft.model, held), tuple(steps), before=before)


def _other_carrier(source: Source, manifest: Manifest, wanted: Settings) -> Made:
    """Of TFLite and OpenVINO files, values are kept or shared; nothing here changes their graphs."""
    if not wanted.lossless and wanted != replace(Settings(), share=wanted.share, threads=wanted.threads):
        raise UserError(
            f"of {source.carrier} models only weights can be shared (`--share`), without pictures: compress the ONNX "
            "model that this one was converted from, for more"
        )
    before = {weight.name: weight.array.nbytes for weight in source.weights}
    weights = source.weights
    if wanted.share:
        floats = {w.name for w in weights if w.array.dtype == np.float32 and w.array.ndim > 1}
        if not floats:
            raise UserError("this model has no float weights that could be shared: it is quantized already")
        weights = tuple(
            replace(w, array=share.shared(w.array, wanted.share)) if w.name in floats else w for w in weights
        )
    steps = (Step("weights shared", None),) if wanted.share else ()
    return Made(source, manifest, weights, source.skeleton, steps, before=before)
