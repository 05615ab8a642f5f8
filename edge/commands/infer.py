"""`edge infer`: a model on images, without cameras."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np

from edge.commands.engine_settings import SET, options_of
from edge.commands.output import print_json, print_table
from edge.detector import Detector, open_detector
from edge.errors import SourceError
from edge.metrics import Stages
from edge.paths import is_file
from edge.types import U8, Detections

GREEN, BLACK = (80, 220, 80), (0, 0, 0)


@click.command()
@click.argument("model")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--engine", default="auto", show_default=True, help="An engine, or several separated by commas, in order."
)
@click.option("--threads", default=0, type=click.IntRange(0, 256), help="CPU threads; 0: the cores, four at most.")
@click.option("--min-score", type=click.FloatRange(0, 1), help="Leave out what scores lower; unset: the manifest's.")
@click.option("--manifest", type=click.Path(path_type=Path), help="The model's manifest, if it is not beside it.")
@SET
@click.option("--save", type=click.Path(path_type=Path, file_okay=False), help="Write the images, boxes drawn, here.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
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
    """Run MODEL, a catalogue name or a file, on IMAGES and print what it sees."""
    for path in images:
        if not is_file(path):  # told before a model is loaded
            raise SourceError(f"{path}: no such image")
    options = options_of(overrides, threads)
    detector = open_detector(model, engine_names(engine), options, min_score=min_score, manifest=manifest)
    try:
        results = [_one(detector, path, save) for path in images]
    finally:
        detector.close()
    if as_json:
        print_json({"model": detector.ref.name, "engine": detector.ref.engine, "images": results})
        return
    for result in results:
        click.echo(f"{result['path']}  {result['size'][0]} x {result['size'][1]}  {result['infer_ms']} ms")
        if result["detections"]:
            print_table(
                ("  label", "score", "box"),
                [
                    ("  " + seen["label"], f"{seen['score']:.2f}", " ".join(f"{v:.0f}" for v in seen["box"]))
                    for seen in result["detections"]
                ],
            )
        else:
            click.echo("  nothing")


def engine_names(given: str) -> str | list[str]:
    """What `--engine` says: one name, or several separated by commas."""
    names = [name.strip() for name in given.split(",") if name.strip()]
    return names if len(names) > 1 else given.strip()


def read_image(path: Path) -> U8:
    """A BGR image, uint8 (h, w, 3), upright; SourceError in one line if it cannot be read."""
    try:
        raw = np.fromfile(path, np.uint8)
    except OSError as fault:
        raise SourceError(f"{path}: cannot be read: {fault.strerror}") from None
    try:
        image = cv2.imdecode(raw, cv2.IMREAD_COLOR) if raw.size else None
    except cv2.error:
        image = None
    if image is None:
        raise SourceError(f"{path}: not an image that can be read (JPEG, PNG, BMP, WebP, TIFF)")
    return np.asarray(image, np.uint8)


def _one(detector: Detector, path: Path, save: Path | None) -> dict[str, Any]:
    image = read_image(path)
    stages = Stages()
    seen = detector.detect(image, stages)
    if save is not None:
        _save(save / (path.stem + ".jpg"), image, seen, detector.names)
    return {
        "path": str(path),
        "size": [image.shape[1], image.shape[0]],
        "infer_ms": round(stages.summary()["infer"]["p50"], 3),
        "detections": [
            {
                "label": detector.names[kind],
                "score": round(float(score), 4),
                "box": [round(float(v), 2) for v in box],
            }
            for box, score, kind in zip(seen.boxes, seen.scores, seen.classes, strict=True)
        ],
    }


def _save(path: Path, image: U8, seen: Detections, names: Sequence[str]) -> None:
    drawn = image.copy()
    line = max(1, round(min(image.shape[:2]) / 250))
    for box, score, kind in zip(seen.boxes, seen.scores, seen.classes, strict=True):
        x1, y1, x2, y2 = (round(float(v)) for v in box)
        text, scale = f"{names[kind]} {score:.2f}", line * 0.4
        (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, line)
        top = max(0, y1 - height - base)
        cv2.rectangle(drawn, (x1, y1), (x2, y2), GREEN, line)
        cv2.rectangle(drawn, (x1, top), (x1 + width, top + height + base), GREEN, cv2.FILLED)
        cv2.putText(drawn, text, (x1, top + height), cv2.FONT_HERSHEY_SIMPLEX, scale, BLACK, line, cv2.LINE_AA)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".jpg", drawn)[1].tobytes())
    except OSError as fault:
        raise SourceError(f"{path}: cannot be written: {fault.strerror}") from None
