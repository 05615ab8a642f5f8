"""How the 52 parameters drive on tracks that they have never seen."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.table import Row, at_least, at_most
from edge.engines.base import EngineOptions
from edge.models.packed.read import read
from edge.steer.pilot import FILE, open_pilot
from edge.tools.steer.imitate import Recipe, imitate
from edge.tools.steer.judge import EXPERT, SCENES, STEER_0, Scene, judge
from edge.tools.steer.judge import Row as Driven
from edge.tools.steer.network import manifest, packed
from edge.tools.steer.sim.drive import Pilot
from edge.tools.steer.squeeze import NET, NOTES, pilot, published

SEED, TRACKS = 1, 10
SEEDS = range(5)
"""Of training."""
RMS_M = 0.35
LAPS = 9
"""At least, in a scene that is unusual."""
DELAY_S = 0.2


def laps() -> Iterator[Row]:
    """The model that ships, the expert, one who never steers, and the published weights where they are."""
    from edge.commands.steer.evaluate import PUBLISHED

    model = open_pilot(options=EngineOptions(threads=1))
    pilots: dict[str, Pilot] = {"mainsqueeze": model.steer}
    if PUBLISHED.is_file():
        pilots["published"] = pilot(published(np.load(PUBLISHED)))
    for delay_s in (0.0, DELAY_S):
        what = f"{TRACKS} unseen tracks at 20 mph, {1000 * delay_s:.0f} ms of added delay"
        for row in judge(pilots, TRACKS, SEED, delay_s):
            if row.pilot == "mainsqueeze":
                yield from _held(what, row)
            elif row.pilot == STEER_0:
                yield at_most(f"{what}: laps by steer-0", row.laps, 0)
            elif row.pilot == EXPERT:
                yield at_least(f"{what}: laps by the expert", row.laps, TRACKS)
                yield Row(f"{what}: cross-track RMS of the expert", f"{row.cross_track_rms_m:.2f} m")
            else:
                worst = max(row.cross_track_rms_each_m)
                yield Row(f"{what}: {row.pilot}", f"{row.laps} laps, RMS of the worst {worst:.2f} m")
    for scene in SCENES[1:]:
        row = judge({"mainsqueeze": model.steer}, TRACKS, SEED, scene=scene)[0]
        yield at_least(f"{TRACKS} unseen tracks, {scene}: laps", row.laps, LAPS)
    model.close()


def seeds() -> Iterator[Row]:
    """Trained anew by several seeds, every one of them shown; takes half an hour."""
    ships = read(FILE)
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            path = Path(folder) / f"{seed}.epk"
            weights = imitate(Recipe(seed=seed)).weights
            if seed == ships.origin.report["seed"]:
                same = packed(NET, weights, ships.manifest, ships.origin.report) == FILE.read_bytes()
                yield Row(f"trained by seed {seed}: the bytes that ship", "the same" if same else "others")
            path.write_bytes(packed(NET, weights, manifest(NET, path.stem, NOTES), {}))
            model = open_pilot(str(path), options=EngineOptions(threads=1))
            for delay_s in (0.0, DELAY_S):
                row = judge({"model": model.steer}, TRACKS, SEED, delay_s)[0]
                yield from _held(f"trained by seed {seed}, {1000 * delay_s:.0f} ms of added delay", row)
            rows: dict[Scene, Driven] = {
                scene: judge({"model": model.steer}, TRACKS, SEED, scene=scene)[0] for scene in SCENES[1:]
            }
            fewest = min(row.laps for row in rows.values())
            told = ", ".join(f"{scene} {row.laps}" for scene, row in rows.items())
            yield at_least(f"trained by seed {seed}, unusual scenes ({told}): fewest laps", fewest, LAPS)
            model.close()


def _held(what: str, row: Driven) -> Iterator[Row]:
    yield at_least(f"{what}: laps", row.laps, TRACKS)
    yield at_most(f"{what}: cross-track RMS of the worst", max(row.cross_track_rms_each_m), RMS_M, " m")
