"""Frames and what is in them: whatever comes is either what may come or a ProtocolError, on both sides."""

from __future__ import annotations

import ast
import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.engines.child import WORKERS
from edge.engines.segments import Segments
from edge.engines.workers import protocol, serve
from edge.engines.workers.protocol import ProtocolError, Tensor
from tests.support.children import ECHO

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
HEAD = protocol.HEAD


def reader(data: bytes) -> Any:
    rest = [data]

    def read(size: int) -> bytes:
        part, rest[0] = rest[0][:size], rest[0][size:]
        return part

    return read


@given(st.dictionaries(st.text(max_size=8), st.integers(-(10**16), 10**16) | st.text() | st.booleans() | st.none()))
def test_a_frame_comes_out_as_it_went_in(content: dict[str, Any]) -> None:
    message = {**content, "kind": "run"}
    assert protocol.receive(reader(protocol.pack(message))) == message


@given(st.binary(max_size=200))
def test_bytes_that_are_no_frame_are_refused(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        protocol.receive(reader(data))


@given(st.binary(max_size=200))
def test_a_frame_around_any_bytes_is_an_object_or_refused(data: bytes) -> None:
    try:
        message = protocol.receive(reader(HEAD.pack(protocol.MAGIC, len(data)) + data))
    except ProtocolError:
        return
    assert isinstance(message["kind"], str)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "has hung up"),
        (b"HTTP/1.1 200 OK\r\n", "a frame begins with"),
        (HEAD.pack(b"edge", protocol.LONGEST + 1), "says that it has 1048577 bytes"),
        (HEAD.pack(b"edge", 20) + b'{"kind":', "cut short"),
        (b"ed", "cut short"),
    ],
)
def test_what_is_wrong_with_a_frame_is_said(data: bytes, complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        protocol.receive(reader(data))


@pytest.mark.parametrize(
    "text",
    [
        b"[1]",
        b'{"kind": 1}',
        b'{"kind": "a", "n": NaN}',
        b'{"kind": "a", "n": -Infinity}',
        b'{"kind": "a", "n": ' + b"9" * 100_000 + b"}",
        b'{"kind": "a", "n": ' + b"[" * 500_000,
        b'{"kind": "\xff"}',
    ],
)
def test_json_that_would_do_harm_is_refused(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        protocol.parse(text)


def test_a_message_too_long_to_be_heard_is_not_sent() -> None:
    with pytest.raises(ProtocolError, match="longer than"):
        protocol.pack({"kind": "a", "text": "x" * protocol.LONGEST})


TENSOR = {"name": "x", "shape": [2, 3], "dtype": "float32", "bytes": 24}


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1},
        {"dtype": "object"},
        {"dtype": "float31"},
        {"shape": [2, -3]},
        {"shape": [2, 3.0]},
        {"shape": [2, True]},
        {"shape": [1] * 9},
        {"shape": [1 << 20, 1 << 20], "bytes": 1 << 30},
        {"bytes": 25},
        {"bytes": 1 << 40},
        {"shape": [None, 3], "bytes": -1},
    ],
)
def test_a_tensor_that_cannot_be_is_refused_before_anything_is_allocated(change: dict[str, Any]) -> None:
    assert protocol.tensors([TENSOR]) == (Tensor("x", (2, 3), "float32", 24),)
    with pytest.raises(ProtocolError):
        protocol.tensors([{**TENSOR, **change}])


def test_two_tensors_of_one_name_are_refused() -> None:
    with pytest.raises(ProtocolError, match="one name"):
        protocol.tensors([TENSOR, TENSOR])


@pytest.mark.parametrize(
    "told",
    [{}, {"x": [1, 0, [2, 3]], "z": [1, 0, [2]]}, {"x": [1, 0, [2, 4]]}, {"x": [1, -1, [2, 3]]}, {"x": [1, [2, 3]]}],
)
def test_places_are_those_of_the_tensors_wanted(told: dict[str, Any]) -> None:
    wanted = protocol.tensors([TENSOR])
    assert protocol.places({"x": [1, 64, [2, 3]]}, wanted) == [(1, 64, (2, 3))]
    with pytest.raises(ProtocolError):
        protocol.places(told, wanted)


def test_a_tensor_of_open_size_may_not_outgrow_its_announcement() -> None:
    wanted = protocol.tensors([{**TENSOR, "shape": [None, 3]}])
    assert protocol.places({"x": [1, 0, [1, 3]]}, wanted)[0].shape == (1, 3)
    with pytest.raises(ProtocolError, match="cannot have the shape"):
        protocol.places({"x": [1, 0, [3, 3]]}, wanted)


@given(ANYTHING)
def test_our_side_believes_nothing_unchecked(value: Any) -> None:
    for check in (
        protocol.tensors,
        protocol.strings,
        protocol.shape_of,
        protocol.count,
        lambda told: protocol.places(told, protocol.tensors([TENSOR])),
    ):
        try:
            check(value)
        except ProtocolError:
            continue


class Silly:
    """A worker's module and its net in one that takes anything."""

    inputs = outputs = protocol.tensors([TENSOR])

    @staticmethod
    def load(request: Any, progress: Any) -> Any:
        if not isinstance(request.get("model"), str):
            raise protocol.Refused("model", "no")
        return Silly

    @staticmethod
    def layers(request: Any) -> list[str]:
        return []

    @staticmethod
    def run(given: Any) -> Any:
        return {"x": given["x"]}


