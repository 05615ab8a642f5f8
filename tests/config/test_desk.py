"""The file behind the page: stored whole or not at all, with a way back, and never over somebody else's change."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.config.desk import KEPT, ChangedError, Desk, version_of
from edge.config.diagnose import ConfigFindings
from edge.config.edit import Change, edited
from edge.config.load import load_text
from edge.errors import StorageError, UserError
from tests.support.stand_ins import Hands

TEXT = '# mine\n[[camera]]\nname = "porch" # by the door\nsource = "synthetic:"\n'


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter; pytest's own are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def put(*loc: str | int, to: object) -> Callable[[str], str]:
    return lambda text: edited(text, [Change(loc, to)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def desk(file: Path) -> Desk:
    return Desk(file, load_text, Hands())


def test_a_change_is_stored_and_the_text_before_is_kept(desk: Desk, file: Path) -> None:
    version = desk.store(version_of(TEXT), put("camera", 0, "loop", to=True), "a test")
    assert file.read_text() == f"{TEXT}loop = true\n"
    assert version == version_of(desk.text())
    (backup,) = file.parent.glob("edge.toml.bak-*")
    assert backup.read_text() == TEXT
    assert sorted(each.name for each in file.parent.iterdir()) == ["edge.toml", backup.name]


def test_a_clock_that_is_behind_costs_no_way_back(file: Path) -> None:
    hands = Hands()
    desk = Desk(file, load_text, hands)
    for number in range(KEPT):
        hands.now += 60
        desk.store(version_of(desk.text()), put("camera", 0, "max_fps", to=number + 1), "a test")
    hands.now -= 3_600_000
    for number in range(2):
        before = desk.text()
        hands.now += 60
        desk.store(version_of(before), put("camera", 0, "max_fps", to=100 + number), "a test")
        kept = [each.read_text() for each in file.parent.glob("edge.toml.bak-*")]
        assert (before in kept, len(kept)) == (True, KEPT)


def test_the_newest_backups_are_kept(desk: Desk, file: Path) -> None:
    hands = Hands()
    desk = Desk(file, load_text, hands)
    for number in range(KEPT + 3):
        hands.now += 60
        desk.store(version_of(desk.text()), put("camera", 0, "max_fps", to=number + 1), "a test")
    kept = sorted(file.parent.glob("edge.toml.bak-*"))
    assert len(kept) == KEPT
    assert "max_fps = 3\n" in kept[0].read_text()
    assert f"max_fps = {KEPT + 2}\n" in kept[-1].read_text()


def test_a_text_that_is_not_valid_is_not_stored_and_every_finding_has_its_line(desk: Desk, file: Path) -> None:
    with pytest.raises(ConfigFindings) as caught:
        desk.store(version_of(TEXT), put("camera", 0, "min_score", to=2), "a test")
    (finding,) = caught.value.findings
    assert (finding.key, finding.line, finding.message) == ("camera[0].min_score", 5, "must be at most 1")
    assert [each.name for each in file.parent.iterdir()] == ["edge.toml"]
    assert file.read_text() == TEXT


def test_a_file_that_was_changed_meanwhile_is_left_alone(desk: Desk, file: Path) -> None:
    version = version_of(desk.text())
    file.write_text(f"{TEXT}# and this\n")
    with pytest.raises(ChangedError, match="was changed meanwhile: load this page again"):
        desk.store(version, put("camera", 0, "loop", to=True), "a test")
    assert file.read_text() == f"{TEXT}# and this\n"


def test_mode_owner_and_a_link_stay(tmp_path: Path) -> None:
    real = tmp_path / "real" / "house.toml"
    real.parent.mkdir()
    real.write_text(TEXT)
    real.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(real, 990, 991)
    link = tmp_path / "edge.toml"
    link.symlink_to(real)
    before = real.stat()
    Desk(link, load_text).store(version_of(TEXT), put("camera", 0, "loop", to=True), "a test")
    after = real.stat()
    assert link.is_symlink()
    assert "loop = true" in real.read_text()
    assert (after.st_mode, after.st_uid, after.st_gid) == (before.st_mode, before.st_uid, before.st_gid)
    (backup,) = real.parent.glob("house.toml.bak-*")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o640


def test_line_ends_of_windows_stay(desk: Desk, file: Path) -> None:
    file.write_bytes(TEXT.replace("\n", "\r\n").encode())
    desk.store(version_of(desk.text()), put("camera", 0, "name", to="gate"), "a test")
    assert file.read_bytes() == TEXT.replace("\n", "\r\n").replace("porch", "gate").encode()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
@pytest.mark.parametrize(
    ("folder_mode", "told"), [(0o755, "sudo chown nobody"), (0o1777, "sudo chown nobody"), (0o777, None)]
)
def test_a_file_that_may_not_be_written_is_told_with_what_to_do(
    open_folder: Path, folder_mode: int, told: str | None
) -> None:
    folder = open_folder
    (folder / "edge.toml").write_text(TEXT)
    folder.chmod(folder_mode)
    script = """
import os, sys; from pathlib import Path
from edge.config.desk import Desk, version_of
from edge.config.load import load_text
from edge.errors import StorageError
desk = Desk(Path(sys.argv[1]), load_text)
desk.load()  # what a process imports may lie where only root reads
os.setgroups([]); os.setgid(65534); os.setuid(65534)
print(desk.unwritable())
try: desk.store(version_of(desk.text()), lambda text: text + "# more\\n", "a test")
except StorageError as fault: print(fault)
else: print("stored")
"""
    command = [sys.executable, "-c", script, folder / "edge.toml"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    foreseen, happened = done.stdout.splitlines()
    if told is None:
        assert (foreseen, happened) == ("None", "stored")
    else:
        assert told in foreseen
        assert happened == f"{folder / 'edge.toml'} was not changed: {foreseen}"
        assert (folder / "edge.toml").read_text() == TEXT


def test_what_the_disk_refuses_changes_nothing(file: Path) -> None:
    file = file.rename(file.with_name("e" * 240 + ".toml"))
    desk = Desk(file, load_text)
    with pytest.raises(StorageError, match=r"was not changed: File name too long"):
        desk.store(version_of(TEXT), put("camera", 0, "loop", to=True), "a test")
    assert file.read_text() == TEXT


def test_what_became_of_a_reload_is_told(desk: Desk, file: Path) -> None:
    asked: list[str] = []
    desk.listen(lambda: asked.append("reload"))
    assert desk.load().camera[0].name == "porch"
    desk.reloaded(None)
    first = version_of(TEXT)
    assert (desk.loaded.version, desk.loaded.pending, desk.loaded.fault) == (first, False, None)
    version = desk.store(first, put("camera", 0, "loop", to=True), "a test")
    assert desk.loaded.pending
    desk.reload()
    assert (asked, desk.loaded.pending) == (["reload"], True)
    desk.load()
    desk.reloaded("the port is taken")
    assert (desk.loaded.version, desk.loaded.pending, desk.loaded.fault) == (first, False, "the port is taken")
    desk.load()
    desk.reloaded(None)
    assert (desk.loaded.version, desk.loaded.fault) == (version, None)


def test_a_file_that_is_gone_is_told(desk: Desk, file: Path) -> None:
    file.unlink()
    with pytest.raises(UserError, match="no configuration file"):
        desk.store("x", put("camera", 0, "loop", to=True), "a test")
