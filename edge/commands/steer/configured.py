"""What the commands of `edge steer` have in common: which configuration, and that it has a car."""

from __future__ import annotations

from pathlib import Path

import click

from edge.config.load import default_path, load
from edge.config.schema import Config
from edge.errors import UserError
from edge.steer.assembly import only_steering

CONFIG = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    help="Default: /etc/edge/edge.toml, else ./edge.toml.",
)
SET = click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Over the configuration.")


def configured(config_file: Path | None, overrides: tuple[str, ...]) -> Config:
    """The tables that steering uses.

    Raises:
        UserError: there is no such file, or no table `[steer]` in it.
        ConfigFindings: what they say cannot be used.
    """
    config = load(config_file, overrides, trim=only_steering)
    if "steer" not in config.model_fields_set:
        raise UserError(f"{config_file or default_path()}: no table `[steer]`; it says which camera and which actuator")
    return config