@contextlib.contextmanager
def serving(module: Any = Silly) -> Iterator[serve.Server]:
    """The child's side in this process; greeted, if it has a module."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        made = serve.Server(theirs, ECHO)
        made._module = made._net = module
        yield made


@settings(max_examples=300)
@given(
    kind=st.sampled_from(["hello", "load", "map", "run", "layers", "other"]),
    content=st.dictionaries(
        st.sampled_from(["version", "model", "inputs", "output", "unmap", "segment", "bytes", "device"]), ANYTHING
    ),
)
def test_the_childs_side_answers_or_refuses_any_request(kind: str, content: dict[str, Any]) -> None:
    with serving() as server, contextlib.suppress(ProtocolError):
        protocol.pack(server.answer({**content, "kind": kind}))


def test_nothing_is_answered_before_hello() -> None:
    with serving(None) as server, pytest.raises(ProtocolError, match="before hello"):
        server.answer({"kind": "run"})


def test_another_version_is_refused() -> None:
    with serving(None) as server, pytest.raises(ProtocolError, match="speaks version 2, this process 1"):
        server.answer({"kind": "hello", "version": 2})


def test_the_child_maps_no_more_than_there_is() -> None:
    with serving() as server:
        server._descriptors.append(os.memfd_create("small"))
        with pytest.raises(ProtocolError, match="says that it has 4096 bytes"):
            server.answer({"kind": "map", "segment": 1, "bytes": 4096})
        assert server._descriptors == []


@pytest.mark.parametrize(("place", "output"), [([2, 0, [2, 3]], 1), ([1, 48, [2, 3]], 1), ([1, 2, [2, 3]], 1)])
def test_the_child_reads_only_within_what_it_mapped(place: list[Any], output: int) -> None:
    with serving() as server:
        descriptor = os.memfd_create("segment")
        os.ftruncate(descriptor, 64)
        server._descriptors.append(descriptor)
        assert server.answer({"kind": "map", "segment": 1, "bytes": 64}) == {"kind": "mapped"}
        asked = {"kind": "run", "inputs": {"x": [1, 32, [2, 3]]}, "output": output, "unmap": []}
        assert server.answer(asked) == {"kind": "done", "outputs": {"x": [1, 0, [2, 3]]}}
        with pytest.raises(ProtocolError, match="segment"):
            server.answer({**asked, "inputs": {"x": place}})
        with pytest.raises(ProtocolError, match="no segment 1 is mapped"):
            server.answer({**asked, "unmap": [1]})


def test_memory_lives_as_long_as_an_array_on_it() -> None:
    segments = Segments()
    array = segments.array((2, 3), "float32")
    found = segments.find(array[1:])
    assert found is not None
    number, descriptor = found[0].number, found[0].descriptor
    assert found[1] == 12
    view = array.reshape(-1)[2:]
    del array, found
    assert segments.gone() == []
    view[...] = 1
    os.fstat(descriptor)
    del view
    assert segments.gone() == [number]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_only_contiguous_arrays_on_own_memory_are_found() -> None:
    segments = Segments()
    array = segments.array((4, 4), "float32")
    assert segments.find(array[:, ::2]) is None
    assert segments.find(np.zeros((4, 4), np.float32)) is None
    assert Segments().find(array) is None
    assert segments.array((0,), "float32").shape == (0,)


def test_shared_memory_cannot_be_cut_short_under_us() -> None:
    segments = Segments()
    found = segments.find(segments.array((1024,), "float32"))
    assert found is not None
    with pytest.raises(PermissionError):
        os.ftruncate(found[0].descriptor, 0)


@pytest.mark.parametrize("path", sorted(WORKERS.glob("*.py")), ids=lambda path: path.name)
def test_what_the_other_interpreter_runs_is_python_3_6(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    ast.parse(text, str(path), feature_version=(3, 6))
    assert "__future__" not in text  # its annotations came with 3.7
    for python in old_pythons():
        code = "import sys; compile(open(sys.argv[1], encoding='utf-8').read(), sys.argv[1], 'exec')"
        subprocess.run([python, "-c", code, path], check=True)


def old_pythons() -> list[str]:
    """Python 3.6, where there is one that runs."""
    found = [shutil.which("python3.6"), *map(str, Path.home().glob(".pyenv/versions/3.6*/bin/python"))]
    works = [p for p in found if p and subprocess.run([p, "-c", ""], stderr=subprocess.DEVNULL).returncode == 0]
    return works[:1]


def test_the_workers_import_nothing_of_ours() -> None:
    for path in WORKERS.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                assert node.level == 1 or not str(node.module).startswith("edge"), path
            assert not any(name.startswith("edge") for name in names), path


@pytest.mark.parametrize("name", ["\x1b[2J", "n" * 257, "\ud800"])
def test_a_tensor_whose_name_could_not_be_shown_is_refused_on_both_sides(name: str) -> None:
    with pytest.raises(ProtocolError, match="is no name: longer than 256 characters or not printable"):
        protocol.tensors([{**TENSOR, "name": name}])

    class Odd(Silly):
        inputs = (Tensor(name, (1,), "float32", 4),)

        @staticmethod
        def load(request: Any, progress: Any) -> Any:
            return Odd

    with serving(Odd) as server:
        answer = server.answer({"kind": "load", "model": "m"})
    assert (answer["kind"], answer["fault"]) == ("refused", "unsupported")
    assert answer["text"].isprintable()
