"""`edge infer`: a model on images, without cameras."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import cv2

from edge.commands import predictions
from edge.commands.engine_settings import SET, engine_names, options_of, tell_passed_over
from edge.commands.numbers import FloatRange
from edge.commands.output import JSON, print_json, print_table
from edge.errors import SourceError
from edge.metrics import Stages
from edge.opening import open_predictor
from edge.paths import is_file
from edge.predictor import Predictor
from edge.preprocess.image import read_image
from edge.types import U8, Prediction


@click.command()
@click.argument("model")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--engine", default="auto", show_default=True, help="An engine, or several separated by commas, in order."
)
@click.option("--threads", default=0, type=click.IntRange(0, 256), help="CPU threads; 0: the cores, four at most.")
@click.option("--min-score", type=FloatRange(0, 1), help="Leave out what scores lower; unset: the manifest's.")
@click.option("--manifest", type=click.Path(path_type=Path), help="The model's manifest, if it is not beside it.")
@SET
@click.option("--save", type=click.Path(path_type=Path, file_okay=False), help="Write the images, drawn on, here.")
@JSON
def infer(
    model: str,
    images: Sequence[Path],
    engine: str,
    threads: int,
    min_score: float | None,
    manifest: Path | None,
    overrides: Sequence[str],
    save: Path | None,
    as_json: bool,
) -> None:
    """Run MODEL, a catalogue name or a file, on IMAGES and print what it says of them."""
    for path in images:
        if not is_file(path):  # told before a model is loaded
            raise SourceError(f"{path}: no such image")
    options = options_of(overrides, threads)
    predictor = open_predictor(
        model,
        engine_names(engine),
        options,
        min_score=min_score,
        manifest=manifest,
        passed_over=tell_passed_over,
    )
    results, tables = [], []
    try:
        for path in images:
            result, seen = _one(predictor, path, save)
            results.append(result)
            tables.append(predictions.as_rows(seen, predictor.names))
    finally:
        predictor.close()
    if as_json:
        print_json({"model": predictor.ref.name, "engine": predictor.ref.engine, "images": results})
        return
    click.echo(f"{predictor.ref.name} on {predictor.ref.engine}")
    for result, table in zip(results, tables, strict=True):
        click.echo(f"{result['path']}  {result['size'][0]} x {result['size'][1]}  {result['infer_ms']} ms")
        if table:
            print_table(table[0], table[1:])
        else:
            click.echo("  nothing")


def _one(predictor: Predictor, path: Path, save: Path | None) -> tuple[dict[str, Any], Prediction]:
    image = read_image(path)
    stages = Stages()
    seen = predictor.predict(image, stages)
    if save is not None:
        _save(save / (path.stem + ".jpg"), predictions.draw(image, seen, predictor.names))
    result = {
        "path": str(path),
        "size": [image.shape[1], image.shape[0]],
        "infer_ms": round(stages.summary()["infer"]["p50"], 3),
    }
    return result | predictions.as_json(seen, predictor.names), seen


def _save(path: Path, image: U8) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".jpg", image)[1].tobytes())
    except OSError as fault:
        raise SourceError(f"{path}: cannot be written: {fault.strerror}") from None
