"""`edge posture`: what recorded joints tell, without any picture."""

from __future__ import annotations

import math
from pathlib import Path

import click

from edge.commands.numbers import FloatRange
from edge.commands.output import JSON, print_json
from edge.errors import UserError
from edge.judging import network_or_none, open_network
from edge.pose.record import read, told
from edge.posture.again import Told, judge
from edge.posture.verdict import JudgeName

DOUBT = 0.05
"""Part by which what was given may be off what the file says."""


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--fps", required=True, type=FloatRange(0.1, 1000), help="Rows a second.")
@click.option("--aspect", default="4/3", show_default=True, help="Width of the frame over its height, as 16/9 or 1.78.")
@click.option(
    "--judge",
    "who",
    default="both",
    show_default=True,
    type=click.Choice(["rules", "network", "both"]),
    help="Who tells of falls, as `pose.judge`.",
)
@click.option(
    "--network",
    type=click.Path(path_type=Path),
    help="The network that judges, as `edge train-posture` writes it.  [default: the one of the package]",
)
@JSON
def posture(file: Path, fps: float, aspect: str, who: JudgeName, network: Path | None, as_json: bool) -> None:
    """Judge a recorded sequence of one person's joints: postures, falls, gestures.

    FILE is CSV with the columns x0,y0,score0 to x16,y16,score16 (COCO's order, 0..1 of the frame), a row a frame, as
    the record of an event has them.
    """
    joints, ratio = read(file), _ratio(aspect)
    _doubt(file, fps, ratio)
    if network is not None and who == "rules":
        raise UserError("--network: with --judge rules no network judges")
    judged_by = None if who == "rules" else network_or_none() if network is None else open_network(network)
    found = judge(joints, fps, ratio, None, who, judged_by)
    if as_json:
        print_json(
            {
                "postures": [
                    {"time": round(time, 3), "posture": one.name, "score": round(one.score, 3)}
                    for time, one in found.postures
                ],
                "activities": [
                    {
                        "kind": one.kind,
                        "since": round(one.since, 3),
                        "confirmed_at": None if one.confirmed_at is None else round(one.confirmed_at, 3),
                        "score": round(one.score, 3),
                    }
                    for one in found.activities
                ],
            }
        )
        return
    _print(found, 1 / fps)


def _doubt(file: Path, fps: float, ratio: float) -> None:
    """Say where the file's own times and frame are others than what was given: the command goes by what was given."""
    for option, given, said in zip(("--fps", "--aspect"), (fps, ratio), told(file), strict=True):
        if said and abs(given - said) > DOUBT * said:
            click.echo(f"edge: note: {option} is {given:.4g}, but the file says {said:.4g}", err=True)


def _print(found: Told, step: float) -> None:
    """A line a posture and a line an activity, by time."""
    lines: list[tuple[float, str]] = []
    begun = 0
    postures = found.postures
    for i in range(1, len(postures) + 1):
        if i == len(postures) or postures[i][1].name != postures[begun][1].name:
            start, one = postures[begun]
            end = postures[i - 1][0] + step
            score = max(each.score for _, each in postures[begun:i])
            lines.append((start, f"{start:8.2f} to {end:8.2f} s  {one.name:<10} {score:.2f}"))
            begun = i
    for activity in found.activities:
        when = "not confirmed" if activity.confirmed_at is None else f"confirmed at {activity.confirmed_at:.2f} s"
        name = activity.kind.replace("_", " ").upper()
        lines.append((activity.since, f"{activity.since:8.2f}                {name}, {when}, {activity.score:.2f}"))
    for _, line in sorted(lines, key=lambda line: line[0]):
        click.echo(line)


def _ratio(given: str) -> float:
    """A width over a height from `4/3`, `16:9` or `1.78`."""
    parts = given.replace(":", "/").split("/")
    try:
        numbers = [float(part) for part in parts]
        ratio = numbers[0] / (numbers[1] if len(numbers) == 2 else 1.0)
    except (ValueError, ZeroDivisionError):
        ratio = math.nan
    if len(parts) > 2 or not 0.1 <= ratio <= 10:
        raise UserError(f"--aspect {given}: wants a width over a height, such as 4/3, 16/9 or 1.78")
    return ratio
