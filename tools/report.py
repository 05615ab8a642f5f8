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
MOST_BARS = 30
"""Layers of a plot, the largest."""
INK = "#0a0b0c"
"""What plots draw text and axes in; it becomes the page's own colour, which may be a dark one or a light one."""
GREY, BLUE, ORANGE, GREEN = "#9aa0a6", "#3b7dd8", "#d97b29", "#2a9d6a"
COLOURS = (BLUE, ORANGE, GREEN, GREY)
LOOK = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
}
STYLE = """:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222;background:#fff}
h1{line-height:1.2;overflow-wrap:anywhere}h2{margin-top:2em}
ul{padding-left:1.2em}.aside{opacity:.75;max-width:45em}
.wide{overflow-x:auto}.wide svg{width:100%;min-width:40em;height:auto;display:block}
table{border-collapse:collapse}
td,th{padding:.25em .8em;border-bottom:1px solid #8884;text-align:left;white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#16181c}}"""

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
        "<ul>" + "".join(f"<li>{html.escape(note)}</li>" for note in told["notes"]) + "</ul>",
        *_steps(told["steps"]),
        *_several(curve),
        *_latency(told["latency"]),
        *_layers(told["tensors"]),
    ]
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{STYLE}</style>"
    )
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(parts)}</body></html>\n'


def _steps(steps: Sequence[dict[str, Any]]) -> list[str]:
    if not steps:
        return []
    rows = [(s["name"], s["metric"] or "not measured", s["value"], _least(s)) for s in steps]
    parts = ["<h2>Steps</h2>", _table(("step", "metric", "value", "least cosine of an output"), rows)]
    measured = [step for step in steps if step["sqnr_db"]]
    if measured:
        bars = sum(len(step["sqnr_db"]) for step in measured)
        parts += [
            "<h2>Error of each output</h2>",
            _aside(
                "Signal to error, beside the original's outputs: 20 dB is an error of a tenth, 40 dB of a hundredth."
            ),
            _plot(lambda axes: _errors(axes, measured), 0.7 + 0.35 * bars),
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
    return [title, _aside(told), _plot(lambda axes: _pareto(axes, curve), 4.8)]


def _latency(times: Sequence[dict[str, Any]]) -> list[str]:
    if not times:
        return []
    rows = [(t["variant"], t["engine"], t["ms"], t["ratio"]) for t in times]
    told = "Medians of calls made in turn. Times as fast as float on the same engine: the median of each round's."
    return [
        "<h2>Latency on this machine</h2>",
        _aside(told),
        _plot(lambda axes: _times(axes, times), 0.7 + 0.35 * len(times)),
        _table(("variant", "engine", "ms", "times as fast as float"), rows),
    ]


def _layers(tensors: Sequence[dict[str, Any]]) -> list[str]:
    largest = sorted(tensors, key=lambda one: -one["bytes_before"])[:MOST_BARS]
    keys = ["name", "codec", "bytes_before", "bytes", "bits_per_weight", "nonzero"]
    told = f"The {len(largest)} largest of {len(tensors)} coded tensors; all of them are in the table below."
    if any(one["harm"] is not None for one in tensors):
        keys.append("harm")
        told += " Harm: the relative error of the outputs with that layer alone compressed."
    rows = [tuple(one[key] for key in keys) for one in sorted(tensors, key=lambda one: -one["bytes"])]
    plot = [_plot(lambda axes: _sizes(axes, largest), 0.9 + 0.24 * len(largest))] if largest else []
    return ["<h2>Size of each layer</h2>", _aside(told), *plot, _table(keys, rows)]


def _least(step: dict[str, Any]) -> float | None:
    return min(step["cosine"].values(), default=None)


def _aside(text: str) -> str:
    return f'<p class="aside">{html.escape(text)}</p>'


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    numbers = [any(isinstance(row[place], int | float) for row in rows) for place in range(len(head))]
    top = "".join(
        f"<th{_right(number)}>{html.escape(key.replace('_', ' '))}</th>"
        for key, number in zip(head, numbers, strict=True)
    )
    body = "".join(
        "<tr>" + "".join(f"<td{_right(n)}>{_told(value)}</td>" for value, n in zip(row, numbers, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{top}</tr>{body}</table></div>'


def _right(number: bool) -> str:
    return ' class="n"' if number else ""


def _told(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else html.escape("" if value is None else str(value))


def _plot(draw: Draw, height: float) -> str:
    """A plot as SVG within the page, in the page's own colours."""
    plotting = need("matplotlib", INSTALL)
    figures, canvas = need("matplotlib.figure", INSTALL), need("matplotlib.backends.backend_svg", INSTALL)
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    text = io.StringIO()
    with plotting.rc_context(LOOK):
        figure = figures.Figure(figsize=(WIDTH, height), layout="constrained", facecolor="none")
        axes = figure.add_subplot(facecolor="none")
        draw(axes)
        canvas.FigureCanvasSVG(figure)
        figure.savefig(text, format="svg", metadata=nothing)
    drawn = re.sub(r"^.*?(?=<svg)", "", text.getvalue(), flags=re.DOTALL).replace(INK, "currentColor")
    return f'<div class="wide">{drawn}</div>'


def _rows(axes: Any, names: Sequence[str]) -> None:
    """Names down the side, the first on top."""
    axes.set_yticks(range(len(names)), names)
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
