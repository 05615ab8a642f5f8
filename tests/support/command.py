"""The `edge` command inside the test's process: what it prints and its exit code, as a shell sees them."""

from __future__ import annotations

import sys
from dataclasses import dataclass

import pytest

from edge.cli import main


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


class Edge:
    """Runs `edge ARGUMENTS`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def __call__(self, *arguments: object) -> Done:
        """Run it; whatever it raises besides its exit is a failure of the test."""
        self._monkeypatch.setattr(sys, "argv", ["edge", *map(str, arguments)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = self._capsys.readouterr()
        assert "Traceback" not in printed.err
        return Done(int(ended.value.code or 0), printed.out, printed.err)
