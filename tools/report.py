"""The report of a compression: one HTML page that needs nothing else, and the same as JSON."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edge.errors import StorageError
from edge.paths import write_whole
from edge.tools.page import BLUE, COLOURS, GREEN, GREY, aside, page, plot, table
from edge.tools.pareto import Point

MOST_BARS = 30
"""Layers of a plot, the largest."""


def write(folder: Path, told: dict[str, Any], curve: Sequence[Point]) -> None:
    """Write `report.html` and `report.json`.

    Args:
        told: as `summary.summary` gives it.
        curve: sizes and errors of several settings; empty where there was nothing to measure with.

    Raises:
        StorageError: they cannot be written.
        MissingError: matplotlib is not here.
    """
    points = [{"kind": p.kind, "setting": p.setting, "bytes": p.bytes, "error": p.error} for p in curve]
    content = _page(told, curve)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "report.html", content.encode())
        write_whole(folder / "report.json", json.dumps({**told, "pareto": points}, indent=1).encode())
    except OSError as fault:
        raise StorageError(f"{folder}: the report cannot be written: {fault.strerror or fault}") from None


def _page(told: dict[str, Any], curve: Sequence[Point]) -> str:
    title = f"{told['model']}: {told['ratio']:.2f} x smaller"
    parts = [
        f"<p>{told['plain_bytes']:,} bytes before, {told['bytes']:,} after.</p>",
        "<ul>" + "".join(f"<li>{html.escape(note)}</li>" for note in told["notes"]) + "</ul>",
        *_steps(told["steps"]),
        *_several(curve),
        *_latency(told["latency"]),
        *_layers(told["tensors"]),
    ]
    return page(title, parts)


def _steps(steps: Sequence[dict[str, Any]]) -> list[str]:
    if not steps:
        return []
    rows = [(s["name"], s["metric"] or "not measured", s["value"], s["matched"], _least(s)) for s in steps]
    parts = ["<h2>Steps</h2>", table(("step", "metric", "value", "matched", "least cosine of an output"), rows)]
    measured = [step for step in steps if step["sqnr_db"]]
    if measured:
        bars = sum(len(step["sqnr_db"]) for step in measured)
        parts += [
            "<h2>Error of each output</h2>",
            aside(
                "Signal to error, beside the original's outputs: 20 dB is an error of a tenth, 40 dB of a hundredth."
            ),
            plot(lambda axes: _errors(axes, measured), 0.7 + 0.35 * bars),
        ]
    return parts


def _several(curve: Sequence[Point]) -> list[str]:
    if not curve:
        return []
    told = (
        "Lower and further left is better. The size is that of the float weights alone, by the entropy of their "
        "values. Fitted grids are labelled by the error that they aim at, in errors of plain 8-bit grids."
    )
    title = "<h2>Size against error, for several settings</h2>"
    return [title, aside(told), plot(lambda axes: _pareto(axes, curve), 4.8)]


def _latency(times: Sequence[dict[str, Any]]) -> list[str]:
    if not times:
        return []
    rows = [(t["variant"], t["engine"], t["ms"], t["ratio"]) for t in times]
    told = "Medians of calls made in turn. Times as fast as float on the same engine: the median of each round's."
    return [
        "<h2>Latency on this machine</h2>",
        aside(told),
        plot(lambda axes: _times(axes, times), 0.7 + 0.35 * len(times)),
        table(("variant", "engine", "ms", "times as fast as float"), rows),
    ]


def _layers(tensors: Sequence[dict[str, Any]]) -> list[str]:
    largest = sorted(tensors, key=lambda one: -one["bytes_before"])[:MOST_BARS]
    keys = ["name", "codec", "bytes_before", "bytes", "bits_per_weight", "nonzero"]
    told = f"The {len(largest)} largest of {len(tensors)} coded tensors; all of them are in the table below."
    if any(one["harm"] is not None for one in tensors):
        keys.append("harm")
        told += " Harm: the relative error of the outputs with that layer alone compressed."
    rows = [tuple(one[key] for key in keys) for one in sorted(tensors, key=lambda one: -one["bytes"])]
    drawn = [plot(lambda axes: _sizes(axes, largest), 0.9 + 0.24 * len(largest))] if largest else []
    return ["<h2>Size of each layer</h2>", aside(told), *drawn, table(keys, rows)]


def _least(step: dict[str, Any]) -> float | None:
    return min(step["cosine"].values(), default=None)


def _rows(axes: Any, names: Sequence[str]) -> None:
    """Names down the side, the first on top."""
    axes.set_yticks(range(len(names)), names, parse_math=False)  # `$` is a letter of names, not of formulas
    axes.invert_yaxis()
    axes.margins(y=0.02)


def _legend(axes: Any, where: str = "best") -> None:
    axes.legend(frameon=False, loc=where)


def _sizes(axes: Any, tensors: Sequence[dict[str, Any]]) -> None:
    places = range(len(tensors))
    axes.barh(places, [one["bytes_before"] / 1024 for one in tensors], color=GREY, label="before")
    axes.barh(places, [one["bytes"] / 1024 for one in tensors], color=GREEN, label="after", height=0.5)
    _rows(axes, [one["name"][-32:] for one in tensors])
    axes.set(xlabel="KB")
    _legend(axes, "lower right")


def _errors(axes: Any, steps: Sequence[dict[str, Any]]) -> None:
    bars = [(f"{name}\n{step['name']}", db) for step in steps for name, db in step["sqnr_db"].items()]
    drawn = axes.barh(range(len(bars)), [db for _, db in bars], color=BLUE, height=0.6)
    axes.bar_label(drawn, [f"{db:.1f} dB" for _, db in bars], padding=4)
    axes.margins(x=0.1)
    _rows(axes, [name.replace("\n", ", ") for name, _ in bars])
    axes.set(xlabel="signal to error, dB")


def _pareto(axes: Any, curve: Sequence[Point]) -> None:
    for colour, kind in zip(COLOURS, dict.fromkeys(point.kind for point in curve), strict=False):
        some = sorted((point for point in curve if point.kind == kind), key=lambda point: point.bytes)
        axes.plot([p.bytes / 1024 for p in some], [max(p.error, 1e-12) for p in some], "o-", color=colour, label=kind)
        for p in some:
            at = (p.bytes / 1024, max(p.error, 1e-12))
            axes.annotate(p.setting, at, (5, 5), textcoords="offset points", fontsize=8, color=colour)
    axes.set(xlabel="KB of weights", ylabel="error of the outputs, relative", yscale="log")
    axes.grid(alpha=0.25)
    _legend(axes)


def _times(axes: Any, times: Sequence[dict[str, Any]]) -> None:
    colours = [GREY if time["variant"] == "float" else BLUE for time in times]
    drawn = axes.barh(range(len(times)), [time["ms"] for time in times], color=colours, height=0.6)
    axes.bar_label(drawn, [f"{time['ms']:.3g} ms" for time in times], padding=4)
    axes.margins(x=0.1)
    _rows(axes, [f"{time['variant']}, {time['engine']}" for time in times])
    axes.set(xlabel="ms a call")
