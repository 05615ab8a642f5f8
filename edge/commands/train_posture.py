"""`edge train-posture`: train the network that judges falls, on people who never were."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from pathlib import Path

import click

from edge.commands.output import JSON, print_json
from edge.commands.shown import shown
from edge.commands.written import check_writable, write
from edge.engines.base import need
from edge.errors import UserError
from edge.tools.graph import INSTALL
from edge.tools.skeletons import report
from edge.tools.skeletons.learn import Epoch, Recipe, learn
from edge.tools.skeletons.write import packed

USUAL = Recipe()


@click.command("train-posture")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The packed file to write.")
@click.option("--seed", default=USUAL.seed, show_default=True, type=click.IntRange(0), help="Of everything drawn.")
@click.option(
    "--sequences",
    default=USUAL.sequences,
    show_default=True,
    type=click.IntRange(40, 1_000_000),
    help="How many people are drawn.",
)
@click.option(
    "--epochs", default=USUAL.epochs, show_default=True, type=click.IntRange(1), help="Passes over their windows."
)
@click.option(
    "--report", "folder", type=click.Path(path_type=Path), help="Write report.html, with curves, into this folder."
)
@JSON
def train_posture(output: Path, seed: int, sequences: int, epochs: int, folder: Path | None, as_json: bool) -> None:
    """Train the network that judges falls beside the rules, on skeletons that walk, sit, lie down and fall by formulas
    before cameras that never were. Takes twenty minutes; needs the extra `train`."""
    if output.suffix != ".epk":
        raise UserError(f"--output {output}: a packed file is called NAME.epk")
    check_writable(output)
    need("onnx", INSTALL)
    if folder is not None:
        need("matplotlib", INSTALL)
        check_writable(folder / "report.html", made=True)
    recipe = Recipe(sequences=sequences, epochs=epochs, seed=seed)
    with shown() as bar:

        def told(epoch: Epoch) -> None:
            bar.line(_line(epoch))
            bar.progress("learning", epoch.number / epochs)

        learned = learn(recipe, told, partial(bar.progress, "drawing people"))
    chosen = learned.chosen
    measured = {"epoch": chosen.number, "falls_told": round(chosen.found, 4), "others_told": round(chosen.false, 4)}
    content = packed(learned.weights, output.stem, {"recipe": asdict(recipe), **measured})
    write(output, content)
    if folder is not None:
        report.write(folder, learned, recipe, len(content))
    weights = sum(array.size for array in learned.weights.values())
    if as_json:
        made = {"output": str(output), "bytes": len(content), "parameters": weights, "windows": learned.windows}
        print_json({**made, **measured})
        return
    click.echo(f"{output}: {len(content)} bytes, {weights} parameters, learned from {learned.windows} windows")
    click.echo(f"windows with a fall told {chosen.found:.1%}, others {chosen.false:.2%} (epoch {chosen.number})")


def _line(epoch: Epoch) -> str:
    line = f"epoch {epoch.number}: loss {epoch.loss:.4f}, of others {epoch.checked:.4f}"
    return f"{line}; falls told {epoch.found:.1%}, others {epoch.false:.2%}"
