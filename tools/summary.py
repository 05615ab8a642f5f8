"""What is told of a compression: for people, for programs, and what stays in the file."""

from __future__ import annotations

from collections import Counter
from typing import Any

from edge.models.packed import Coded
from edge.models.packed.read import Packed
from edge.models.store import Model
from edge.tools.compress import Made, Settings, Step
from edge.tools.faster import Choice


def kept_in_file(made: Made) -> dict[str, Any]:
    """The report in the packed file: quality and latency as measured here; short."""
    kept: dict[str, Any] = {}
    if made.steps:
        kept["steps"] = [step.name for step in made.steps]
        last = made.steps[-1].quality
        if last is not None:
            kept |= {"metric": last.metric, "value": round(last.value, 5)}
    if made.choice is not None:
        name, engine = made.choice.fastest
        kept["fastest"] = f"{name} on {engine}"
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
    elif wanted.prune_filters:
        said.append("fewer filters are computed: it is faster on every engine; `edge bench` measures by how much")
    else:
        said.append("fewer bytes, computed as before: not faster")
    if not wanted.lossless and wanted.calibrate is None:
        said.append("what it costs was not measured: give pictures with --calibrate")
    return said


def _speed(choice: Choice) -> list[str]:
    name, engine = choice.fastest
    said = [f"fastest here: {name} on {engine}"] if engine else ["no engine here could be timed"]
    for variant in choice.variants:
        times = [time for time in choice.latencies if time.variant == variant.name]
        each = ", ".join(f"{time.ratio:.2f} x as fast as float on {time.engine}" for time in times)
        said.append(f"{variant.name}: {each or 'no engine here runs it'}")
        if variant.drop is not None and variant is not choice.chosen:
            cost = f"{variant.drop:.3g} of the metric, and its outputs' cosine is {variant.cosine:.3f}"
            said.append(f"{variant.name}: left out, it costs {cost}")
    if choice.chosen is None:
        said.append("no integer variant is faster here, so weights alone are integers: fewer bytes, computed in float")
    else:
        said.append(f"written: {choice.chosen.name}")
    return said


def _step(step: Step) -> dict[str, Any]:
    quality = step.quality
    if quality is None:
        return {"name": step.name, "metric": None, "value": None, "cosine": {}, "max_error": {}, "sqnr_db": {}}
    return {
        "name": step.name,
        "metric": quality.metric,
        "value": quality.value,
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
