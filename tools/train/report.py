"""A page on one training run: its curves, and where the bytes are."""

from __future__ import annotations

import html
from dataclasses import fields
from pathlib import Path
from typing import Any

from edge.errors import UserError
from edge.models.packed.read import Packed
from edge.tools.page import BLUE, GREY, ORANGE, page, plot, table
from edge.tools.train.job import Made
from edge.tools.train.recipe import Recipe


def write(folder: Path, made: Made, packed: Packed, recipe: Recipe) -> Path:
    """Write `report.html` into a folder, which is made where it is missing, and say where it is.

    Args:
        packed: the file that came of it, read.

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
    parts = [
        f"<p>{html.escape(summary)}</p>",
        plot(lambda axes: _curves(axes, made), 4.0),
        "<h2>Tensors</h2>",
        table(("tensor", "shape", "codec", "not 0", "bytes", "bits a weight"), _tensors(packed)),
        "<h2>Recipe</h2>",
        table(("setting", "value"), recipe_rows),
    ]
    path = folder / "report.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(page(f"{packed.manifest.name}, compressed while trained", parts), encoding="utf-8")
    except OSError as fault:
        raise UserError(f"{path}: cannot be written: {fault.strerror}") from None
    return path


def _tensors(packed: Packed) -> list[tuple[object, ...]]:
    """A row a tensor."""
    return [
        (t.name, " x ".join(map(str, t.shape)), t.codec, t.nonzero, t.bytes, t.bits_per_weight) for t in packed.tensors
    ]


def _curves(axes: Any, made: Made) -> None:
    """Error and weights by epoch."""
    numbers = [epoch.number for epoch in made.fitted.epochs]
    axes.plot(numbers, [100 * epoch.error for epoch in made.fitted.epochs], color=BLUE)
    axes.axvline(made.fitted.chosen.number, color=GREY, linewidth=1)
    axes.set(xlabel="epoch", ylabel="wrong of the validation samples, % (blue)", ylim=(0, None))
    right = axes.twinx()
    right.plot(numbers, [epoch.kept for epoch in made.fitted.epochs], color=ORANGE)
    right.set(ylabel="weights that are not 0 (orange)", yscale="log")
    right.spines.right.set_visible(True)
