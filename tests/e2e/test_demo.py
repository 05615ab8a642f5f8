"""`edge demo` as a newcomer runs it: a process of its own that says what it sees, and ends without a trace."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.models import catalogue, store
from tests.support.daemon import EDGE
from tests.support.shared_data import DATA, needs_data

EVENT = re.compile(r"^\d\d:\d\d:\d\d  demo: (\w+) (appeared|still there|gone) ", re.MULTILINE)
MODEL = catalogue.by_name(catalogue.DEFAULTS[0])
needs_model = pytest.mark.skipif(
    MODEL is None or store.cached(MODEL) is None, reason=f"edge models pull {catalogue.DEFAULTS[0]} was not run"
)


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """What the demo leaves in the folder for temporary files; a short path, since a socket lies in it."""
    with tempfile.TemporaryDirectory(prefix="demo-") as name:
        monkeypatch.setenv("TMPDIR", name)
        yield Path(name)


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(EDGE), "demo", *arguments], capture_output=True, text=True, timeout=60, check=False)


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_synthetic_picture_needs_no_model_and_shows_motion(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGE_CACHE", str(scratch / "cache"))  # in which there is no model
    done = demo("--source", "synthetic:", "--seconds", "4")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "ready" in lines
    assert re.search(r"http://127\.0\.0\.1:\d+/setup\?token=\S+", done.stdout)
    seen = EVENT.findall(done.stdout)
    assert {label for label, _ in seen} == {"motion"}
    assert (seen[0][1], seen[-1][1]) == ("appeared", "gone")
    assert not [path.name for path in scratch.iterdir() if path.name.startswith("edge-demo-")]


@needs_data
@needs_model
def test_people_in_footage_are_told_line_by_line(scratch: Path) -> None:
    done = demo("--source", f"file:{DATA / 'footage' / 'vtest_A.mp4'}", "--seconds", "5")
    assert (done.returncode, done.stderr) == (0, "")
    assert ("person", "appeared") in EVENT.findall(done.stdout)


def test_its_broker_runs_as_long_as_it_does(scratch: Path) -> None:
    if shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin") is None:
        pytest.skip("mosquitto is not here: apt-get install mosquitto")
    command = [str(EDGE), "demo", "--source", "synthetic:", "--seconds", "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(re.findall(r"mosquitto_sub -p (\d+)", process.stdout.readline())[0])
        while process.stdout.readline() != "ready\n":
            assert process.poll() is None
        assert answers(port)
        process.stdout.read()
    assert process.returncode == 0
    assert not answers(port)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("file:nosuch.mp4", "nosuch.mp4: no such clip"),
        ("file:text.mp4", "text.mp4: cannot be opened"),
        ("nosuch.mp4", "did you mean `file:nosuch.mp4`?"),
    ],
)
def test_a_source_that_is_none_is_told_at_once(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch, source: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.mp4").write_text("this is no video\n")
    done = demo("--source", source, "--seconds", "3")
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(scratch.iterdir())
