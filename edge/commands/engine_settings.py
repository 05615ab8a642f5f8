"""What commands without a configuration are told of back ends: `--set` with the keys of a configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from edge.config.load import default_config, load
from edge.engines.base import EngineOptions
from edge.errors import UserError
from edge.wiring import engine_options

SET = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of `model` or `engine`, such as engine.kserve.url=http://127.0.0.1:8000; may be repeated.",
)
TABLES = ("model.", "engine.")


def options_of(overrides: Sequence[str], threads: int = 0, config: Path | None = None) -> EngineOptions:
    """What `--set` and `--threads` say of back ends, over a configuration's own where one is named.

    Raises:
        UserError, ConfigFindings: a key that is no setting of back ends, or a value that cannot be.
    """
    for override in overrides:
        if not override.startswith(TABLES):
            raise UserError(f"--set {override}: only keys of `model` and `engine` matter here")
    read = default_config({"none": "synthetic:"}, overrides) if config is None else load(config, overrides)
    options = engine_options(read.model, read.engine)
    return replace(options, threads=threads) if threads else options
