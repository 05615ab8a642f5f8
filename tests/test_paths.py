"""A path that may not be followed is a clear line, never a traceback."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from edge.capture.file import open_file
from edge.capture.v4l2 import open_v4l2
from edge.config.checks import missing_files
from edge.doctor.model import check_model
from edge.errors import EdgeError
from edge.paths import GONE, is_file, no_folder, read_bounded, unreadable, write_whole

AWKWARD = ["loop/x", "n" * 300, "a\0b", "file/below"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("x")
    return tmp_path


def test_what_keeps_a_file_from_being_read_is_said(folder: Path) -> None:
    assert unreadable(folder / "file") is None
    assert unreadable(folder / "none") == GONE
    assert unreadable(folder) == "is a folder"
    assert no_folder(folder) is no_folder(folder / "none") is None
    assert no_folder(folder / "file") == "is no folder"


def test_a_file_is_read_up_to_its_bound_and_a_pipe_is_not_waited_for(folder: Path) -> None:
    (folder / "whole").write_bytes(bytes(1 << 20))
    assert read_bounded(folder / "whole", 1 << 20) == bytes(1 << 20)
    (folder / "whole").write_bytes(bytes((1 << 20) + 1))
    with pytest.raises(OSError, match="it has more than 1 MB"):
        read_bounded(folder / "whole", 1 << 20)
    os.mkfifo(folder / "pipe")
    for odd in (folder / "pipe", Path("/dev/zero")):
        with pytest.raises(OSError, match="it is no plain file"):
            read_bounded(odd, 1 << 20)
    with pytest.raises(FileNotFoundError):
        read_bounded(folder / "none", 1 << 20)


@pytest.mark.parametrize("name", AWKWARD)
def test_no_path_is_too_awkward(folder: Path, name: str) -> None:
    path = folder / name
    assert not is_file(path)
    assert unreadable(path)
    assert no_folder(path)
    check(str(path))


def test_a_folder_that_may_not_be_entered_is_a_clear_line(tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir()
    (shut / "x.onnx").write_text("x")
    check(str(tmp_path / "none.onnx"))  # imports what is imported late
    shut.chmod(0)
    with ordinary_user():
        said = check(str(shut / "x.onnx"))
    shut.chmod(0o700)
    assert said.count("may not be read by this user") == 3


@contextmanager
def ordinary_user() -> Iterator[None]:
    """Without root's right to enter everything, where the tests run as root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


def check(path: str) -> str:
    """What everything that opens or checks paths says of one; anything but its own faults is a bug."""
    said = [finding.message for finding in missing_files({"camera": [{"source": f"file:{path}"}]})]
    check_model({"model": {"name": path}})
    missing_files({"node": {"data": path}})
    for opener in (open_file, open_v4l2):
        with pytest.raises(EdgeError) as fault:
            opener(path)
        said.append(str(fault.value))
    assert not any("\n" in line for line in said)
    return "; ".join(said)


def test_a_file_is_written_whole_or_not_at_all(folder: Path) -> None:
    write_whole(folder / "file", b"new")
    assert (folder / "file").read_bytes() == b"new"
    (folder / "taken").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(folder / "taken", b"new")
    assert sorted(path.name for path in folder.iterdir()) == ["file", "loop", "taken"], "no draft is left"
    with pytest.raises(FileNotFoundError):
        write_whole(folder / "none" / "file", b"new")
