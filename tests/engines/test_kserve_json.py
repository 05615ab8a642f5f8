"""Tensors as JSON, and when they travel so; what a server may claim of memory."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edge.engines.base import Engine
from edge.errors import EngineError
from tests.support.odd_server import MODEL, OddServer, X, Y, http, inferred, output, says, with_head


def test_a_server_without_the_extension_is_talked_to_in_json(
    server: OddServer, load: Callable[..., Engine], caplog: pytest.LogCaptureFixture
) -> None:
    def talk(connection: Any, head: bytes, body: bytes) -> None:
        try:
            asked = json.loads(body)
        except ValueError:
            return connection.sendall(http(b'{"error": "not JSON"}', "400 Bad Request"))
        data = [n + 1 for n in asked["inputs"][0]["data"]]
        made = {"outputs": [{"name": "y", "datatype": "FP32", "shape": [1, 4], "data": data}]}
        return connection.sendall(http(json.dumps(made).encode()))

    server.about, server.talk = {"name": "odd", "version": "1"}, talk
    engine = load()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            np.testing.assert_array_equal(engine.run(X)["y"], Y)
    assert [record.message for record in caplog.records] == [
        f"kserve: {server.url} took no binary tensors; they travel as JSON, which is slower"
    ]
    np.testing.assert_array_equal(np.asarray(engine.bare(X)())[0], Y)


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
def test_a_server_that_is_busy_once_is_not_taken_for_one_without_binary_tensors(
    status: str, server: OddServer, load: Callable[..., Engine]
) -> None:
    server.about = {"name": "odd"}
    engine = load()
    server.talk = says(http(b"busy", status))
    with pytest.raises(EngineError, match=f"refused to run the model: {status} busy"):
        engine.run(X)
    server.talk = lambda connection, head, body: connection.sendall(inferred(body))
    np.testing.assert_array_equal(engine.run(X)["y"], Y)
    assert "Inference-Header-Content-Length" in server.requests[-1]


def test_a_server_that_took_json_once_is_offered_binary_tensors_again(
    server: OddServer, load: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    def talk(connection: Any, head: bytes, body: bytes) -> None:
        server.talk = json_alone
        connection.sendall(http(b"", "500 Internal Server Error"))

    def json_alone(connection: Any, head: bytes, body: bytes) -> None:
        made = output(parameters={}, data=Y)
        connection.sendall(http(json.dumps(made).encode()))

    monkeypatch.setattr("edge.engines.kserve.BINARY_AGAIN_S", (600.0, 600.0))
    server.about, server.talk = {"name": "odd"}, talk
    engine: Any = load()
    for _ in range(2):
        np.testing.assert_array_equal(engine.run(X)["y"], Y)
        assert "application/json" in server.requests[-1]
    engine._json_until = time.monotonic()
    server.talk = lambda connection, head, body: connection.sendall(inferred(body))
    np.testing.assert_array_equal(engine.run(X)["y"], Y)
    assert "Inference-Header-Content-Length" in server.requests[-1]


def test_a_server_that_takes_no_binary_tensors_any_more_costs_one_run(
    server: OddServer, load: Callable[..., Engine]
) -> None:
    engine = load()
    np.testing.assert_array_equal(engine.run(X)["y"], Y)

    def talk(connection: Any, head: bytes, body: bytes) -> None:
        as_json = http(json.dumps(output(parameters={}, data=Y)).encode())
        connection.sendall(as_json if b"application/json" in head else http(b"", "415 Unsupported Media Type"))

    server.talk = talk
    with pytest.raises(EngineError, match="refused to run the model: 415"):
        engine.run(X)
    np.testing.assert_array_equal(engine.run(X)["y"], Y)


@pytest.mark.parametrize(
    ("datatype", "data", "fits"),
    [
        ("UINT8", [0, 255], True),
        ("UINT8", [0, 256], False),
        ("INT8", [-129, 0], False),
        ("UINT64", [0, (1 << 64) - 1], True),
        ("INT32", [1.5, 2], False),
        ("BOOL", [True, False], True),
        ("BOOL", [1, 0], False),
        ("FP16", [[1], [2.5]], True),
        ("FP64", [1, 2], True),
    ],
)
def test_json_is_taken_where_it_holds_what_the_type_can(
    datatype: str, data: list[Any], fits: bool, server: OddServer, load: Callable[..., Engine]
) -> None:
    told = {"name": "y", "datatype": datatype, "shape": [2, 1]}
    server.model = {**MODEL, "outputs": [told]}
    server.talk = says(http(json.dumps({"outputs": [{**told, "data": data}]}).encode()))
    engine = load()
    if fits:
        made = engine.run(X)["y"]
        assert made.dtype == engine.outputs[0].dtype
        assert made.tolist() == np.array(data, object).reshape(2, 1).tolist()
    else:
        with pytest.raises(EngineError, match="holds"):
            engine.run(X)


def test_text_where_numbers_should_be_takes_no_memory(server: OddServer, load: Callable[..., Engine]) -> None:
    told = {"name": "y", "datatype": "FP32", "shape": [1, 4001]}
    server.model = {**MODEL, "outputs": [told]}
    data = ["x" * 60_000] + ["y"] * 4000
    server.talk = says(http(json.dumps({"outputs": [{**told, "data": data}]}).encode()))
    engine = load()
    tracemalloc.start()
    with pytest.raises(EngineError, match="holds other data"):
        engine.run(X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_memory_that_there_is_not_is_a_fault_of_the_run(server: OddServer) -> None:
    told = {"name": "y", "datatype": "FP32", "shape": [1, 32 << 20]}
    server.model = {**MODEL, "outputs": [told]}
    size = 128 << 20
    said = {"outputs": [{**told, "parameters": {"binary_data_size": size}}]}
    server.talk = says(with_head(said, Content_Length=size + len(json.dumps(said))))
    code = (
        "import resource, sys, numpy, pathlib; from edge.engines import kserve; from edge.engines.base import *;"
        "from edge.errors import EngineError;"
        "engine = kserve.load(pathlib.Path('add.onnx'), EngineOptions(server=sys.argv[1]));"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize() + (64 << 20);"
        "resource.setrlimit(resource.RLIMIT_AS, (used, used))\n"
        "try: engine.run({'x': numpy.zeros((1, 4), 'float32')})\n"
        "except EngineError as fault: print(fault)"
    )
    done = subprocess.run([sys.executable, "-c", code, server.url], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == f"kserve: {server.url}: no memory is left for the exchange", done.stderr
