"""`edge compress`: a model into a packed file, on a workstation."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from edge.commands.output import print_json, print_table
from edge.engines.base import need
from edge.errors import StorageError, UserError
from edge.models.packed.read import read
from edge.models.packed.signing import signer
from edge.models.store import find
from edge.paths import write_whole
from edge.tools import report
from edge.tools.compress import Made, Progress, Settings, compress, curve, packed
from edge.tools.faster import TARGETS
from edge.tools.graph import INSTALL
from edge.tools.summary import kept_in_file, summary

FILE = click.Path(path_type=Path)
MODES = "int8; int6: the error it starts from, or 63 levels a filter where there are no pictures; fp16."
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.command(name="compress")
@click.argument("model")
@click.option("-o", "--output", required=True, type=FILE, help="Write the packed model here: OUT.epk.")
@click.option("--lossless", is_flag=True, help="Keep every value, bit for bit; so it is where nothing else is asked.")
@click.option("--prune", type=SHARE, metavar="F", help="Drop this share of the weights: fewer bytes.")
@click.option("--prune-filters", type=SHARE, metavar="F", help="Save this share of the arithmetic: faster.")
@click.option("--share", type=click.IntRange(1, 8), metavar="BITS", help="A codebook of 2^BITS a layer.")
@click.option("--quantize", type=click.Choice(["int8", "int6", "fp16"]), help=MODES)
@click.option("--calibrate", type=FILE, metavar="PATH", help="Pictures: a folder, an image, a clip, an .npz of inputs.")
@click.option("--max-drop", type=click.FloatRange(0, 1), metavar="X", help="What all of it may cost of the metric.")
@click.option("--metric", type=click.Choice(["map", "top1", "cosine"]), help="Unset: the task's.")
@click.option(
    "--target", default="auto", show_default=True, type=click.Choice(TARGETS), help="What int8 is to be fast on."
)
@click.option("--labels", type=FILE, metavar="NPZ", help="Classes of the samples, instead of the model's own word.")
@click.option("--manifest", type=FILE, help="The model's manifest, if it is not beside it.")
@click.option("--model-version", default=1, show_default=True, type=click.IntRange(1, 2**31 - 1), help="It only grows.")
@click.option("--sign", type=FILE, metavar="KEY", help="Sign with this Ed25519 private key, a PEM file.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1, 256), help="Of the timed engines.")
@click.option("--report", "folder", type=FILE, metavar="DIR", help="Write report.html, with plots, and report.json.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(
    model: str,
    output: Path,
    lossless: bool,
    manifest: Path | None,
    model_version: int,
    sign: Path | None,
    folder: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Compress MODEL, a catalogue name or a file, into a packed model that every engine here loads."""
    wanted = Settings(**{name: value for name, value in given.items() if value is not None})
    if lossless and not wanted.lossless:
        raise UserError("`--lossless` keeps every value: leave out what changes some")
    if output.suffix.lower() != ".epk":
        raise UserError(f"{output}: a packed model is called NAME.epk")
    _writable(output)
    if folder is not None:
        need("matplotlib", INSTALL)
        _writable(folder / "report.html", made=True)
    signs = signer(sign) if sign is not None else None
    found = find(model, manifest)
    with _shown(as_json) as progress:
        made = compress(found, wanted, progress)
        progress("coding", 0.0)
        content = packed(made, model_version, signs, kept_in_file(made))
    _write(output, content)
    told = summary(found, made, read(output), wanted)
    if folder is not None:
        with _shown(as_json) as progress:
            report.write(folder, told, curve(made, found.manifest, wanted, progress))
    if as_json:
        print_json(told)
    else:
        _tell(output, told, made)


def _writable(path: Path, made: bool = False) -> None:
    """Say so before minutes of work if a file cannot be written here. made: whether its folder will be made."""
    folder = path.parent
    if path.is_dir():
        raise UserError(f"{path}: is a folder; give the name of a file")
    while made and not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise UserError(f"{path}: cannot be written: {folder} is {'no folder' if folder.exists() else 'not there'}")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"{path}: cannot be written: this user may not write into {folder}")


def _write(path: Path, content: bytes) -> None:
    try:
        write_whole(path, content)
    except OSError as fault:
        raise StorageError(f"{path}: cannot be written: {fault.strerror or fault}") from None


def _tell(output: Path, told: dict[str, Any], made: Made) -> None:
    rows = [("original", f"{told['plain_bytes']:,}", "", "")]
    for step in told["steps"]:
        quality = step["metric"] and f"{step['metric']} {step['value']:.4f}"
        rows.append((step["name"], "", quality or "not measured", _noise(step)))
    rows.append((str(output), f"{told['bytes']:,}", f"{told['ratio']:.2f} x smaller", ""))
    print_table(("what", "bytes", "", "signal to error"), rows)
    for line in told["notes"]:
        click.echo(line)


def _noise(step: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:.1f} dB" for name, value in step["sqnr_db"].items())


@contextmanager
def _shown(as_json: bool) -> Iterator[Progress]:
    """Progress bars on a terminal, by rich where it is here; silence elsewhere."""
    if as_json or not sys.stderr.isatty():
        yield lambda doing, part: None
        return
    try:
        from rich.console import Console
        from rich.progress import Progress as Bars
    except ImportError:
        yield lambda doing, part: None
        return
    with Bars(console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def tell(doing: str, part: float) -> None:
            if doing not in tasks:
                tasks[doing] = bars.add_task(doing, total=1.0)
            bars.update(tasks[doing], completed=part)

        yield tell
