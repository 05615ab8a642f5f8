"""What is told of a compression: for people, for programs, and what stays in the file."""

from __future__ import annotations

from collections import Counter
from typing import Any

from edge.models.packed.coded import Coded
from edge.models.packed.read import Packed
from edge.models.store import Model
from edge.tools.compress import Made, Step
from edge.tools.evaluate import Quality
from edge.tools.faster import EVEN, WORTH, Choice, Variant
from edge.tools.settings import Settings

FEW = 10
"""Objects, below which a detector was hardly judged."""
MUCH = 0.9
"""A metric below it, where the original's is 1, is worth a word."""


def kept_in_file(made: Made) -> dict[str, Any]:
    """The report in the packed file: quality and latency as measured here; short."""
    kept: dict[str, Any] = {}
    if made.steps:
        kept["steps"] = [step.name for step in made.steps]
        last = made.steps[-1].quality
        if last is not None:
            kept |= {"metric": last.metric, "value": round(last.value, 5)}
            if last.matched is not None:
                kept["matched"] = round(last.matched, 5)
    if made.choice is not None and made.choice.timed:
        name, engine = made.choice.fastest
        kept["fastest"] = f"{name} on {engine}" if engine else ""
    return kept


def summary(found: Model, made: Made, content: Packed, wanted: Settings) -> dict[str, Any]:
    """All that was found, JSON values: the document of `edge compress --json` and of `report.json`."""
    plain, packed = made.source.plain_bytes, content.size
    coded: dict[str, Coded] = {one.name: one for one in content.tensors}
    return {
        "model": found.manifest.name,
        "source_sha256": made.source.sha256,
        "source_bytes": found.path.stat().st_size,
        "plain_bytes": plain,
        "bytes": packed,
        "ratio": round(plain / packed, 3),
        "version": content.origin.version,
        "lossless": wanted.lossless,
        "steps": [_step(step) for step in made.steps],
        "tensors": [_tensor(name, one, made) for name, one in coded.items()],
        "codecs": dict(Counter(one.codec for one in coded.values())),
        "latency": _latency(made.choice),
        "notes": notes(made, wanted),
    }


def notes(made: Made, wanted: Settings) -> list[str]:
    """What a user should know before the file is used, a line each."""
    said = []
    if made.choice is not None:
        said += _speed(made.choice)
    elif wanted.lossless:
        said.append("every value is what it was, bit for bit")
    elif any(step.saved for step in made.steps):
        said.append("fewer filters are computed: it is faster on every engine; `edge bench` measures by how much")
    else:
        said.append("fewer bytes, computed as before: not faster")
    if not wanted.lossless and wanted.calibrate is None:
        said.append("what it costs was not measured: give pictures with --calibrate")
    if not made.unseen:
        said.append("judged on the picture that it was calibrated on: it may be worse on others; give more pictures")
    last = made.steps[-1].quality if made.steps else None
    return said if last is None else said + _judged(last, wanted)


def _judged(last: Quality, wanted: Settings) -> list[str]:
    """How much the figures are worth, and what is low."""
    pictures = f"{last.pictures} picture{'s' if last.pictures > 1 else ''}"
    if last.objects is None:
        said = [f"judged on {pictures}"]
    else:
        said = [f"judged on {pictures}, in which the original finds {last.objects} objects"]
        if last.objects < FEW:
            said.append(f"fewer than {FEW} objects tell little of a detector: give more pictures with --calibrate")
    if last.worse < MUCH and wanted.max_drop is None and wanted.labels is None:
        said.append(
            f"{last.worse_name} is {last.worse:.2f} of the original's 1: `--max-drop` bounds what this may cost"
        )
    return said


def _speed(choice: Choice) -> list[str]:
    """What was measured and what follows: what is fastest, each variant, what is written, and what would be instead."""
    name, engine = choice.fastest
    said = [f"fastest here: {name} on {engine}"] if engine else ["no engine here could be timed"]
    if not choice.timed:
        said = [f"nothing was timed for {choice.target}: it is not this machine"]
    for variant in choice.variants:
        line = f"{variant.name}, made for {variant.engine}" + (f": {_ratios(choice, variant)}" if choice.timed else "")
        if variant is not choice.chosen:
            line += _left_out(variant)
        said.append(line)
    said.append(_written(choice))
    said += [_instead(choice, variant) for variant in choice.variants if _elsewhere(choice, variant)]
    return said


def _left_out(variant: Variant) -> str:
    if variant.drop is None:
        return ""
    if variant.keeps:
        held = f" with {len(variant.kept_float)} layers in float" if variant.kept_float else ""
        return f"; left out: it keeps the metric, but{held} it was not fast enough when it was timed again"
    return f"; left out, it costs {variant.drop:.3g} of the metric, its cosine is {variant.cosine:.3f}"


def _written(choice: Choice) -> str:
    made = choice.chosen
    if made is None and not choice.timed:
        return "no integer variant keeps the metric: weights alone are integers, computed in float"
    if made is None:
        why = "is faster on " + choice.engine
        if choice.target == "auto":
            why += ", not slower on others,"
        return f"no integer variant {why} and keeps the metric: weights alone are integers, computed in float"
    line = (
        f"written: {made.name}, for {choice.engine}, which `auto` takes first; {len(made.kept_float)} layers in float"
    )
    if not choice.timed:
        return f"{line}; measure it on its target with `edge bench`"
    slow = [name for name, ratio in choice.ratios(made).items() if ratio < EVEN]
    return f"{line}; slower than float on {', '.join(slow)}" if slow else line


def _elsewhere(choice: Choice, variant: Variant) -> bool:
    """Whether a variant was not written for its speed on other engines alone."""
    ratio = choice.ratios(variant).get(variant.engine, 0.0)
    return choice.chosen is None and choice.target == "auto" and variant.drop is None and ratio >= WORTH


def _instead(choice: Choice, variant: Variant) -> str:
    return f"`--target {variant.target}` would write {variant.name} if it keeps the metric: {_ratios(choice, variant)}"


def _ratios(choice: Choice, variant: Variant) -> str:
    mine = [time for time in choice.latencies if time.variant == variant.name]
    each = ", ".join(f"{time.ratio:.2f} x as fast as float on {time.engine} ({time.ms:.3g} ms)" for time in mine)
    return each or "no engine here runs it"


def _step(step: Step) -> dict[str, Any]:
    quality = step.quality
    if quality is None:
        nothing = dict.fromkeys(("metric", "value", "matched", "pictures", "objects"))
        return {"name": step.name, **nothing, "cosine": {}, "max_error": {}, "sqnr_db": {}}
    return {
        "name": step.name,
        "metric": quality.metric,
        "value": quality.value,
        "matched": quality.matched,
        "pictures": quality.pictures,
        "objects": quality.objects,
        "cosine": dict(quality.cosine),
        "max_error": dict(quality.max_error),
        "sqnr_db": dict(quality.sqnr_db),
    }


def _tensor(name: str, one: Coded, made: Made) -> dict[str, Any]:
    return {
        "name": name,
        "shape": list(one.shape),
        "dtype": one.dtype,
        "codec": one.codec,
        "bytes": one.bytes,
        "bytes_before": made.before.get(name, 0),
        "bits_per_weight": round(one.bits_per_weight, 3),
        "nonzero": one.nonzero,
        "harm": made.harms.get(name),
    }


def _latency(choice: Choice | None) -> list[dict[str, Any]]:
    if choice is None:
        return []
    return [
        {"variant": time.variant, "engine": time.engine, "ms": round(time.ms, 3), "ratio": round(time.ratio, 3)}
        for time in choice.latencies
    ]
