"""The demo's footage: OpenCV's pedestrian street, out of the `opencv-doc` package of Debian and Ubuntu.

Nothing is installed and no root is needed: apt downloads the package (96 MB) into a scratch folder and checks it
against the distribution's signature; the clip (8 MB) is taken out and kept in the user's cache, the rest goes.
"""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import av

from edge.cache import cache_root
from edge.errors import MissingError
from edge.fetching import run_watched

Progress = Callable[[int, int], None]
"""Called a few times a second with the bytes fetched so far and the bytes to fetch."""

PACKAGE = "opencv-doc"
MEMBER = "examples/data/vtest.avi"


def fetch_clip(progress: Progress | None = None) -> Path:
    """The clip in the user's cache, fetched if it is not there yet. Whole or not at all, also after Ctrl-C.

    Args:
        progress: hears of the download; by default a bar on stderr where that is a terminal, a line elsewhere.

    Raises:
        MissingError: no apt, no network, no place for it, or a package without the clip: one line says which.
    """
    root = cache_root()
    if root is None:
        raise MissingError("no folder for the demo's clip: set EDGE_CACHE, or HOME")
    clip = root / "clips" / "vtest.avi"
    if clip.is_file():
        return clip
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise MissingError(f"the demo's clip comes with Debian's and Ubuntu's {PACKAGE}, and there is no apt here")
    try:
        clip.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=clip.parent, prefix=".fetch-") as scratch:
            draft = _take_out(_download(Path(scratch), progress or _Bar()))
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            return draft.replace(clip)
    except OSError as fault:
        raise MissingError(f"{clip}: cannot be written: {fault.strerror or fault}") from None


class _Bar:
    """A bar on a terminal, a line elsewhere."""

    def __init__(self) -> None:
        self._drawn = -1

    def __call__(self, done: int, total: int) -> None:
        percent = 100 * done // max(total, 1)
        if percent == self._drawn:
            return
        first, self._drawn = self._drawn < 0, percent
        if sys.stderr.isatty():
            bar = "#" * (percent * 30 // 100)
            end = "\n" if percent == 100 else ""
            sys.stderr.write(f"\rfetching the demo's clip  [{bar:-<30}] {percent:3} % of {total / 1e6:.0f} MB{end}")
        elif first:
            sys.stderr.write(f"fetching the demo's clip, {total / 1e6:.0f} MB\n")
        sys.stderr.flush()


def _download(scratch: Path, progress: Progress) -> Path:
    """Let apt fetch the package into a folder, with the system's lists, else with fresh ones of our own."""
    try:
        return _fetch(scratch, (), progress)
    except MissingError:
        # No lists, or old ones that name a file which the mirror no longer has.
        return _fetch(scratch, _own_lists(scratch / "apt"), progress)


def _fetch(scratch: Path, options: Sequence[str], progress: Progress) -> Path:
    found = _apt(scratch, *options, "download", "--print-uris", PACKAGE)
    # 'http://.../opencv-doc_4.6.0%2bdfsg-12_all.deb' opencv-doc_4.6.0+dfsg-12_all.deb 95715012 SHA256:...
    words = found.printed.split()
    if found.failed or len(words) < 3 or not words[2].isdigit():
        raise _failed(found)
    package, total = scratch / words[1], int(words[2])
    got = _apt(scratch, *options, "download", PACKAGE, tick=lambda: progress(_size(package), total))
    if got.failed:
        raise _failed(got)
    progress(total, total)
    return package


def _own_lists(folder: Path) -> tuple[str, ...]:
    for needed in ("lists/partial", "cache/archives/partial"):
        (folder / needed).mkdir(parents=True)
    options = (f"-oDir::State::lists={folder / 'lists'}", f"-oDir::Cache={folder / 'cache'}")
    update = _apt(folder, *options, "-oAcquire::Languages=none", "update")
    # One broken source of several fails the update and harms nothing; no source that answers is for apt only a warning.
    if not any((folder / "lists").glob("*Packages*")):
        raise _failed(update)
    return options


@dataclass(frozen=True, slots=True)
class _Ran:
    """How a run of apt-get went; complaint is its first error, else its first warning."""

    failed: bool
    printed: str
    complaint: str


def _failed(ran: _Ran) -> MissingError:
    why = ran.complaint or f"apt knows no {PACKAGE}"
    return MissingError(f"the demo's clip, from the package {PACKAGE}, could not be fetched: {why}")


def _apt(folder: Path, *arguments: str, tick: Callable[[], None] = lambda: None) -> _Ran:
    """Run apt-get in a folder, where it leaves what it downloads; `tick` is called a few times a second."""
    # As root it would step down to a user who may not write here, and complain; the folder is ours either way.
    command = ["apt-get", "-qq", "-oAPT::Sandbox::User=root", "-oAcquire::http::Timeout=20", *arguments]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        code = run_watched(command, tick, output=output, errors=errors, folder=folder)
        output.seek(0)
        errors.seek(0)
        complaints = sorted(line.strip() for line in errors if line.startswith(("E:", "W:")))
        return _Ran(code != 0, output.read(), complaints[0][2:].strip() if complaints else "")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _take_out(package: Path) -> Path:
    """Unpack the clip alone, beside the package; the rest of the package never touches the disk."""
    draft = package.with_name("draft.avi")
    unpack = ["dpkg-deb", "--fsys-tarfile", str(package)]
    with subprocess.Popen(unpack, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:  # noqa: S603
        try:
            if process.stdout is None or not _copy_member(process.stdout, draft):
                raise MissingError(f"{package.name} holds no {MEMBER}")
        finally:
            process.kill()  # what comes after the clip is not wanted
    _check(draft)
    return draft


def _copy_member(stream: IO[bytes], draft: Path) -> bool:
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                # Debian compresses large files of documentation, which one depends on the release.
                if not member.isfile() or not member.name.endswith((MEMBER, f"{MEMBER}.gz")):
                    continue
                packed = archive.extractfile(member)
                if packed is None:
                    return False
                with draft.open("wb") as file:
                    shutil.copyfileobj(gzip.GzipFile(fileobj=packed) if member.name.endswith(".gz") else packed, file)
                return True
    except tarfile.TarError:
        return False
    return False


def _check(clip: Path) -> None:
    try:
        with av.open(str(clip)) as container:
            next(container.decode(video=0))
    except (av.FFmpegError, IndexError, StopIteration):
        raise MissingError(f"{PACKAGE} holds a {MEMBER} that is no video") from None
