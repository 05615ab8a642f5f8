"""`edge board` as its user meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edge.firmware.board import boards
from tests.support.boards import snapshot, system
from tests.support.command import Edge


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    return Edge(monkeypatch, capsys)


def test_the_list_says_which_board_this_is_and_what_is_applied(edge: Edge, tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    assert edge("board", "apply", "pi-4", "--root", root).code == 0
    rows = json.loads(edge("board", "list", "--root", root, "--json").out)
    assert [row["name"] for row in rows] == list(boards())
    assert [(row["name"], row["state"]) for row in rows if row["this"]] == [("pi-4", "applied")]
    assert "Raspberry Pi 4" in edge("board", "list", "--root", root).out


def test_a_machine_that_is_none_of_them_is_told(edge: Edge, tmp_path: Path) -> None:
    done = edge("board", "list", "--root", system(tmp_path / "root", "Some Board\x1b[2J"))
    assert (done.code, done.err) == (0, "edge: this machine is none of them: Some Board?[2J\n")


def test_a_dry_run_shows_the_differences_and_does_nothing(edge: Edge, tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    before = snapshot(root)
    done = edge("board", "apply", "pi-4", "--dry-run", "--root", root)
    assert done.code == 0
    assert "--- a/boot/firmware/config.txt\n+++ b/boot/firmware/config.txt\n" in done.out
    assert "+RuntimeWatchdogSec=14s" in done.out
    assert snapshot(root) == before
    edge("board", "apply", "pi-4", "--root", root)
    assert edge("board", "apply", "pi-4", "--dry-run", "--root", root).out == ""
    assert "-dtparam=watchdog=on" in edge("board", "revert", "--dry-run", "--root", root).out
    assert edge("board", "revert", "--root", root).code == 0
    assert snapshot(root) == before


def test_it_says_what_it_did_and_a_second_time_that_nothing_was_to_do(edge: Edge, tmp_path: Path) -> None:
    root = system(tmp_path / "root")
    done = edge("board", "apply", "pi-4", "--root", root)
    assert f"changed  {root}/boot/firmware/config.txt\n" in done.out
    assert done.out.endswith("pi-4: applied; it counts from the next start on: sudo reboot\n")
    assert edge("board", "apply", "pi-4", "--root", root).out == "pi-4: is so\n"
    (root / "etc/sysctl.d/60-edge.conf").write_text("mine\n")
    done = edge("board", "revert", "--root", root)
    assert done.err == f"edge: {root}/etc/sysctl.d/60-edge.conf was changed by somebody else since: it stays as it is\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["apply", "pi-6"], "no board is called pi-6; there are: jetson-nano, "),
        (["profile", "pi-6"], "no board is called pi-6"),
        (["apply", "pi-5"], "not a Raspberry Pi 5"),
        (["revert"], "nothing is applied here"),
        (["revert", "--dry-run"], "nothing is applied here"),
    ],
)
def test_a_mistake_is_one_line(edge: Edge, tmp_path: Path, arguments: list[str], said: str) -> None:
    root = system(tmp_path / "root")
    done = edge("board", *arguments, *(["--root", root] if arguments[0] != "profile" else []))
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert said in done.err


def test_force_applies_another_board_and_a_root_that_is_none_is_refused(edge: Edge, tmp_path: Path) -> None:
    assert edge("board", "apply", "pi-5", "--force", "--root", system(tmp_path / "root")).code == 0
    done = edge("board", "apply", "pi-5", "--root", tmp_path / "nowhere")
    assert (done.code, "is no root of a system" in done.err) == (2, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_who_is_not_root_is_told_before_anything_is_written() -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        root = system(Path(name) / "root")
        before = snapshot(root)
        program = f"""
import os, sys
from edge.cli import main
from edge.commands import board
known = board.known_board("pi-4")
board.known_board = lambda name: known  # the files may be where nobody else may look
os.setuid(65534)
sys.argv = ["edge", "board", "apply", "pi-4", "--root", {str(root)!r}]
main()
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        assert (done.returncode, "put `sudo` in front" in done.stderr) == (2, True), done.stderr
        assert snapshot(root) == before


def test_the_profile_is_printed_as_it_is(edge: Edge) -> None:
    assert edge("board", "profile", "pi-5").out == boards()["pi-5"].profile
