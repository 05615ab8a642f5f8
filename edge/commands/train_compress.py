"""`edge train-compress`: prune a network and let its weights share values while it is trained."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from edge.commands.numbers import FloatRange
from edge.commands.output import JSON, print_json
from edge.commands.written import check_writable, write
from edge.engines.base import need
from edge.errors import UserError
from edge.models.packed.read import read
from edge.tools.graph import INSTALL
from edge.tools.train import report
from edge.tools.train.augment import Deform
from edge.tools.train.data import check_batch, read_data
from edge.tools.train.fit import Epoch
from edge.tools.train.job import Made, make, source
from edge.tools.train.recipe import RECIPES, Recipe

USUAL = Recipe()
NEAR = 1.02
"""What counts as the density that was asked for, in times it."""


@click.command("train-compress")
@click.argument("model")
@click.argument("data", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The packed file to write.")
@click.option("--manifest", type=click.Path(path_type=Path), help="The model's manifest, if it is not beside it.")
@click.option(
    "--density",
    type=FloatRange(0, 1, min_open=True),
    help=f"The share of weights that stay. [default: {USUAL.density:g}]",
)
@click.option("--ratio", type=FloatRange(1, min_open=True), help="How many times smaller the file is to be.")
@click.option(
    "--bits",
    type=click.IntRange(0, 8),
    help=f"A layer's weights share 2^BITS values; 0: each its own. [default: {USUAL.bits}]",
)
@click.option(
    "--filters",
    default=0.0,
    type=FloatRange(0, 1, max_open=True),
    help="Share of the work to save by filters. [default: 0]",
)
@click.option("--epochs", type=click.IntRange(1), help=f"Passes over the training pictures. [default: {USUAL.epochs}]")
@click.option("--batch", type=click.IntRange(1), help=f"Pictures a step. [default: {USUAL.batch}]")
@click.option(
    "--rate", type=FloatRange(0, 1, min_open=True), help=f"The highest learning rate. [default: {USUAL.rate:g}]"
)
@click.option(
    "--deform", type=FloatRange(0, 4), help="How much pictures are deformed: 1 suits digits, 0 none. [default: 0]"
)
@click.option("--distil", is_flag=True, help="Match the outputs of the model before compression as well.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of everything that is drawn.")
@click.option(
    "--validation",
    type=FloatRange(0, 0.9, min_open=True),
    help=f"Share of the training pictures to choose by. [default: {USUAL.validation:g}]",
)
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1, 256), help="CPU threads.")
@click.option(
    "--report", "folder", type=click.Path(path_type=Path), help="Write report.html, with curves, into this folder."
)
@JSON
def train_compress(
    model: str,
    data: Path,
    output: Path,
    manifest: Path | None,
    ratio: float | None,
    filters: float,
    seed: int,
    folder: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Train MODEL, an ONNX file or a built-in architecture, on DATA, an .npz with Xtr, ytr and perhaps Xte, yte, until
    few weights with few values do its work; write it as a packed file.

    Built in, with defaults of their own: lenet-300-100, lenet-5, convnet."""
    if ratio is not None and given["density"] is not None:
        raise UserError("`--density` and `--ratio` exclude one another: either says how many weights stay")
    if output.suffix != ".epk":
        raise UserError(f"--output {output}: a packed file is called NAME.epk")
    check_writable(output, over=Path(model))
    if folder is not None:
        need("matplotlib", INSTALL)
        check_writable(folder / "report.html", made=True)
    recipe = _recipe(model, seed, given)
    origin = source(model, seed, manifest)
    samples = read_data(data, origin.sample)
    check_batch(len(samples.train), recipe.validation, given["batch"])
    with _Shown() as told:
        made = make(origin, samples, recipe, ratio or 0.0, filters, told.epoch, told.progress)
    write(output, made.content)
    if folder is not None:
        report.write(folder, made, read(output), recipe)
    _print(made, output, ratio, as_json)
    for line in _short(made, ratio, recipe):
        click.echo(f"edge: {line}", err=True)


def _recipe(model: str, seed: int, given: dict[str, Any]) -> Recipe:
    """The recipe of an architecture, or the usual one, with what the user sets."""
    recipe = RECIPES.get(model, Recipe())
    deform, distil = given.pop("deform"), given.pop("distil")
    recipe = replace(recipe, seed=seed, **{key: value for key, value in given.items() if value is not None})
    if deform is not None:
        recipe = replace(recipe, deform=Deform().scaled(deform) if deform else None)
    return replace(recipe, distil=0.5) if distil else recipe


def _print(made: Made, output: Path, asked: float | None, as_json: bool) -> None:
    chosen = made.fitted.chosen
    if as_json:
        print_json(
            {
                "output": str(output),
                "bytes": len(made.content),
                "plain_bytes": made.plain,
                "ratio": round(made.ratio, 2),
                "ratio_reached": asked is None or made.ratio >= asked,
                "weights": chosen.kept,
                "epoch": chosen.number,
                "validation_error": chosen.error,
                "test_error": made.error,
            }
        )
        return
    tested = "" if made.error is None else f", of the test pictures {made.error:.2%}"
    click.echo(f"{output}: {len(made.content)} bytes, {made.ratio:.1f} times smaller; {chosen.kept} weights stay")
    click.echo(f"wrong of the validation pictures {chosen.error:.2%} (epoch {chosen.number}){tested}")


def _short(made: Made, ratio: float | None, recipe: Recipe) -> Iterator[str]:
    """What falls short of what was asked for, a line each."""
    fitted = made.fitted
    if ratio is not None and made.ratio < ratio:
        yield (
            f"{made.ratio:.1f} times smaller is not the {ratio:g} times that were asked for: "
            "ask for more epochs, fewer bits or more filters"
        )
    if ratio is None and fitted.density > NEAR * recipe.density:
        yield (
            f"{fitted.density:.1%} of the weights stayed, not the {recipe.density:.1%} that were asked for: "
            "the steps were too few; ask for more epochs or a smaller batch"
        )
    if not fitted.learned:
        yield (
            f"it has hardly learned: {fitted.chosen.error:.2%} of the validation pictures are wrong, and always naming "
            f"the commonest class gives {fitted.guessed:.2%}; check labels, ask for more epochs or keep more weights"
        )


class _Shown:
    """A line an epoch on stderr, and a bar where that is a terminal."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> _Shown:
        if sys.stderr.isatty():
            console = need("rich.console", INSTALL).Console(stderr=True)
            self._bar = need("rich.progress", INSTALL).Progress(console=console, transient=True)
            self._task = self._bar.add_task("training", total=1.0)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def epoch(self, phase: str, epoch: Epoch) -> None:
        """An epoch has ended."""
        kind = "as it is, " if phase == "first" else "compressed, " if epoch.compressed else ""
        line = f"{kind}epoch {epoch.number}: loss {epoch.loss:.4f}, wrong {epoch.error:.2%}, {epoch.kept} weights"
        if self._bar is not None:
            self._bar.console.print(line, highlight=False)
        else:
            click.echo(line, err=True)

    def progress(self, part: float) -> None:
        """So much of the phase is done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=part)
