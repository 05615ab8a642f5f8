"""Pages that need nothing else: text, tables, and plots that take the page's own colours."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from edge.engines.base import need
from edge.tools.graph import INSTALL

WIDTH = 9.0
"""Inches of a plot."""
INK = "#0a0b0c"
"""What plots draw text and axes in; it becomes the page's own colour, which may be a dark one or a light one."""
GREY, BLUE, ORANGE, GREEN = "#9aa0a6", "#3b7dd8", "#d97b29", "#2a9d6a"
COLOURS = (BLUE, ORANGE, GREEN, GREY)
_LOOK = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
}
_STYLE = """:root{color-scheme:light dark}
body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#222;background:#fff}
h1{line-height:1.2;overflow-wrap:anywhere}h2{margin-top:2em}
ul{padding-left:1.2em}.aside{opacity:.75;max-width:45em}
.wide{overflow-x:auto}.wide svg{width:100%;min-width:40em;height:auto;display:block}
table{border-collapse:collapse}
td,th{padding:.25em .8em;border-bottom:1px solid #8884;text-align:left;white-space:nowrap}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#16181c}}"""

Draw = Callable[[Any], None]


def page(title: str, parts: Iterable[str]) -> str:
    """An HTML page under a title, which is text; the parts are HTML."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>"
    )
    body = f"<h1>{html.escape(title)}</h1>{''.join(parts)}"
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def aside(text: str) -> str:
    """A paragraph of explanation."""
    return f'<p class="aside">{html.escape(text)}</p>'


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows under a head; columns that hold numbers stand to the right."""
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


def plot(draw: Draw, height: float) -> str:
    """A plot as SVG within the page, in the page's own colours.

    Args:
        draw: draws on the axes that it is given.
        height: inches; it is `WIDTH` wide.

    Raises:
        MissingError: matplotlib is not here.
    """
    plotting = need("matplotlib", INSTALL)
    figures, canvas = need("matplotlib.figure", INSTALL), need("matplotlib.backends.backend_svg", INSTALL)
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    text = io.StringIO()
    with plotting.rc_context(_LOOK):
        figure = figures.Figure(figsize=(WIDTH, height), layout="constrained", facecolor="none")
        axes = figure.add_subplot(facecolor="none")
        draw(axes)
        canvas.FigureCanvasSVG(figure)
        figure.savefig(text, format="svg", metadata=nothing)
    drawn = re.sub(r"^.*?(?=<svg)", "", text.getvalue(), flags=re.DOTALL).replace(INK, "currentColor")
    return f'<div class="wide">{drawn}</div>'


def _right(number: bool) -> str:
    return ' class="n"' if number else ""


def _told(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else html.escape("" if value is None else str(value))
