"""`edge steer evaluate`: a pilot on tracks that it has never seen, beside the expert and one who never steers."""

from __future__ import annotations

from dataclasses import asdict
from itertools import count
from pathlib import Path

import click
import numpy as np

from edge.commands.output import JSON, print_json, print_table
from edge.commands.shown import shown
from edge.errors import UserError
from edge.steer.pilot import open_pilot
from edge.tools.steer import carracing_judge, judge
from edge.tools.steer.carracing import check_here
from edge.tools.steer.sim.drive import Pilot
from edge.tools.steer.squeeze import pilot as by_numpy
from edge.tools.steer.squeeze import published

PUBLISHED = Path(__file__).parents[3] / ".." / "shared" / "data" / "steering" / "mez52.npz"
"""The published weights, beside a checkout."""
HEAD = ("pilot", "laps", "off track", "cross-track RMS m", "worst m", "jerk m/s3")

RACE_HEAD = ("pilot", "score", "laps", "off track", "cross-track RMS m", "worst m")


@click.command()
@click.argument("model")
@click.option("--sim", default="ours", show_default=True, type=click.Choice(["ours", "carracing"]), help="Simulator.")
@click.option("--tracks", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many are driven.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Of the tracks.")
@click.option(
    "--delay-ms",
    default=0,
    show_default=True,
    type=click.IntRange(0, 1000),
    help="Added between a frame and the command that comes of it.",
)
@click.option(
    "--scene",
    default="plain",
    show_default=True,
    type=click.Choice(judge.SCENES),
    help="What is unusual: shadows, the light from x0.4 to x1.6, the white balance, or bridges of planks over water.",
)
@JSON
def evaluate(model: str, sim: str, tracks: int, seed: int, delay_ms: int, scene: judge.Scene, as_json: bool) -> None:
    """Drive a lap by MODEL on each of some tracks at 20 mph, beside an expert who knows the road and one who never
    steers. A lap counts if the car's centre stays on the road.

    MODEL is `mainsqueeze`, which ships, a name of the catalogue, or the path of a model file. With --sim carracing it
    tells steering and throttle, as none that ships does; a lap counts as in CarRacing-v3, which needs the extra
    `carracing`."""
    if sim == "carracing":
        if delay_ms or scene != "plain":
            raise UserError("--delay-ms and --scene are for --sim ours; leave them out with --sim carracing")
        _race(model, tracks, seed, as_json)
        return
    pilot = open_pilot(model)
    try:
        pilots: dict[str, Pilot] = {"model": pilot.steer}
        if PUBLISHED.is_file():
            pilots["published"] = by_numpy(published(np.load(PUBLISHED)))
        laps, driven = tracks * (len(pilots) + 2), count(1)
        with shown() as bar:
            rows = judge.judge(
                pilots,
                tracks,
                seed,
                delay_ms / 1000,
                scene,
                lambda: bar.progress("driving laps", next(driven) / laps),
            )
    finally:
        pilot.close()
    if as_json:
        facts = {"sim": sim, "seed": seed, "tracks": tracks, "delay_ms": delay_ms, "scene": scene}
        print_json({**facts, "rows": [asdict(row) for row in rows]})
        return
    print_table(
        HEAD,
        [
            (row.pilot, f"{row.laps}/{tracks}", row.off_track, row.cross_track_rms_m, row.cross_track_worst_m, row.jerk)
            for row in rows
        ],
    )


def _race(model: str, tracks: int, seed: int, as_json: bool) -> None:
    """The same in gymnasium's CarRacing-v3."""
    if seed > carracing_judge.LAST:
        raise UserError(f"--seed {seed}: {carracing_judge.LAST} is the last with --sim carracing")
    check_here()
    pilot = open_pilot(model)
    try:
        drives, driven = tracks * 3, count(1)
        with shown() as bar:
            rows = carracing_judge.judge(
                {"model": pilot.drive}, tracks, seed, lambda: bar.progress("driving", next(driven) / drives)
            )
    finally:
        pilot.close()
    if as_json:
        facts = {"sim": "carracing", "seed": seed, "tracks": tracks, "delay_ms": 0, "scene": "plain"}
        print_json({**facts, "rows": [asdict(row) for row in rows]})
        return
    print_table(
        RACE_HEAD,
        [
            (
                row.pilot,
                row.score,
                f"{row.laps}/{tracks}",
                row.off_track,
                row.cross_track_rms_m,
                row.cross_track_worst_m,
            )
            for row in rows
        ],
    )
