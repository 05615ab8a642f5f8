"""How a command of minutes tells of itself."""

from __future__ import annotations

import io

import pytest

from edge.commands.shown import Bar, shown


def test_a_terminal_sees_a_bar_of_what_is_done_and_lines_that_stay() -> None:
    console = pytest.importorskip("rich.console")
    progress = pytest.importorskip("rich.progress")
    said = io.StringIO()
    with progress.Progress(console=console.Console(file=said, force_terminal=True), auto_refresh=False) as bars:
        bar = Bar(bars)
        for doing, part in (("learning", 0.5), ("learning", 1.0), ("driving laps", 0.25)):
            bar.progress(doing, part)
            bars.refresh()
        bar.line("round 0: [12] pictures")
    text = said.getvalue()
    assert text.index("learning") < text.index("50%") < text.index("driving laps") < text.index("25%")
    assert "round 0: [12] pictures\n" in text


def test_a_log_gets_lines_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with shown() as bar:
        bar.progress("learning", 0.5)
        bar.line("round 0: 12 pictures")
    assert capsys.readouterr().err == "round 0: 12 pictures\n"


def test_a_log_that_wants_them_gets_a_line_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    with shown(steps=True) as bar:
        for doing, part in (("filters: conv1", 0.0), ("filters: conv2", 0.5), ("coding", 0.0)):
            bar.progress(doing, part)
    assert capsys.readouterr().err == "filters …\ncoding …\n"
