"""`edge steer imitate`: teach a pilot by an expert, in a simulator."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from edge.commands.output import JSON, print_json
from edge.commands.written import check_writable, write
from edge.engines.base import need
from edge.errors import UserError
from edge.tools.graph import INSTALL
from edge.tools.steer import imitate as teaching
from edge.tools.steer.imitate import Recipe, Round
from edge.tools.steer.network import packed

USUAL = Recipe()


@click.command()
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="The packed file to write.")
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
    if output.suffix != ".epk":
        raise UserError(f"--output {output}: a packed file is called NAME.epk")
    check_writable(output)
    need("onnx", INSTALL)
    made = teaching.imitate(Recipe(seed=seed, tracks=tracks, rounds=rounds, steps=steps), _told)
    chosen = {key: round(value, 6) for key, value in asdict(made.chosen).items()}
    content = packed(made.weights, output.stem, {"seed": seed, "tracks": tracks, **chosen})
    write(output, content)
    parameters = sum(array.size for array in made.weights.values())
    if as_json:
        print_json({"output": str(output), "bytes": len(content), "parameters": parameters, "seed": seed, **chosen})
        return
    click.echo(f"{output}: {len(content)} bytes, {parameters} parameters, of round {made.chosen.number}")


def _told(done: Round) -> None:
    line = f"round {done.number}: {done.samples} pictures, loss {done.loss:.4f}"
    click.echo(f"{line}; {done.laps} laps, cross-track RMS of the worst {done.rms_m:.2f} m", err=True)
