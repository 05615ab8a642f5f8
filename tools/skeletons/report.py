"""A page on one training run of the network that judges falls."""

from __future__ import annotations

import html
from dataclasses import fields
from pathlib import Path
from typing import Any

from edge.errors import UserError
from edge.tools.page import BLUE, GREY, ORANGE, page, plot, table
from edge.tools.skeletons.learn import Learned, Recipe


def write(folder: Path, learned: Learned, recipe: Recipe, size: int) -> Path:
    """Write `report.html` into a folder, which is made where it is missing, and say where it is.

    Args:
        size: of the packed file, bytes.

    Raises:
        UserError: the folder cannot be written.
        MissingError: matplotlib is not here.
    """
    chosen, weights = learned.chosen, sum(array.size for array in learned.weights.values())
    summary = (
        f"{weights} parameters in {size} bytes, learned from {learned.windows} windows. Epoch {chosen.number} was "
        f"chosen: of windows that it has not learned from, it tells {chosen.found:.1%} of those with a fall, and "
        f"{chosen.false:.2%} of those without."
    )
    rows = [
        (one.number, one.loss, one.checked, f"{one.found:.1%}", f"{one.false:.2%}", "chosen" if one is chosen else "")
        for one in learned.epochs
    ]
    parts = [
        f"<p>{html.escape(summary)}</p>",
        plot(lambda axes: _curves(axes, learned), 4.0),
        "<h2>Epochs</h2>",
        table(("epoch", "loss", "loss, others", "falls told", "others told", ""), rows),
        "<h2>Recipe</h2>",
        table(("setting", "value"), [(field.name, str(getattr(recipe, field.name))) for field in fields(recipe)]),
    ]
    path = folder / "report.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(page("Falls in seconds of joints", parts), encoding="utf-8")
    except OSError as fault:
        raise UserError(f"{path}: cannot be written: {fault.strerror}") from None
    return path


def _curves(axes: Any, learned: Learned) -> None:
    """Loss by epoch."""
    numbers = [epoch.number for epoch in learned.epochs]
    axes.plot(numbers, [epoch.loss for epoch in learned.epochs], color=BLUE)
    axes.plot(numbers, [epoch.checked for epoch in learned.epochs], color=ORANGE)
    axes.axvline(learned.chosen.number, color=GREY, linewidth=1)
    axes.set(xlabel="epoch", ylabel="loss: learned from (blue), others (orange)", ylim=(0, None))
