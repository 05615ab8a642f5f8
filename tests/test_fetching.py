"""Programs that fetch: their end is awaited, ours is theirs."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import pytest

from edge.fetching import run_watched


def test_it_hears_of_the_time_that_passes_and_of_the_end(tmp_path: Path) -> None:
    ticks: list[None] = []
    program = "import os, time; print(os.getcwd(), os.environ['WORD']); time.sleep(0.4); raise SystemExit(7)"
    with tempfile.TemporaryFile("w+") as said:
        code = run_watched(
            [sys.executable, "-c", program],
            lambda: ticks.append(None),
            output=said,
            errors=said,
            folder=tmp_path,
            environment={"WORD": "here"},
        )
        said.seek(0)
        assert (code, said.read().split()) == (7, [str(tmp_path), "here"])
    assert len(ticks) >= 2


def test_a_program_does_not_outlive_who_waits_for_it(tmp_path: Path) -> None:
    program = "import os, time; open('pid', 'w').write(str(os.getpid())); os.rename('pid', 'known'); time.sleep(60)"
    known = tmp_path / "known"

    def interrupt() -> None:
        if known.exists():
            raise KeyboardInterrupt

    with tempfile.TemporaryFile("w+") as said, pytest.raises(KeyboardInterrupt):
        run_watched([sys.executable, "-c", program], interrupt, output=said, errors=said, folder=tmp_path)
    with pytest.raises(ProcessLookupError):
        os.kill(int(known.read_text()), 0)
