"""`edge bench`: what our call costs over the back end's own, and how many cameras an engine carries."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge.capture.file import open_file
from edge.commands.engine_settings import SET, engine_names, options_of, tell_passed_over
from edge.commands.numbers import FloatRange
from edge.commands.output import JSON, print_json, print_table
from edge.engines.base import Engine, Feed, said_of
from edge.engines.links import Link, PassedOver, all_of
from edge.engines.worker import Worker
from edge.errors import EdgeError, EngineError, UserError
from edge.models.store import Model, find
from edge.opening import links_of, open_predictor
from edge.predictor import Predictor
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
    "--engine",
    default="auto",
    show_default=True,
    help="An engine, or several separated by commas: each is timed; `--streams` takes the first that can.",
)
@click.option("--threads", default=0, type=click.IntRange(0, 256), help="CPU threads; 0: the cores, four at most.")
@click.option("--seconds", default=5.0, show_default=True, type=FloatRange(0.1, 3600), help="How long to measure each.")
@click.option("--manifest", type=click.Path(path_type=Path), help="The model's manifest, if it is not beside it.")
@SET
@click.option("--streams", metavar="1,2,4", callback=_counts, help="So many cameras at once through one engine.")
@click.option("--clip", type=click.Path(path_type=Path), help="What those cameras see.")
@JSON
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
    """Time MODEL, a catalogue name or a file, on engines, beside each engine's own bare call; or, with `--streams`,
    how many pictures a second each of several cameras gets through it."""
    if bool(streams) != (clip is not None):
        raise UserError("`--streams` and `--clip` want one another: --streams 1,2,4 --clip CLIP")
    names = engine_names(engine)
    if clip is not None:
        open_file(clip).close()  # told before a model is loaded
        options = options_of(overrides, threads)
        opened = open_predictor(model, names, options, manifest=manifest, masks=False, passed_over=tell_passed_over)
        _streams(opened, clip, streams, seconds, as_json)
        return
    measured = Measured(model, manifest, names, tuple(overrides), threads, seconds)
    slot = measured.model().slot
    if slot is not None and slot.passed:
        tell_passed_over(slot.passed)
    rows = [measured.row(0)] if isinstance(names, str) else _each(measured)
    if as_json:
        print_json(rows[0] if isinstance(names, str) else {"engines": rows})
    else:
        print_table(tuple(rows[0]), [tuple(row.values()) for row in rows])


@dataclass(frozen=True, slots=True)
class Measured:
    """What is to be timed, in words that another process understands.

    name, manifest: of the model
    engine: one, or several by name
    overrides, threads: as the command line gives them
    seconds: how long to measure
    """

    name: str
    manifest: Path | None
    engine: str | list[str]
    overrides: tuple[str, ...]
    threads: int
    seconds: float

    def model(self) -> Model:
        """The model, found anew: what a packed file holds is not handed to another process. Raises as `find`."""
        return find(self.name, self.manifest)

    def links(self, model: Model, passed_over: PassedOver) -> list[Link]:
        """The engines that can load the model, in the order given."""
        return links_of(model, self.engine, options_of(self.overrides, self.threads), passed_over=passed_over)

    def row(self, number: int) -> dict[str, Any]:
        """Load the model on one of these engines and time it in this process. Raises EdgeError."""
        model = self.model()
        link = self.links(model, lambda line: None)[number]
        begun = time.perf_counter()
        loaded = link.load()
        load_s = time.perf_counter() - begun
        ours, raw = _interleaved(loaded, _random_feed(loaded), self.seconds)
        loaded.close()
        return {
            "model": model.manifest.name,
            "engine": loaded.name,
            "threads": options_of(self.overrides, self.threads).cpu_threads,
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


def _each(measured: Measured) -> list[dict[str, Any]]:
    """A row for each engine that can; those that cannot are told. EdgeError if none can."""
    rows: list[dict[str, Any]] = []
    faults: list[EdgeError] = []
    for number, link in enumerate(measured.links(measured.model(), tell_passed_over)):
        try:
            # A process for each: what one leaves in memory, and its threads, are not the next one's cost.
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                rows.append(pool.submit(measured.row, number).result())
        except EdgeError as fault:
            faults.append(fault)
        except BrokenProcessPool as fault:  # the back end took its process with it
            faults.append(EngineError(said_of(link.name, fault)))
    if not rows:
        raise all_of(faults)
    for said in map(str, faults):
        tell_passed_over(said)
    return rows


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
