"""How a network of fewer than 5,000 parameters drives in gymnasium's CarRacing-v3, taught here from nothing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.table import Missing, Row, at_least
from edge.engines.base import EngineOptions
from edge.errors import MissingError
from edge.steer.pilot import open_pilot
from edge.tools.steer.carracing import check_here
from edge.tools.steer.carracing_imitate import NET, Recipe, imitate, manifest
from edge.tools.steer.carracing_judge import judge
from edge.tools.steer.judge import EXPERT, STEER_0
from edge.tools.steer.network import packed
from edge.tools.train.backend import torch

SEED, TRACKS = 1, 10
"""Of the tracks that judge."""
SCORE = 700
PARAMETERS = 5000


def race() -> Iterator[Row]:
    """The model, the expert and one who never steers; takes a quarter of an hour."""
    try:
        check_here()
        torch()
    except MissingError as fault:
        raise Missing(str(fault)) from None
    made = imitate(Recipe())
    count = sum(array.size for array in made.weights.values())
    yield Row("CarRacing-v3: parameters of the model", f"{count:,}", f"<= {PARAMETERS:,}", count <= PARAMETERS)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "racer.epk"
        path.write_bytes(packed(NET, made.weights, manifest(path.stem), {}))
        pilot = open_pilot(str(path), options=EngineOptions(threads=1))
        rows = {row.pilot: row for row in judge({"model": pilot.drive}, TRACKS, SEED)}
        pilot.close()
    what = f"CarRacing-v3, {TRACKS} unseen tracks: mean score"
    yield at_least(f"{what} of the model", rows["model"].score, SCORE)
    yield Row(f"{what} of the expert", f"{rows[EXPERT].score:.0f}")
    yield Row(f"{what} of steer-0", f"{rows[STEER_0].score:.0f}")
    for name in ("model", EXPERT):
        row = rows[name]
        each = ", ".join(f"{score:.0f}" for score in row.scores)
        yield Row(f"CarRacing-v3: {name}, each track", f"{each}; {row.laps} laps")
