"""A page on one training run of a network that steers, with pictures and figures beside it."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.errors import SourceError, UserError
from edge.preprocess.image import read_image
from edge.tools.page import BLUE, GREEN, GREY, ORANGE, aside, page, plot, table
from edge.tools.steer.job import Made, Prepared, Task
from edge.tools.steer.lesson import BINS
from edge.tools.steer.overlay import overlay

PAGE, FIGURES = "report.html", "figures.json"
EVEN, WORST = 6, 3
"""Overlays: pictures evenly over what validates, and those that were told worst."""


def write(folder: Path, task: Task, prepared: Prepared, made: Made, figures: Mapping[str, Any]) -> Path:
    """Write `report.html`, `figures.json` and overlays into a folder, which is made where it is missing; and say where
    the page is.

    Args:
        figures: what the command prints as JSON

    Raises:
        UserError: the folder cannot be written.
        MissingError: matplotlib is not here.
    """
    parts = [
        f"<p>{html.escape(_summary(made, prepared))}</p>",
        "<h2>Loss</h2>",
        plot(lambda axes: _curves(axes, made), 3.5),
        "<h2>Steering that is learned from</h2>",
        aside("Grey: as it was driven. Blue: after balancing; before it is mirrored and shifted."),
        plot(lambda axes: _histogram(axes, prepared), 3.0),
        "<h2>Steering of the part that validates</h2>",
        aside("Green: driven. Orange: told by the network, which has not learned from these pictures."),
        plot(lambda axes: _drive(axes, prepared, made), 3.5),
    ]
    path = folder / PAGE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        pictures = _overlays(folder, prepared, made)
        shown = "".join(f'<img src="{name}" alt="{html.escape(what)}" loading="lazy"> ' for name, what in pictures)
        recipe = [(key, str(value)) for key, value in _settings(task, prepared).items()]
        parts += ["<h2>Pictures</h2>", f"<p>{shown}</p>", "<h2>Recipe</h2>", table(("setting", "value"), recipe)]
        path.write_text(page(f"{made.described.name}: where to steer", parts), encoding="utf-8")
        (folder / FIGURES).write_text(json.dumps(dict(figures), indent=2) + "\n", encoding="utf-8")
    except OSError as fault:
        raise UserError(f"{path}: cannot be written: {fault.strerror}") from None
    return path


def _summary(made: Made, prepared: Prepared) -> str:
    chosen = made.learned.chosen
    return (
        f"{made.parameters} parameters, learned from {len(prepared.train.said)} pictures. Epoch {chosen.number} was "
        f"chosen by {len(prepared.check.said)} later ones: its mean absolute error is {chosen.checked.mae:.3f}, "
        f"{chosen.checked.ratio:.2f} times that of always saying the mean; correlation "
        f"{chosen.checked.correlation:.2f}."
    )


def _settings(task: Task, prepared: Prepared) -> dict[str, Any]:
    recipe = {key: value for key, value in asdict(task.recipe).items() if key != "variety"}
    return {
        "family": task.family.name,
        "head": task.head,
        "rows": "{:.3f} to {:.3f} of the height".format(*prepared.rows),
        "validated": task.validated,
        **asdict(task.balance),
        **asdict(task.recipe.variety),
        **recipe,
        "epochs": task.recipe.epochs or task.family.epochs,
        "rate": task.recipe.rate or task.family.rate,
        "batch": task.recipe.batch or task.family.batch,
        "dropout": task.family.dropout if task.recipe.dropout is None else task.recipe.dropout,
    }


def _curves(axes: Any, made: Made) -> None:
    """Loss of what is learned from, and error of what validates, by epoch."""
    epochs = made.learned.epochs
    numbers = [epoch.number for epoch in epochs]
    axes.plot(numbers, [epoch.loss for epoch in epochs], color=BLUE)
    axes.plot(numbers, [epoch.checked.mae for epoch in epochs], color=ORANGE)
    axes.axvline(made.learned.chosen.number, color=GREY, linewidth=1)
    axes.set(xlabel="epoch", ylabel="loss (blue), error of\nwhat validates (orange)", ylim=(0, None))


def _histogram(axes: Any, prepared: Prepared) -> None:
    edges = np.linspace(-1, 1, BINS + 1)
    axes.hist(prepared.before, bins=edges, color=GREY)
    axes.hist(prepared.after, bins=edges, color=BLUE)
    axes.set(xlabel="steering, + to the right", ylabel="pictures", xlim=(-1, 1))


def _drive(axes: Any, prepared: Prepared, made: Made) -> None:
    axes.plot(prepared.check.said, color=GREEN)
    axes.plot(made.learned.told, color=ORANGE)
    axes.set(xlabel="picture", ylabel="steering", ylim=(-1.05, 1.05))


def _overlays(folder: Path, prepared: Prepared, made: Made) -> list[tuple[str, str]]:
    """Write them; their names, and what each shows."""
    driven, told = prepared.check.said, made.learned.told
    even = np.linspace(0, len(driven) - 1, EVEN).round().astype(int)
    worst = [k for k in np.argsort(-np.abs(told - driven)) if k not in even][:WORST]
    written = []
    for number, k in enumerate([*even, *worst], 1):
        try:
            image = read_image(prepared.samples[k].picture)
        except SourceError:  # it was there before the training
            continue
        name = f"overlay-{number}.jpg"
        drawn = overlay(image, prepared.rows, float(driven[k]), float(told[k]))
        (folder / name).write_bytes(bytes(cv2.imencode(".jpg", drawn)[1]))
        written.append((name, f"driven {driven[k]:+.2f}, model {told[k]:+.2f}"))
    return written
