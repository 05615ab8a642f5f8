"""What the shell sees of `edge` itself, whichever command follows."""

from __future__ import annotations

import pytest

from tests.support.command import Edge


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Edge:
    return Edge(monkeypatch, capsys)


@pytest.mark.parametrize(("group", "command"), [((), "doctor"), (("models",), "pull")])
def test_a_group_alone_shows_its_help(edge: Edge, group: tuple[str, ...], command: str) -> None:
    done = edge(*group)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Usage: ")
    assert f"\n  {command} " in done.out
    assert done.out == edge(*group, "--help").out


@pytest.mark.parametrize("mistake", [("nothing",), ("--nothing",), ("models", "nothing"), ("run", "--nothing")])
def test_an_unknown_command_or_option_says_where_the_help_is(edge: Edge, mistake: tuple[str, ...]) -> None:
    done = edge(*mistake)
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) <= 3
    assert "--help'." in done.err
