"""A page on one training run: its curves, and where the bytes are."""

from __future__ import annotations

import html
import io
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from edge.engines.base import need
from edge.errors import UserError
from edge.models.packed import read
from edge.tools.train.job import Made
from edge.tools.train.recipe import Recipe

INSTALL = "pip install 'edge-runtime[tools]'"
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 15px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }}
td, th {{ text-align: right; padding: .1em .8em }} td:first-child, th:first-child {{ text-align: left }}
</style>
<h1>{title}</h1>
<p>{summary}</p>
{curves}
<h2>Tensors</h2>
{tensors}
<h2>Recipe</h2>
{recipe}
</html>
"""


def write(folder: Path, name: str, made: Made, recipe: Recipe) -> Path:
    """Write `index.html` into a folder, which is made where it is missing, and say where it is.

    Raises:
        UserError: the folder cannot be written.
        MissingError: matplotlib is not here.
    """
    chosen = made.fitted.chosen
    tested = "" if made.error is None else f", of the test samples {made.error:.2%} by the packed file on an engine"
    summary = (
        f"{len(made.content)} bytes instead of {made.plain}: {made.ratio:.1f} times smaller. Epoch {chosen.number} was "
        f"chosen; it puts {chosen.error:.2%} of the validation samples into a wrong class{tested}."
    )
    recipe_rows = [(field.name, str(getattr(recipe, field.name))) for field in fields(recipe)]
    page = PAGE.format(
        title=html.escape(f"{name}, compressed while trained"),
        summary=html.escape(summary),
        curves=_curves(made),
        tensors=_table(("tensor", "shape", "codec", "not 0", "bytes", "bits a weight"), _tensors(folder, made)),
        recipe=_table(("setting", "value"), recipe_rows),
    )
    path = folder / "index.html"
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as fault:
        raise UserError(f"{path}: cannot be written: {fault.strerror}") from None
    return path


def _tensors(folder: Path, made: Made) -> list[tuple[str, ...]]:
    """A row a tensor; leaves the packed file beside the page."""
    path = folder / "model.epk"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made.content)
    except OSError as fault:
        raise UserError(f"{folder}: cannot be written: {fault.strerror}") from None
    return [
        (t.name, " x ".join(map(str, t.shape)), t.codec, str(t.nonzero), str(t.bytes), f"{t.bits_per_weight:.3f}")
        for t in read(path).tensors
    ]


def _curves(made: Made) -> str:
    """Error and weights by epoch, as SVG."""
    need("matplotlib", INSTALL).use("svg")
    figure, left = need("matplotlib.pyplot", INSTALL).subplots(figsize=(9, 4))
    numbers = [epoch.number for epoch in made.fitted.epochs]
    left.plot(numbers, [100 * epoch.error for epoch in made.fitted.epochs], color="tab:blue")
    left.axvline(made.fitted.chosen.number, color="0.7", linewidth=1)
    left.set(xlabel="epoch", ylabel="wrong of the validation samples, % (blue)", ylim=(0, None))
    right = left.twinx()
    right.plot(numbers, [epoch.kept for epoch in made.fitted.epochs], color="tab:orange")
    right.set(ylabel="weights that are not 0 (orange)", yscale="log")
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    need("matplotlib.pyplot", INSTALL).close(figure)
    text = drawn.getvalue()
    return text[text.index("<svg") :]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [("th", head), *(("td", row) for row in rows)]
    cells = ("".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) for tag, row in lines)
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"
