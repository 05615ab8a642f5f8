"""`edge bench`: what our call costs over the back end's own, and how many cameras an engine carries."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge.capture.file import open_file
from edge.commands.engine_settings import SET, options_of
from edge.commands.infer import engine_names
from edge.commands.output import print_json, print_table
from edge.engines.base import Engine, EngineOptions, Feed
from edge.engines.links import first
from edge.engines.worker import Worker
from edge.errors import UserError
from edge.models.store import Model, find
from edge.predictor import Predictor, links_of, open_predictor
from edge.streams import frames_per_second

WARM_UP = 5
FEWEST = 20
MOST_STREAMS = 256


def _counts(context: click.Context, option: click.Parameter, given: str | None) -> tuple[int, ...]:
    """What `--streams` says: numbers separated by commas."""
    try:
        counts = tuple(int(part) for part in (given or "").split(",") if part.strip())
    except ValueError:
        counts = (0,)
    if (given is not None and not counts) or not all(1 <= n <= MOST_STREAMS for n in counts):
        raise UserError(f"--streams {given}: wants numbers from 1 to {MOST_STREAMS} separated by commas, such as 1,2,4")
    return counts


@click.command()
@click.argument("model")
@click.option(
    "--engine", default="auto", show_default=True, help="An engine, or several separated by commas, in order."
)
@click.option("--threads", default=0, type=click.IntRange(0, 256), help="CPU threads; 0: the cores, four at most.")
@click.option(
    "--seconds", default=5.0, show_default=True, type=click.FloatRange(0.1, 3600), help="How long to measure each."
)
@click.option("--manifest", type=click.Path(path_type=Path), help="The model's manifest, if it is not beside it.")
@SET
@click.option("--streams", metavar="1,2,4", callback=_counts, help="So many cameras at once through one engine.")
@click.option("--clip", type=click.Path(path_type=Path), help="What those cameras see.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def bench(
    model: str,
    engine: str,
    threads: int,
    seconds: float,
    manifest: Path | None,
    overrides: Sequence[str],
    streams: Sequence[int],
    clip: Path | None,
    as_json: bool,
) -> None:
    """Time MODEL, a catalogue name or a file, on an engine, beside that engine's own bare call; or, with `--streams`,
    how many pictures a second each of several cameras gets through it."""
    if bool(streams) != (clip is not None):
        raise UserError("`--streams` and `--clip` want one another: --streams 1,2,4 --clip CLIP")
    options = options_of(overrides, threads)
    if clip is not None:
        open_file(clip).close()  # told before a model is loaded
        opened = open_predictor(model, engine_names(engine), options, manifest=manifest, masks=False)
        _streams(opened, clip, streams, seconds, as_json)
    else:
        _one_call(find(model, manifest), engine_names(engine), options, seconds, as_json)


def _streams(model: Predictor, clip: Path, counts: Sequence[int], seconds: float, as_json: bool) -> None:
    import cv2

    cv2.setNumThreads(1)
    rows: list[dict[str, Any]] = []
    with closing(Worker(model.runner, model.model.manifest.batch)) as worker:
        for n in counts:
            if sys.stderr.isatty():
                click.echo(f"{n} streams for {seconds:g} s...", err=True)
            fps = [round(one, 2) for one in frames_per_second(clip, model, worker, n, seconds)]
            rows.append({"n": n, "fps": fps, "total": round(sum(fps), 2)})
    if as_json:
        print_json({"model": model.ref.name, "engine": model.ref.engine, "streams": rows})
        return
    click.echo(f"{model.ref.name} on {model.ref.engine}, every picture inferred; pictures a second")
    shown = [(row["n"], row["total"], " ".join(f"{one:.1f}" for one in row["fps"])) for row in rows]
    print_table(("streams", "total", "each"), shown)


def _one_call(model: Model, engine: str | Sequence[str], options: EngineOptions, seconds: float, as_json: bool) -> None:
    links = links_of(model, engine, options)
    begun = time.perf_counter()
    loaded = first(links)
    load_s = time.perf_counter() - begun
    ours, raw = _interleaved(loaded, _random_feed(loaded), seconds)
    loaded.close()
    row = {
        "model": model.manifest.name,
        "engine": loaded.name,
        "threads": options.cpu_threads,
        "runs": len(ours),
        "p50_ms": _ms(ours, 50),
        "p95_ms": _ms(ours, 95),
        "p99_ms": _ms(ours, 99),
        "raw_p50_ms": _ms(raw, 50),
        "overhead": round(float(np.median(ours) / np.median(raw)), 4),
        "load_s": round(load_s, 3),
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "model_bytes": model.path.stat().st_size,
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
