"""Where models, and what engines made of them, are kept on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from edge.errors import StorageError

SYSTEM = Path("/var/cache/edge")
"""The cache of the `edge` service, also read by a user's commands."""


def cache_root() -> Path | None:
    """The folder to write to: `$EDGE_CACHE`, else `$CACHE_DIRECTORY` (set by systemd), else the user's cache folder.

    None where the environment names none, as for a service without a home.
    """
    own = os.environ.get("EDGE_CACHE") or os.environ.get("CACHE_DIRECTORY", "").partition(":")[0]
    if own:
        return Path(own)
    user = os.environ.get("XDG_CACHE_HOME")
    if user:
        return Path(user) / "edge"
    home = os.environ.get("HOME")
    return Path(home) / ".cache" / "edge" if home else None


def models_folder() -> Path:
    """The folder that `pull` and `install` write to, made if it is missing."""
    root = cache_root()
    if root is None:
        raise StorageError("no folder for models: set EDGE_CACHE, or HOME")
    folder = root / "models"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise StorageError(
            f"{folder}: cannot be made ({fault.strerror}); set EDGE_CACHE to a folder of yours"
        ) from None
    return folder


def search_folders() -> tuple[Path, ...]:
    """The folders in which models are looked for, the user's own first."""
    root = cache_root()
    folders = [SYSTEM / "models"] if root is None else [root / "models", SYSTEM / "models"]
    return tuple(dict.fromkeys(folders))
