"""`edge steer imitate`: teach a pilot by an expert, in a simulator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from edge.commands.output import JSON, print_json
from edge.commands.shown import Shown, shown
from edge.commands.written import check_writable, write
from edge.models.manifest import Manifest
from edge.tools.steer import carracing_imitate as racing
from edge.tools.steer import imitate as teaching
from edge.tools.steer.carracing import check_here
from edge.tools.steer.export import check_suffix, check_writer, exported
from edge.tools.steer.layers import Net
from edge.tools.steer.network import manifest
from edge.tools.steer.squeeze import NET, NOTES
from edge.tools.train.backend import torch

OURS, RACE = teaching.Recipe(), racing.Recipe()


def _by(ours: object, race: object) -> str:
    return f"[default: {ours}; {race} with --sim carracing]"


@click.command()
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write: packed (.epk), or .onnx or .tflite with its manifest beside it.",
)
@click.option(
    "--sim", default="ours", show_default=True, type=click.Choice(["ours", "carracing"]), help="Simulator to learn in."
)
@click.option("--seed", type=click.IntRange(0), help=f"Of everything drawn. {_by(OURS.seed, RACE.seed)}")
@click.option("--tracks", type=click.IntRange(1, 1000), help=f"To learn from. {_by(OURS.tracks, RACE.tracks)}")
@click.option(
    "--rounds", type=click.IntRange(0, 100), help=f"Of driving and correcting. {_by(OURS.rounds, RACE.rounds)}"
)
@click.option(
    "--steps",
    nargs=2,
    type=click.IntRange(1),
    help=f"Of learning, before the first round and after each. {_by(OURS.steps, RACE.steps)}",
)
@JSON
def imitate(
    output: Path,
    sim: str,
    seed: int | None,
    tracks: int | None,
    rounds: int | None,
    steps: tuple[int, int] | None,
    as_json: bool,
) -> None:
    """Teach a network to drive as an expert does who knows the road: what the expert sees first, then wherever the
    network drives by itself. In our own simulator it has 52 parameters and steers; in gymnasium's CarRacing-v3 it has
    4,845, and tells the throttle too. Takes some minutes; needs the extras `tools` and `train`, and `carracing`."""
    check_suffix(output)
    check_writable(output)
    check_writer(output)
    torch()
    given = {"seed": seed, "tracks": tracks, "rounds": rounds, "steps": steps}
    given = {key: value for key, value in given.items() if value is not None}
    with shown() as bar:
        taught = _racing if sim == "carracing" else _ours
        net, described, weights, facts = taught(given, output.stem, bar)
    files = exported(output, net, weights, described, facts)
    for path, content in files.items():
        write(path, content)
    parameters = sum(array.size for array in weights.values())
    if as_json:
        print_json({"output": str(output), "bytes": len(files[output]), "parameters": parameters, **facts})
        return
    click.echo(f"{output}: {len(files[output])} bytes, {parameters} parameters, of round {facts['number']}")


Taught = tuple[Net, Manifest, Mapping[str, Any], dict[str, Any]]
"""Network, what it takes and gives, weights, and what is told of it."""


def _ours(given: Mapping[str, Any], name: str, bar: Shown) -> Taught:
    recipe = teaching.Recipe(**given)
    made = teaching.imitate(recipe, lambda done: bar.line(_line(done)), bar.progress)
    return NET, manifest(NET, name, NOTES), made.weights, _facts(recipe, made.chosen)


def _racing(given: Mapping[str, Any], name: str, bar: Shown) -> Taught:
    check_here()
    recipe = racing.Recipe(**given)
    made = racing.imitate(recipe, lambda done: bar.line(_race_line(done)), bar.progress)
    return racing.NET, racing.manifest(name), made.weights, _facts(recipe, made.chosen)


def _facts(recipe: teaching.Recipe | racing.Recipe, chosen: teaching.Round | racing.Round) -> dict[str, Any]:
    told = {key: round(value, 6) for key, value in asdict(chosen).items()}
    return {"seed": recipe.seed, "tracks": recipe.tracks, **told}


def _line(done: teaching.Round) -> str:
    learned = f"round {done.number}: {done.samples} pictures, loss {done.loss:.4f}"
    return f"{learned}; {done.laps} laps, cross-track RMS of the worst {done.rms_m:.2f} m"


def _race_line(done: racing.Round) -> str:
    learned = f"round {done.number}: {done.samples} pictures, loss {done.loss:.4f}"
    return f"{learned}; {done.laps} laps, mean score {done.score:.0f}"
