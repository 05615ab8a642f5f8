"""`edge steer train`: teach a network to steer as somebody has driven."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import click

from edge.commands.numbers import FloatRange
from edge.commands.output import JSON, print_json
from edge.commands.shown import Shown, shown
from edge.commands.written import check_writable, write
from edge.engines.base import need
from edge.errors import UserError
from edge.text import printable
from edge.tools.graph import INSTALL
from edge.tools.steer import report
from edge.tools.steer.export import check_suffix, check_writer, exported
from edge.tools.steer.families import FAMILIES, HEADS, MAINSQUEEZE, Head
from edge.tools.steer.job import Made, Prepared, Task, make, prepare
from edge.tools.steer.learn import Epoch, Recipe
from edge.tools.steer.lesson import Balance
from edge.tools.steer.recordings import read
from edge.tools.train.backend import torch

USUAL, BALANCE = Task(), Balance()
MOST_SEED = (1 << 63) - 1
"""That torch takes."""
MOST_LINES = 5
"""Faults of recordings that are told one by one."""


@click.command()
@click.argument("data", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write: packed (.epk), or .onnx or .tflite with its manifest beside it.",
)
@click.option(
    "--family", default=MAINSQUEEZE.name, show_default=True, type=click.Choice(list(FAMILIES)), help="Of networks."
)
@click.option("--head", default=USUAL.head, show_default=True, type=click.Choice(HEADS), help="How steering is told.")
@click.option(
    "--rows",
    nargs=2,
    type=FloatRange(0, 1),
    help="What is seen of a picture's height, 0 at the top. [default: by the recording]",
)
@click.option("--epochs", type=click.IntRange(1), help="Passes. [default: by the family]")
@click.option(
    "--seed",
    default=USUAL.recipe.seed,
    show_default=True,
    type=click.IntRange(0, MOST_SEED),
    help="Of all drawn.",
)
@click.option(
    "--zeros", default=BALANCE.zeros, show_default=True, type=FloatRange(0, 1), help="Part kept of steering 0."
)
@click.option(
    "--cap",
    default=BALANCE.cap,
    show_default=True,
    type=FloatRange(0),
    help="No bin of steering keeps more than so many times the mean of all; 0 caps none.",
)
@click.option(
    "--report", "folder", type=click.Path(path_type=Path), help="Write report.html, with pictures, into this folder."
)
@JSON
def train(
    data: tuple[Path, ...],
    output: Path,
    family: str,
    head: str,
    rows: tuple[float, float] | None,
    epochs: int | None,
    seed: int,
    zeros: float,
    cap: float,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Teach a network to steer by recordings: folders of the Udacity simulator (driving_log.csv) or donkeycar tubs.
    The last fifth of each is not learned from: it chooses the epoch. Needs the extras `tools` and `train`."""
    check_suffix(output)
    check_writable(output)
    check_writer(output)
    torch()
    if folder is not None:
        need("matplotlib", INSTALL)
        check_writable(folder / report.PAGE, made=True)
    if rows is not None and rows[0] >= rows[1]:
        raise UserError(f"--rows {rows[0]:g} {rows[1]:g}: the upper one comes first, 0 at the top")
    recipe = Recipe(epochs=epochs or 0, seed=seed)
    task = Task(FAMILIES[family], cast("Head", head), rows, balance=Balance(zeros, cap), recipe=recipe)
    with shown() as told:
        prepared, faults = _prepared(data, task, told)
        learning = partial(told.progress, "learning")
        made = make(task, prepared, output.stem, lambda epoch: told.line(_line(epoch)), learning)
    figures = _figures(task, prepared, made, faults)
    files = exported(output, made.net, made.learned.weights, made.described, figures)
    for path, content in files.items():
        write(path, content)
    document = {"output": str(output), "bytes": len(files[output]), **figures}
    if folder is not None:
        report.write(folder, task, prepared, made, document)
    if as_json:
        print_json(document)
        return
    checked = made.learned.chosen.checked
    click.echo(
        f"{output}: {len(files[output])} bytes, {made.parameters} parameters, epoch {made.learned.chosen.number}"
    )
    click.echo(
        f"{len(prepared.check.said)} later pictures: mean absolute error {checked.mae:.3f}, {checked.ratio:.2f} times "
        f"that of always saying the mean; correlation {checked.correlation:.2f}"
    )


def _prepared(data: Sequence[Path], task: Task, told: Shown) -> tuple[Prepared, list[str]]:
    """Lessons, and what was left out of the recordings, of which the first lines are told."""
    recordings = [read(folder) for folder in data]
    prepared = prepare(recordings, task, partial(told.progress, "reading pictures"))
    faults = [*(line for recording in recordings for line in recording.faults), *prepared.faults]
    for line in faults[:MOST_LINES]:
        told.line(printable(line))
    if len(faults) > MOST_LINES:
        told.line(f"{len(faults) - MOST_LINES} more like these; {len(faults)} in all")
    return prepared, faults


def _line(epoch: Epoch) -> str:
    checked = epoch.checked
    line = f"epoch {epoch.number}: loss {epoch.loss:.4f}; error of what validates {checked.mae:.4f}"
    return f"{line}, {checked.ratio:.2f} of the mean's, correlation {checked.correlation:.2f}"


def _figures(task: Task, prepared: Prepared, made: Made, faults: Sequence[str]) -> dict[str, Any]:
    checked = made.learned.chosen.checked
    return {
        "family": task.family.name,
        "head": task.head,
        "parameters": made.parameters,
        "seed": task.recipe.seed,
        "rows": [round(part, 4) for part in prepared.rows],
        "recorded": len(prepared.before),
        "learned_from": len(prepared.after),
        "validated_by": len(prepared.check.said),
        "left_out": len(faults),
        "starts": made.learned.starts,
        "epoch": made.learned.chosen.number,
        "angle_mae": round(checked.mae, 5),
        "of_predicting_the_mean": round(checked.ratio, 4),
        "correlation": round(checked.correlation, 4),
    }
