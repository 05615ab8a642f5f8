"""`edge compress`: a model into a packed file, on a workstation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from edge.commands.output import JSON, print_json, print_table
from edge.commands.shown import shown
from edge.commands.written import check_writable, write
from edge.engines.base import need
from edge.errors import UserError
from edge.models import catalogue
from edge.models.manifest import NAME
from edge.models.packed.read import read
from edge.models.packed.signing import signer
from edge.models.store import find
from edge.tools import report
from edge.tools.compress import compress, curve, packed
from edge.tools.faster import TARGETS
from edge.tools.graph import INSTALL
from edge.tools.settings import FEEDS, Settings
from edge.tools.summary import kept_in_file, summary

FILE = click.Path(path_type=Path)
MODES = (
    "int8: fewer bytes, and with --calibrate integer arithmetic where it is faster; int6: the error it starts from, or "
    "63 levels a filter where there are no pictures; fp16: fewer bytes."
)
SHARE = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.command(name="compress")
@click.argument("model")
@click.option("-o", "--output", required=True, type=FILE, help="Write the packed model here: OUT.epk.")
@click.option("--lossless", is_flag=True, help="Keep every value, bit for bit; so it is where nothing else is asked.")
@click.option("--prune", type=SHARE, metavar="F", help="Drop this share of the weights: fewer bytes, no speed.")
@click.option(
    "--prune-filters", type=SHARE, metavar="F", help="Save this share of the arithmetic: faster. Wants --calibrate."
)
@click.option(
    "--share", type=click.IntRange(1, 8), metavar="BITS", help="A codebook of 2^BITS a layer: fewer bytes, no speed."
)
@click.option("--quantize", type=click.Choice(["int8", "int6", "fp16"]), help=MODES)
@click.option("--calibrate", type=FILE, metavar="PATH", help="Pictures: a folder, an image, a clip, an .npz of inputs.")
@click.option(
    "--pictures",
    default=FEEDS,
    show_default=True,
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="How many are taken of --calibrate: every other one calibrates, the rest judge.",
)
@click.option("--max-drop", type=click.FloatRange(0, 1), metavar="X", help="What all of it may cost of the metric.")
@click.option("--metric", type=click.Choice(["map", "top1", "cosine"]), help="Unset: the task's.")
@click.option(
    "--target",
    default="auto",
    show_default=True,
    type=click.Choice(TARGETS),
    help="What int8 is to be fast on; with --calibrate.",
)
@click.option(
    "--tune", type=click.IntRange(1, 1000), metavar="EPOCHS", help="Train int8 or int6 weights on the pictures."
)
@click.option("--labels", type=FILE, metavar="NPZ", help="Classes of the samples, instead of the model's own word.")
@click.option("--manifest", type=FILE, help="The model's manifest, if it is not beside it.")
@click.option("--name", help="What the model is called once it is installed; unset: as its manifest calls it.")
@click.option("--model-version", default=1, show_default=True, type=click.IntRange(1, 2**31 - 1), help="It only grows.")
@click.option("--sign", type=FILE, metavar="KEY", help="Sign with this Ed25519 private key, a PEM file.")
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1, 256), help="Of engines, of --tune.")
@click.option("--report", "folder", type=FILE, metavar="DIR", help="Write report.html, with plots, and report.json.")
@JSON
def command(
    model: str,
    output: Path,
    lossless: bool,
    manifest: Path | None,
    name: str | None,
    model_version: int,
    sign: Path | None,
    folder: Path | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Compress MODEL, a catalogue name or a file, into a packed model that every engine here loads."""
    wanted = Settings(**{key: value for key, value in given.items() if value is not None})
    if lossless and not wanted.lossless:
        raise UserError("`--lossless` keeps every value: leave out what changes some")
    if output.suffix.lower() != ".epk":
        raise UserError(f"{output}: a packed model is called NAME.epk")
    if name is not None and not NAME.fullmatch(name):
        raise UserError(f"--name {name!r}: must be letters, digits, `.`, `_` and `-`")
    check_writable(output)
    if folder is not None:
        need("matplotlib", INSTALL)
        check_writable(folder / "report.html", made=True)
    signs = signer(sign) if sign is not None else None
    found = find(model, manifest)
    check_writable(output, over=found.path)
    if name is not None:
        found = replace(found, manifest=replace(found.manifest, name=name))
    with shown(steps=not as_json) as bar:
        made = compress(found, wanted, bar.progress)
        bar.progress("coding", 0.0)
        content = packed(made, model_version, signs, kept_in_file(made))
    write(output, content)
    told = summary(found, made, read(output), wanted)
    if folder is not None:
        with shown(steps=not as_json) as bar:
            report.write(folder, told, curve(made, found.manifest, wanted, bar.progress))
    if as_json:
        print_json(told)
    else:
        _tell(output, told)


def _tell(output: Path, told: dict[str, Any]) -> None:
    rows = [("original", f"{told['plain_bytes']:,}", "", "")]
    for step in told["steps"]:
        rows.append((step["name"], "", _quality(step), _noise(step)))
    rows.append((str(output), f"{told['bytes']:,}", f"{told['ratio']:.2f} x smaller", ""))
    print_table(("what", "bytes", "", "signal to error"), rows)
    for line in told["notes"]:
        click.echo(line)
    click.echo(f"once installed its name is {told['model']}{_of_the_catalogue(told['model'])}")


def _of_the_catalogue(name: str) -> str:
    if catalogue.by_name(name) is None:
        return ""
    return ", the catalogue's: a device takes it only signed with a key that it trusts; `--name` gives it another"


def _quality(step: dict[str, Any]) -> str:
    if step["metric"] is None:
        return "not measured"
    matched = "" if step["matched"] is None else f", matched {step['matched']:.4f}"
    return f"{step['metric']} {step['value']:.4f}{matched}"


def _noise(step: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value:.1f} dB" for name, value in step["sqnr_db"].items())
