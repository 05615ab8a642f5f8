"""What a child says: nonsense is not believed, and what reaches people can be printed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge.engines.child import Child
from edge.engines.child_output import LastWords
from edge.engines.workers import protocol
from edge.errors import EngineError, MissingError, ModelError
from tests.support.children import (
    echo,
    feed,
    liar,
    program,
)
from tests.support.echo_worker import PRINT

HELLO = protocol.pack({"kind": "hello", "version": 1, "backend": "1.0", "devices": ["CPU"]})
X = {"name": "x", "shape": [1, 4], "dtype": "float32", "bytes": 16}
PROGRESS = protocol.pack({"kind": "progress", "part": 0.5, "doing": "thinking"})


def loaded(name: str) -> bytes:
    """The answer to a load of a model with an output of this name."""
    return protocol.pack({"kind": "loaded", "inputs": [X], "outputs": [{**X, "name": name}]})


def test_the_child_writes_nothing_to_our_output(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    engine = echo(tmp_path)
    engine.run(feed(PRINT))
    engine.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "a frame begins with b'HTTP'"),
        ([protocol.HEAD.pack(b"edge", 1 << 31)], "says that it has 2147483648 bytes"),
        ([protocol.HEAD.pack(b"edge", 3) + b"{}}"], "is no JSON"),
        ([HELLO[:20]], "a frame was cut short"),
        ([protocol.pack({"kind": "hello", "version": 2, "backend": "1.0", "devices": []})], "no hello of version 1"),
        ([protocol.pack({"kind": "hello", "version": 1, "backend": "1.0", "devices": "CPU"})], "no list of names"),
        ([protocol.pack({"kind": "done"})], "no hello"),
        ([HELLO, protocol.pack({"kind": "done"})], "done answers no load"),
        (
            [HELLO, protocol.pack({"kind": "loaded", "inputs": [X], "outputs": [{**X, "bytes": 1 << 50}]})],
            "is no number",
        ),
        (
            [
                HELLO,
                protocol.pack(
                    {
                        "kind": "loaded",
                        "inputs": [X],
                        "outputs": [{**X, "name": n, "shape": [1 << 28], "bytes": 1 << 30} for n in "ab"],
                    }
                ),
            ],
            "is no number from 0 to",
        ),
        ([HELLO, protocol.pack({"kind": "progress", "part": "half", "doing": ""})], "`part` is no float"),
        ([PROGRESS, HELLO], "tells progress of what is no load"),
        ([protocol.pack({"kind": "refused", "fault": "failed", "text": "\x1b[2J" + "x" * 9999})], r"echo: \[2Jx{396}…"),
        ([HELLO, protocol.pack({"kind": "refused", "fault": "model", "text": "\x1b]0;x\x07no"})], r"read: \]0;xno$"),
        ([b"edge\x1b[2J\n\x9b"], "talks nonsense: a frame says"),
        ([HELLO, loaded("\x1b[2J")], r"`\[2J` is no name"),
        ([HELLO, loaded("n" * 257)], "`n{50}` is no name: longer than 256 characters"),
    ],
)
def test_a_process_that_talks_nonsense_is_not_believed(tmp_path: Path, answers: list[bytes], told: str) -> None:
    with pytest.raises((EngineError, MissingError, ModelError), match=told) as fault:
        echo(tmp_path, python=liar(tmp_path, *answers))
    assert str(fault.value).isprintable()
    assert len(str(fault.value)) < 1000


def test_progress_during_a_run_is_nonsense(tmp_path: Path) -> None:
    mapped = protocol.pack({"kind": "mapped"})
    engine = echo(tmp_path, python=liar(tmp_path, HELLO, loaded("y"), mapped, mapped, PROGRESS * 3))
    with pytest.raises(EngineError, match="tells progress of what is no load"):
        engine.run(feed())
    engine.close()


def test_what_a_child_says_of_itself_can_be_printed(tmp_path: Path) -> None:
    told = {"kind": "hello", "version": 1, "backend": "\x1b[2J1.0" + "x" * 500, "devices": ["CPU\x07", "犬"]}
    heard: list[str] = []
    doing = protocol.pack({"kind": "progress", "part": 0.5, "doing": "\x1b[1mthinking" + "." * 500})
    python = liar(tmp_path, protocol.pack(told), doing + loaded("y"))
    child = Child(program(python))
    assert (child.version, child.devices) == ("[2J1.0" + "x" * 53 + "…", ("CPU", "犬"))
    child.load({"kind": "load"}, lambda part, doing: heard.append(doing))
    assert heard == ["[1mthinking" + "." * 68 + "…"]
    child.close()


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ([1 << 40, 0, [1, 4]], "said to lie at 0 of segment"),
        ([0, 1 << 20, [1, 4]], "said to lie at 1048576"),
        ([0, 0, [1, 400]], "cannot have the shape"),
        ([0, 0], "is no place"),
    ],
)
def test_results_are_read_only_from_where_they_may_lie(tmp_path: Path, place: list[Any], told: str) -> None:
    mapped = protocol.pack({"kind": "mapped"})
    loaded = protocol.pack({"kind": "loaded", "inputs": [X], "outputs": [{**X, "name": "y"}]})
    done = protocol.pack({"kind": "done", "outputs": {"y": place}})
    engine = echo(tmp_path, python=liar(tmp_path, HELLO, loaded, mapped, mapped, done))
    with pytest.raises(EngineError, match=told):
        engine.run(feed())
    engine.close()


def test_last_words_are_bounded() -> None:
    said = LastWords()
    said.add(b"x" * 1_000_000)
    said.add(b"y" * 1000 + b"\n" + b"line\n" * 1000 + b"end")
    assert len(said.lines()) == LastWords.LINES + 1
    assert max(map(len, said.lines())) <= LastWords.WIDTH
    assert str(said) == "; its last words: end"
