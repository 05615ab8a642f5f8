"""`edge doctor`: what this machine and this configuration are like, and what to do about what is not well.

The daemon takes what checks a configuration from here; the looks themselves, and what they need, are for the command.
"""

from __future__ import annotations

from pathlib import Path

from edge.config.load import load, load_text
from edge.config.schema import Config
from edge.doctor.model import check_model
from edge.doctor.pose import check_pose


def configuration(path: Path | None) -> Config:
    """A configuration with all that can be checked without running it.

    Raises:
        UserError, ConfigFindings: as `edge.config.load.load`.
    """
    return load(path, files=True, checks=[check_model, check_pose])


def configuration_of_text(path: Path, text: str) -> Config:
    """The same of a text that is to become the file's."""
    return load_text(path, text, files=True, checks=[check_model, check_pose])
