"""What commands without a configuration are told of back ends: `--engine`, and `--set` with a configuration's keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from edge.config.load import default_config, load
from edge.config.schema import Model
from edge.engines.base import EngineOptions
from edge.errors import UserError
from edge.text import printable
from edge.wiring import engine_options

SET = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of `model` or `engine`, such as engine.kserve.url=http://127.0.0.1:8000; may be repeated.",
)
TABLES = ("model.", "engine.")
WITH_EFFECT = ("threads", "device", "precision")
"""Keys of `model` that are settings of a back end; the others say which model, and what of it."""
INSTEAD = {"engine": "--engine", "manifest": "--manifest", "min_score": "--min-score"}


def engine_names(given: str) -> str | list[str]:
    """What `--engine` says: one name, or several separated by commas."""
    names = [name.strip() for name in given.split(",") if name.strip()]
    return names if len(names) > 1 else "".join(names)


def tell_passed_over(line: str) -> None:
    """One line on stderr for an engine that was asked for and is not the one that runs the model."""
    click.echo(f"edge: passed over: {printable(line)}", err=True)


def options_of(overrides: Sequence[str], threads: int = 0, config: Path | None = None) -> EngineOptions:
    """What `--set` and `--threads` say of back ends, over a configuration's own where one is named.

    Raises:
        UserError, ConfigFindings: a key that is no setting of back ends, or a value that cannot be.
    """
    for override in overrides:
        if not override.startswith(TABLES):
            raise UserError(f"--set {override}: only keys of `model` and `engine` matter here")
        table, _, key = (part.strip() for part in override.partition("=")[0].partition("."))
        if table == "model" and key in Model.model_fields and key not in WITH_EFFECT:
            raise UserError(f"--set {override}: has no effect here; {_instead(key)}")
    read = default_config({"none": "synthetic:"}, overrides) if config is None else load(config, overrides)
    options = engine_options(read.model, read.engine)
    return replace(options, threads=threads) if threads else options


def _instead(key: str) -> str:
    """How the command that runs is told the same."""
    command = click.get_current_context().command
    option = next((opt for param in command.params for opt in param.opts if opt == INSTEAD.get(key)), None)
    if option is not None:
        return f"use `{option}`"
    if key == "name" and any(param.name == "model" for param in command.params):
        return "name the model as MODEL"
    return "of `model`, " + ", ".join(f"`{one}`" for one in WITH_EFFECT) + " have one"
