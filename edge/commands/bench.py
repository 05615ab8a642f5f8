"""`edge bench`: what our call costs over the back end's own, both on the same input in the same process."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np

from edge.commands.infer import engine_names
from edge.commands.output import print_json, print_table
from edge.detector import model_options
from edge.engines import registry
from edge.engines.base import Engine, Feed
from edge.errors import UserError
from edge.models.store import find

WARM_UP = 5
FEWEST = 20


@click.command()
@click.argument("model")
@click.option(
    "--engine", default="auto", show_default=True, help="An engine, or several separated by commas, in order."
)
@click.option("--threads", default=0, type=click.IntRange(0, 256), help="CPU threads; 0: the cores, four at most.")
@click.option(
    "--seconds", default=5.0, show_default=True, type=click.FloatRange(0.1, 3600), help="How long to measure."
)
@click.option("--manifest", type=click.Path(path_type=Path), help="The model's manifest, if it is not beside it.")
@click.option("--streams", metavar="1,2,4", help="Several cameras at once; comes with a later release.")
@click.option("--clip", type=click.Path(path_type=Path), help="What those cameras see; comes with a later release.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def bench(
    model: str,
    engine: str,
    threads: int,
    seconds: float,
    manifest: Path | None,
    streams: str | None,
    clip: Path | None,
    as_json: bool,
) -> None:
    """Time MODEL, a catalogue name or a file, on an engine, beside that engine's own bare call."""
    if streams is not None or clip is not None:
        given = "--streams" if streams is not None else "--clip"
        raise UserError(f"`{given}` {registry.LATER}")
    found = find(model, manifest)
    name = registry.choose(engine_names(engine), found.path.suffix.lower(), found.manifest.engines)
    options = model_options(found.manifest, threads)
    begun = time.perf_counter()
    loaded = registry.load(name, found.path, options)
    load_s = time.perf_counter() - begun
    ours, raw = _interleaved(loaded, _random_feed(loaded), seconds)
    loaded.close()
    row = {
        "model": found.manifest.name,
        "engine": name,
        "threads": options.cpu_threads,
        "runs": len(ours),
        "p50_ms": _ms(ours, 50),
        "p95_ms": _ms(ours, 95),
        "p99_ms": _ms(ours, 99),
        "raw_p50_ms": _ms(raw, 50),
        "overhead": round(float(np.median(ours) / np.median(raw)), 4),
        "load_s": round(load_s, 3),
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "model_bytes": found.path.stat().st_size,
    }
    if as_json:
        print_json(row)
    else:
        print_table(tuple(row), [tuple(row.values())])


def _interleaved(engine: Engine, feed: Feed, seconds: float) -> tuple[Sequence[float], Sequence[float]]:
    """Seconds of our calls and of bare calls. They alternate, and so does which goes first: drift hits both alike."""
    calls: tuple[Callable[[], object], Callable[[], object]] = (lambda: engine.run(feed), engine.bare(feed))
    took: tuple[list[float], list[float]] = ([], [])
    for _ in range(WARM_UP):
        for call in calls:
            call()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(took[0]) < FEWEST:
        for which in (0, 1, 1, 0):
            begun = time.perf_counter()
            calls[which]()
            took[which].append(time.perf_counter() - begun)
    return took


def _random_feed(engine: Engine) -> Feed:
    """The same noise in every run of the benchmark; sizes that the model leaves open are 1."""
    noise = np.random.default_rng(0)
    return {
        spec.name: np.asarray(noise.uniform(0, 255, [size or 1 for size in spec.shape]), np.float32).astype(spec.dtype)
        for spec in engine.inputs
    }


def _ms(seconds: Sequence[float], percentile: float) -> float:
    return round(float(np.percentile(seconds, percentile)) * 1e3, 3)
