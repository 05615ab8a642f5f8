"""What is in a packed model, for people and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge.commands.output import print_json, print_table
from edge.errors import ModelError
from edge.models import trust
from edge.models.packed.coded import Coded
from edge.models.packed.read import Packed, read
from edge.text import printable

SHOWN = 60
"""Letters of a tensor's name in the table."""


def show_packed(path: Path, *, as_json: bool) -> None:
    """Print what a packed file holds, whoever signed it; nothing is decoded. ModelError for one that is none."""
    packed = read(path)
    if as_json:
        print_json(facts(packed))
    else:
        _tell(packed)


def facts(packed: Packed) -> dict[str, Any]:
    """As `edge inspect --json` prints them."""
    return {
        "bytes": packed.size,
        "sha256": packed.sha256,
        "name": packed.manifest.name,
        "task": packed.manifest.task,
        "version": packed.origin.version,
        "carrier": packed.carrier,
        "source_sha256": packed.origin.source_sha256,
        "tool": packed.tool,
        "signed": packed.key is not None,
        "key": packed.key and trust.fingerprint(packed.key),
        "peak_bytes": packed.peak_bytes,
        "report": dict(packed.origin.report),
        "tensors": [
            {
                **{key: value for key, value in asdict(tensor).items() if key != "at"},
                "bits_per_weight": round(tensor.bits_per_weight, 4),
            }
            for tensor in packed.tensors
        ],
    }


def whose(packed: Packed) -> str:
    """Whether and by whom it is signed, and what this machine makes of it."""
    try:
        keys = trust.keys()
    except ModelError as fault:
        return f"{'signed' if packed.key else 'not signed'}; {fault}"
    if packed.key is None:
        return "not signed" + (", so it is refused here" if keys else "")
    mine = next((key for key in keys if key.raw == packed.key), None)
    said = f"signed with the key {trust.fingerprint(packed.key)[:16]}…"
    if mine is not None:
        return f"{said}, trusted here as {mine.path.stem}"
    return said + (", which is not trusted here" if keys else ", and any is taken here")


def _tell(packed: Packed) -> None:
    origin, decoded = packed.origin, sum(_plain_bytes(tensor) for tensor in packed.tensors)
    stored = sum(tensor.bytes for tensor in packed.tensors)
    click.echo(f"{packed.path}: {packed.size:,} bytes, sha256 {packed.sha256}")
    click.echo(
        f"{packed.manifest.name} ({packed.manifest.task}), version {origin.version}, {packed.suffix} inside, "
        f"by {printable(packed.tool)}"
    )
    click.echo(f"says it was made from the file with sha256 {origin.source_sha256}")
    click.echo(f"{whose(packed)}; decoding takes {packed.peak_bytes / 1e6:.1f} MB at most beside what is decoded")
    rows = [
        (
            printable(tensor.name)[:SHOWN],
            "x".join(map(str, tensor.shape)) or "1",
            tensor.dtype,
            tensor.codec,
            tensor.bytes,
            f"{100 * tensor.bytes / packed.size:.1f} %",
            f"{tensor.bits_per_weight:.2f}",
            f"{100 * tensor.nonzero / max(1, tensor.count):.0f} %",
        )
        for tensor in packed.tensors
    ]
    print_table(("tensor", "shape", "dtype", "codec", "bytes", "of the file", "bits a weight", "nonzero"), rows)
    count = sum(tensor.count for tensor in packed.tensors)
    click.echo(
        f"{len(packed.tensors)} tensors, {count:,} weights: {decoded:,} bytes in {stored:,} "
        f"({decoded / max(1, stored):.1f} to 1, {8 * stored / max(1, count):.2f} bits a weight); "
        f"graph and manifest {packed.size - stored:,}"
    )


def _plain_bytes(tensor: Coded) -> int:
    size: int = np.dtype(tensor.dtype).itemsize
    return tensor.count * size
