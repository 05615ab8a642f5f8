"""The report of a compression: one HTML page that needs nothing else, and the same as JSON."""

from __future__ import annotations

import html
import io
import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge.engines.base import need
from edge.errors import StorageError
from edge.paths import write_whole
from edge.tools.graph import INSTALL
from edge.tools.pareto import Point

WIDTH = 9.0
"""Inches of a plot."""
MOST_BARS = 60
"""Layers of a plot, the largest."""
STYLE = """body{font:15px/1.5 sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#222}
table{border-collapse:collapse}td,th{padding:.2em .8em;border-bottom:1px solid #ddd;text-align:left}
td.n{text-align:right}svg{max-width:100%;height:auto}"""

Draw = Callable[[Any], None]


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
    page = _page(told, curve)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / "report.html", page.encode())
        write_whole(folder / "report.json", json.dumps({**told, "pareto": points}, indent=1).encode())
    except OSError as fault:
        raise StorageError(f"{folder}: the report cannot be written: {fault.strerror or fault}") from None


def _page(told: dict[str, Any], curve: Sequence[Point]) -> str:
    title = f"{told['model']}: {told['ratio']:.2f} x smaller"
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p>{told['plain_bytes']:,} bytes before, {told['bytes']:,} after.</p>",
        "".join(f"<p>{html.escape(note)}</p>" for note in told["notes"]),
    ]
    if told["steps"]:
        rows = [(s["name"], s["metric"] or "", s["value"], _noise(s)) for s in told["steps"]]
        parts += ["<h2>Steps</h2>", _table(("step", "metric", "value", "signal to error, dB"), rows)]
        measured = [s for s in told["steps"] if s["sqnr_db"]]
        if measured:
            parts += ["<h2>Error of each output</h2>", _plot(lambda axes: _errors(axes, measured), 3.0)]
    if curve:
        parts += ["<h2>Size against error, for several settings</h2>", _plot(lambda axes: _pareto(axes, curve), 4.5)]
    if told["latency"]:
        rows = [(t["variant"], t["engine"], t["ms"], t["ratio"]) for t in told["latency"]]
        parts += ["<h2>Latency on this machine</h2>", _plot(lambda axes: _times(axes, told["latency"]), 3.0)]
        parts.append(_table(("variant", "engine", "ms", "times as fast as float"), rows))
    tensors = sorted(told["tensors"], key=lambda one: -one["bytes"])
    parts += ["<h2>Size of each layer</h2>", _plot(lambda axes: _sizes(axes, tensors[:MOST_BARS]), 5.0)]
    keys = ("name", "codec", "bytes_before", "bytes", "bits_per_weight", "nonzero")
    parts.append(_table(keys, [tuple(one[key] for key in keys) for one in tensors]))
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _noise(step: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:.1f}" for name, value in step["sqnr_db"].items())


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    top = "".join(f"<th>{html.escape(key.replace('_', ' '))}</th>" for key in head)
    body = "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{body}</table>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f'<td class="n">{value:.4g}</td>'
    return f'<td class="n">{value:,}</td>' if isinstance(value, int) else f"<td>{html.escape(str(value or ''))}</td>"


def _plot(draw: Draw, height: float) -> str:
    """A plot as SVG within the page."""
    figures, canvas = need("matplotlib.figure", INSTALL), need("matplotlib.backends.backend_svg", INSTALL)
    figure = figures.Figure(figsize=(WIDTH, height), layout="constrained")
    draw(figure.add_subplot())
    canvas.FigureCanvasSVG(figure)
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None})
    return re.sub(r"^.*?(?=<svg)", "", text.getvalue(), flags=re.DOTALL)


def _sizes(axes: Any, tensors: Sequence[dict[str, Any]]) -> None:
    places = range(len(tensors))
    axes.bar(places, [one["bytes_before"] / 1024 for one in tensors], color="#ccc", label="before")
    axes.bar(places, [one["bytes"] / 1024 for one in tensors], color="#2a6", label="after")
    axes.set_xticks(places, [one["name"][-24:] for one in tensors], rotation=90, fontsize=6)
    axes.set(ylabel="KB", yscale="log")
    axes.legend()


def _errors(axes: Any, steps: Sequence[dict[str, Any]]) -> None:
    names = list(steps[-1]["sqnr_db"])
    width = 0.8 / len(steps)
    for number, step in enumerate(steps):
        heights = [step["sqnr_db"].get(name, 0.0) for name in names]
        axes.bar([k + number * width for k in range(len(names))], heights, width, label=step["name"])
    axes.set_xticks(range(len(names)), names)
    axes.set(ylabel="signal to error, dB")
    axes.legend()


def _pareto(axes: Any, curve: Sequence[Point]) -> None:
    for kind in dict.fromkeys(point.kind for point in curve):
        some = sorted((point for point in curve if point.kind == kind), key=lambda point: point.bytes)
        axes.plot([p.bytes / 1024 for p in some], [max(p.error, 1e-12) for p in some], "o-", label=kind)
        for point in some:
            axes.annotate(point.setting, (point.bytes / 1024, max(point.error, 1e-12)), fontsize=6)
    axes.set(xlabel="KB of weights", ylabel="error of the outputs, relative", yscale="log")
    axes.legend()


def _times(axes: Any, times: Sequence[dict[str, Any]]) -> None:
    names = [f"{time['variant']}\n{time['engine']}" for time in times]
    axes.bar(range(len(times)), [time["ms"] for time in times], color="#46a")
    axes.set_xticks(range(len(times)), names, fontsize=7)
    axes.set(ylabel="ms")
