"""`edge steer imitate`: teach a pilot by an expert, in a simulator."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from edge.commands.output import JSON, print_json
from edge.commands.shown import shown
from edge.commands.written import check_writable, write
from edge.tools.steer import imitate as teaching
from edge.tools.steer.export import check_suffix, check_writer, exported
from edge.tools.steer.imitate import Recipe, Round
from edge.tools.steer.network import manifest
from edge.tools.steer.squeeze import NET, NOTES

USUAL = Recipe()


@click.command()
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write: packed (.epk), or .onnx or .tflite with its manifest beside it.",
)
@click.option("--seed", default=USUAL.seed, show_default=True, type=click.IntRange(0), help="Of everything drawn.")
@click.option("--tracks", default=USUAL.tracks, show_default=True, type=click.IntRange(1, 1000), help="To learn from.")
@click.option(
    "--rounds", default=USUAL.rounds, show_default=True, type=click.IntRange(0, 100), help="Of driving and correcting."
)
@click.option(
    "--steps",
    default=USUAL.steps,
    show_default=True,
    nargs=2,
    type=click.IntRange(1),
    help="Of learning, before the first round and after each.",
)
@JSON
def imitate(output: Path, seed: int, tracks: int, rounds: int, steps: tuple[int, int], as_json: bool) -> None:
    """Teach a network of 52 parameters to drive as an expert does who knows the road, in our own simulator: poses at
    random first, then wherever it drives by itself. Takes a few minutes; needs the extra `train`."""
    check_suffix(output)
    check_writable(output)
    check_writer(output)
    recipe = Recipe(seed=seed, tracks=tracks, rounds=rounds, steps=steps)
    with shown() as bar:
        made = teaching.imitate(recipe, lambda done: bar.line(_line(done)), bar.progress)
    chosen = {key: round(value, 6) for key, value in asdict(made.chosen).items()}
    described = manifest(NET, output.stem, NOTES)
    files = exported(output, NET, made.weights, described, {"seed": seed, "tracks": tracks, **chosen})
    for path, content in files.items():
        write(path, content)
    parameters = sum(array.size for array in made.weights.values())
    if as_json:
        print_json(
            {"output": str(output), "bytes": len(files[output]), "parameters": parameters, "seed": seed, **chosen}
        )
        return
    click.echo(f"{output}: {len(files[output])} bytes, {parameters} parameters, of round {made.chosen.number}")


def _line(done: Round) -> str:
    learned = f"round {done.number}: {done.samples} pictures, loss {done.loss:.4f}"
    return f"{learned}; {done.laps} laps, cross-track RMS of the worst {done.rms_m:.2f} m"
