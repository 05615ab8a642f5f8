"""Power cuts: a process on a disk that forgets what was not fsynced (`forgetful.c`), and what is there afterwards.

SIGKILL is no power cut: what the kernel holds in its cache outlives the process. Here each file's content is taken
aside at its fsync, and the names in a folder at the folder's; a process that is killed leaves just that behind.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECT = str(Path(__file__).parents[2])
SOURCE = Path(__file__).with_name("forgetful.c")


def compiled(folder: Path) -> Path:
    """The library to preload."""
    library = folder / "forgetful.so"
    command = ["gcc", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return library


def prepare(root: Path, disk: Path) -> None:
    """Make the folder to work in, if it is not there, and the disk behind it, which has what is there already."""
    for folder in (root, disk / "data", disk / "grave"):
        folder.mkdir(parents=True, exist_ok=True)
    files = [path for path in root.iterdir() if path.is_file()]
    for path in files:
        (disk / "data" / str(path.stat().st_ino)).write_bytes(path.read_bytes())
    (disk / "names").write_text("".join(f"{path.stat().st_ino} {path.name}\n" for path in files))


def run(library: Path, *arguments: str, root: Path | None = None, disk: Path | None = None) -> None:
    """Run Python with these arguments on a disk; `root` and `disk` may be set by what runs as well."""
    place = {} if root is None else {"FORGETFUL_ROOT": str(root), "FORGETFUL_DISK": str(disk)}
    more = {"LD_PRELOAD": str(library), "PYTHONPATH": PROJECT, "PYTHONDONTWRITEBYTECODE": "1", **place}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env={**os.environ, **more}, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, -9), done.stderr


def after_the_cut(disk: Path, folder: Path) -> Path:
    """A folder as it is found when the power is back."""
    folder.mkdir(parents=True)
    names = disk / "names"
    for line in names.read_text().splitlines() if names.exists() else ():
        inode, name = line.split(" ", 1)
        data = disk / "data" / inode
        (folder / name).write_bytes(data.read_bytes() if data.exists() else b"")
    return folder
