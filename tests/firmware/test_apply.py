"""Applying a board's files: once is enough, all of it comes back, and a power cut in the middle leaves no ruin."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edge.errors import StorageError, UserError
from edge.firmware.apply import apply, check_board, revert
from edge.firmware.board import board, boards
from edge.firmware.plan import to_apply, to_revert
from edge.firmware.record import Store
from edge.firmware.tree import Tree
from tests.support.boards import CMDLINE, CONFIG, snapshot, system

ROOT = Path(__file__).parents[2]


def record_of(root: Path) -> Store:
    return Store(Tree(root))


@pytest.mark.parametrize("name", boards())
def test_a_second_apply_changes_nothing_and_a_revert_brings_back_every_byte(name: str, tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    before = snapshot(root)
    assert apply(board(name), root).changes
    after = snapshot(root)
    assert not apply(board(name), root).changes
    assert snapshot(root) == after
    assert not revert(root).left
    assert snapshot(root) == before
    assert not (root / "var/lib/edge-board").exists()


def test_what_stands_outside_the_block_stays_when_the_files_change_and_when_they_go(tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    config = root / "boot/firmware/config.txt"
    apply(board("pi-4"), root)
    config.write_bytes(b"gpu_mem=64\n" + config.read_bytes() + b"dtoverlay=imx219\n")
    apply(board("pi-5"), root)
    assert config.read_bytes().startswith(b"gpu_mem=64\n# BEGIN edge board")
    assert config.read_bytes().endswith(b"# END edge board\n" + CONFIG + b"dtoverlay=imx219\n")
    assert b"disable-wifi-pi5" in config.read_bytes()
    revert(root)
    assert config.read_bytes() == b"gpu_mem=64\n" + CONFIG + b"dtoverlay=imx219\n"


def test_a_camera_that_the_owner_has_set_up_keeps_its_overlay_last(tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    config = root / "boot/firmware/config.txt"
    config.write_bytes(b"camera_auto_detect=0\ndtoverlay=imx219\n")
    apply(board("pi-4"), root)
    said = [line for line in config.read_bytes().splitlines() if line.startswith(b"camera_auto_detect")]
    assert said == [b"camera_auto_detect=1", b"camera_auto_detect=0"], "the firmware takes the last"


def test_a_file_keeps_its_owner_and_its_mode(tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    path = root / "etc/sysctl.d/60-edge.conf"
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 12, 34)
    was = path.stat()
    apply(board("pi-4"), root)
    assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode) == (was.st_uid, was.st_gid, was.st_mode)
    revert(root)
    assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode) == (was.st_uid, was.st_gid, was.st_mode)


def test_words_of_the_owner_on_the_command_line_are_kept_and_ours_alone_go(tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    cmdline = root / "boot/firmware/cmdline.txt"
    cmdline.write_bytes(CMDLINE.replace(b"rootwait", b"panic=5 cgroup_enable=cpuset rootwait"))
    before = cmdline.read_bytes()
    apply(board("pi-4"), root)
    assert cmdline.read_bytes() == before.replace(b"\n", b" cgroup_enable=memory\n")
    cmdline.write_bytes(cmdline.read_bytes().replace(b"\n", b" quiet\n"))
    revert(root)
    assert cmdline.read_bytes() == before.replace(b"\n", b" quiet\n")


def test_another_board_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    root, fresh = system(tmp_path / "root"), system(tmp_path / "fresh")
    before = snapshot(root)
    apply(board("pi-4"), root)
    apply(board("orin-nx"), root)
    assert not apply(board("orin-nx"), root).changes
    apply(board("orin-nx"), fresh)
    assert snapshot(root) == snapshot(fresh)
    assert not [name for name in snapshot(root) if "zram" in name]
    revert(root)
    assert snapshot(root) == before


def test_a_file_that_somebody_changed_since_stays_and_is_named(tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    apply(board("pi-4"), root)
    rules = root / "etc/udev/rules.d/70-edge.rules"
    rules.write_text("# mine now\n")
    assert revert(root).left == ("etc/udev/rules.d/70-edge.rules",)
    assert rules.read_text() == "# mine now\n"
    with pytest.raises(UserError, match="nothing is applied"):
        revert(root)


def test_a_changed_file_is_ours_again_after_an_apply_and_comes_back_as_it_was_changed(tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    apply(board("pi-4"), root)
    rules = root / "etc/udev/rules.d/70-edge.rules"
    ours = rules.read_bytes()
    rules.write_text("# mine now\n")
    rules.chmod(0o600)
    assert [change.path for change in apply(board("pi-4"), root).changes] == ["etc/udev/rules.d/70-edge.rules"]
    assert rules.read_bytes() == ours
    revert(root)
    assert rules.read_text() == "# mine now\n"
    assert rules.stat().st_mode & 0o777 == 0o600


def test_what_the_owner_has_masked_stays_masked(tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    mount, rules = root / "etc/systemd/system/tmp.mount", root / "etc/udev/rules.d/70-edge.rules"
    mount.unlink()
    mount.symlink_to("/dev/null")
    apply(board("pi-4"), root)
    rules.unlink()
    rules.symlink_to("/dev/null")
    assert not apply(board("pi-4"), root).changes
    revert(root)
    assert str(mount.readlink()) == str(rules.readlink()) == "/dev/null"


def test_swap_is_set_up_in_the_way_of_the_system_that_is_there(tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    apply(board("pi-4"), root)
    assert (root / "etc/systemd/zram-generator.conf.d/edge.conf").exists()
    (root / "etc/rpi").mkdir()
    (root / "etc/rpi/swap.conf").write_text("[Main]\n")
    apply(board("pi-4"), root)
    assert not (root / "etc/systemd/zram-generator.conf.d").exists()
    assert (root / "etc/rpi/swap.conf.d/60-edge.conf").exists()


def test_the_boot_files_are_found_where_older_systems_have_them_and_missed_where_nothing_is_mounted(
    tmp_path: Path,
) -> None:
    old = system(tmp_path / "old", boot="boot")
    apply(board("pi-3"), old)
    assert b"BEGIN edge board" in (old / "boot/config.txt").read_bytes()
    unmounted = system(tmp_path / "unmounted", boot="boot")
    (unmounted / "boot/firmware").mkdir()
    before = snapshot(unmounted)
    with pytest.raises(UserError, match=r"boot/firmware/config\.txt: is not there; mount"):
        apply(board("pi-3"), unmounted)
    assert snapshot(unmounted) == before


def test_a_board_is_applied_to_itself_and_to_images_and_to_no_other(tmp_path: Path) -> None:
    system(tmp_path / "four")
    check_board(board("pi-4"), tmp_path / "four")
    with pytest.raises(UserError, match=r"Raspberry Pi 4 Model B Rev 1\.5, not a Raspberry Pi 5.*--force"):
        check_board(board("pi-5"), tmp_path / "four")
    system(tmp_path / "image", "")
    check_board(board("pi-5"), tmp_path / "image")
    if not Path("/proc/device-tree/model").exists():
        with pytest.raises(UserError, match="no device tree"):
            check_board(board("pi-5"), Path("/"))


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("Raspberry Pi Zero 2 W Rev 1.0", "pi-zero-2w"),
        ("Raspberry Pi 3 Model B Plus Rev 1.3", "pi-3"),
        ("Raspberry Pi 4 Model B Rev 1.5", "pi-4"),
        ("Raspberry Pi 5 Model B Rev 1.0", "pi-5"),
        ("Raspberry Pi Compute Module 5 Rev 1.0", "pi-5"),
        ("NVIDIA Jetson Nano Developer Kit", "jetson-nano"),
        ("NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super", "orin-nano"),
        ("NVIDIA Jetson Orin NX Engineering Reference Developer Kit", "orin-nx"),
    ],
)
def test_boards_are_known_by_what_their_device_trees_say(model: str, name: str) -> None:
    found = [one.name for one in boards().values() if one.is_it(model)]
    assert name in found
    assert set(found) <= {name, "orin-nano"}  # JetPack gives an Orin Nano the name of the NX now and then


def test_a_link_in_an_image_leads_nobody_out_of_it(tmp_path: Path) -> None:
    root = system(tmp_path / "root", "")
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "etc/udev").symlink_to(outside)
    with pytest.raises(UserError, match="leads out of"):
        apply(board("pi-4"), root)
    assert not list(outside.iterdir())


def test_the_diff_is_one_that_patch_applies(tmp_path: Path) -> None:
    if shutil.which("patch") is None:
        pytest.skip("patch is not installed")
    root, patched = system(tmp_path / "root", ""), system(tmp_path / "patched", "")
    for here in (root, patched):
        (here / "etc/systemd/system/tmp.mount").unlink()
        (here / "boot/firmware/cmdline.txt").write_bytes(CMDLINE.rstrip())
    changes = to_apply(board("pi-4"), Tree(root), record_of(root)).changes
    text = "".join(change.diff() for change in changes if not change.path.endswith(".wants/tmp.mount"))
    assert not (root / "var/lib/edge-board").exists(), "to look writes nothing"
    subprocess.run(["patch", "-p1", "-s"], cwd=patched, input=text, text=True, check=True)
    apply(board("pi-4"), root)
    (root / "etc/systemd/system/local-fs.target.wants/tmp.mount").unlink()
    (root / "etc/systemd/system/local-fs.target.wants").rmdir()
    assert snapshot(patched) == snapshot(root)


def test_what_would_be_reverted_is_shown_without_being_done(tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    apply(board("pi-4"), root)
    before = snapshot(root)
    shown = "".join(change.diff() for change in to_revert(Tree(root), record_of(root)).changes)
    assert "-dtparam=watchdog=on" in shown
    assert "+# of the owner, by chance of the same name" in shown
    assert snapshot(root) == before


def test_two_at_a_time_are_refused(tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    with record_of(root).locked(), pytest.raises(StorageError, match="another `edge board` is at work"):
        apply(board("pi-4"), root)


def test_a_record_that_cannot_be_read_is_said_and_nothing_is_written(tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    apply(board("pi-4"), root)
    (root / "var/lib/edge-board/record.json").write_text("{")
    before = snapshot(root)
    for work in (lambda: apply(board("pi-5"), root), lambda: revert(root)):
        with pytest.raises(StorageError, match=r"record\.json: cannot be read"):
            work()
    assert snapshot(root) == before


@pytest.mark.slow
def test_one_that_is_killed_at_any_step_is_finished_by_the_next_or_taken_back() -> None:
    memory = Path("/dev/shm")  # noqa: S108 - thousands of small files: no disk has to bear them
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        command = [sys.executable, "-m", "tests.support.killed_board", folder]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["killed"] for row in rows} == {"apply", "revert"}
    assert len(rows) > 40
    assert [row for row in rows if not (row["applied"] and row["reverted"])] == []
