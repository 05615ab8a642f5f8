"""The client of the Open Inference Protocol against a server that does what no sane server does."""

from __future__ import annotations

import gc
import json
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trustme
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.engines import registry
from edge.engines.base import Engine, EngineOptions
from edge.engines.kserve_tensors import OPEN_LIMIT
from edge.errors import EngineError, MissingError, ModelError
from tests.support.odd_server import MODEL, MODEL_FILE, Y_TOLD, OddServer, X, Y, http, inferred, output, says, with_head

SOON_S = 8
"""What a loaded machine keeps within, where what is to be seen without a time-out goes on for ever."""


def test_tensors_go_and_come_as_bytes_over_one_connection(server: OddServer, load: Callable[..., Engine]) -> None:
    engine = load()
    for _ in range(3):
        np.testing.assert_array_equal(engine.run(X)["y"], Y)
    assert server.connections == 1
    assert "Inference-Header-Content-Length" in server.requests[-1]


def test_the_model_is_named_by_the_option_or_the_files_stem(server: OddServer, load: Callable[..., Engine]) -> None:
    load()
    load(served="other one")
    load(served="net/3")
    asked = [request.split()[1] for request in server.requests]
    assert asked[1] == "/v2/models/add"
    assert asked[4] == "/v2/models/other%20one"
    assert asked[7:9] == ["/v2/models/net/versions/3", "/v2/models/net/versions/3/ready"]


def test_a_dropped_connection_is_made_again(server: OddServer, load: Callable[..., Engine]) -> None:
    engine = load()
    server.drop()
    np.testing.assert_array_equal(engine.run(X)["y"], Y)
    server.talk = says(http(b"", "500 Internal Server Error"))
    with pytest.raises(EngineError, match="refused to run the model: 500"):
        engine.run(X)
    server.talk = lambda connection, head, body: connection.sendall(inferred(body))
    np.testing.assert_array_equal(engine.run(X)["y"], Y)


def nested(depth: int) -> list[Any]:
    data: list[Any] = [1, 2, 3, 4]
    for _ in range(depth):
        data = [data]
    return data


ODD_ANSWERS = {
    "cut": (http(b"x" * 10, Content_Length=999), "not JSON|ends early"),
    "tensors cut": (with_head(output(), b"1234", Content_Length=300), "ends early|bytes"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "not HTTP"),
    "nothing": (b"", "ended the connection without an answer"),
    "not JSON": (http(b"<html>"), "not JSON"),
    "a list": (http(b"[]"), "not a JSON object"),
    "deep JSON": (http(b"[" * 100_000), "not JSON|more values"),
    "many values": (http(b"[" + b"[]," * 300_000 + b"[]]"), "more values"),
    "no outputs": (http(b"{}"), "has no outputs"),
    "other output": (with_head(output(name="z"), bytes(16)), "output `z` that was not asked for"),
    "twice": (with_head({"outputs": output()["outputs"] * 2}, bytes(32), Content_Length=None), "bytes|another output"),  # type: ignore[operator]
    "output missing": (with_head({"outputs": []}), "lacks output `y`"),
    "outputs no objects": (with_head({"outputs": [1]}), "without a name"),
    "other type": (with_head(output(datatype="FP64"), bytes(32)), "is FP64, the model says FP32|more than"),
    "other shape": (with_head(output(shape=[4, 1]), bytes(16)), r"has shape \(4, 1\), the model says \(1, 4\)"),
    "negative shape": (with_head(output(shape=[-1, -4]), bytes(16)), "no shape that can be"),
    "shape of words": (with_head(output(shape="four"), bytes(16)), "no shape that can be"),
    "shape of truth": (with_head(output(shape=[True, 4]), bytes(16)), "no shape that can be"),
    "wrong size": (with_head(output(parameters={"binary_data_size": 12}), bytes(16)), "has 12 bytes"),
    "size of words": (with_head(output(parameters={"binary_data_size": "16"}), bytes(16)), "binary_data_size is 16"),
    "tail": (with_head(output(parameters={"binary_data_size": 16}), bytes(20)), "more than the 16 that can be"),
    "header too long": (with_head(output(), bytes(16), Inference_Header_Content_Length=99999), "more than the answer"),
    "header too short": (with_head(output(), b"", Inference_Header_Content_Length=3), "more than|not JSON"),
    "header negative": (with_head(output(), bytes(16), Inference_Header_Content_Length=-5), "wrong Inference-Header"),
    "header a word": (with_head(output(), bytes(16), Inference_Header_Content_Length="ten"), "wrong Inference-Header"),
    "huge": (http(b"{}", Content_Length=1 << 60), "more than the"),
    "huge tensors": (with_head(output(), bytes(16), Content_Length=1 << 60), "more than the 16 that can be"),
    "endless chunk": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n" + b"x" * (3 << 20),
        "longer than can be|not HTTP|more than the",
    ),
    "wrong chunk": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "ends early|not HTTP"),
    "endless header": (b"HTTP/1.1 200 OK\r\nA: " + b"x" * (1 << 18), "not HTTP|longer than can be"),
    "endless headers": (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 1000 + b"\r\n", "not HTTP"),
    "redirect": (
        http(b"", "302 Found", Location="http://elsewhere.example/"),
        "302, a redirect: name the server itself",
    ),
    "words of control": (http(b'{"error": "a\\u001b[31m\\nb"}', "500 \x1b]0;x\x07Oops"), r"500 \]0;xOops a\[31m b$"),
    "names of control": (with_head(output(name="\x1b[2J" + "n" * 50_000), bytes(16)), r"an output `\[2Jnnn"),
    "types of control": (with_head(output(datatype="\x1b[2J"), bytes(16)), r"is \[2J, the model says FP32"),
    "JSON text": (http(json.dumps(output(parameters={}, data=["1", "2", "3", "4"])).encode()), "holds other data"),
    "JSON ragged": (http(json.dumps(output(parameters={}, data=[[1], [2, 3]])).encode()), "holds other data"),
    "JSON short": (http(json.dumps(output(parameters={}, data=[1, 2])).encode()), "holds other data"),
    "JSON long text": (http(json.dumps(output(parameters={}, data=["x" * 999_000, 1, 2, 3])).encode()), "other data"),
    "JSON truth": (http(json.dumps(output(parameters={}, data=[True, 2, 3, 4])).encode()), "holds other data"),
    "JSON null": (http(json.dumps(output(parameters={}, data=[None, 2, 3, 4])).encode()), "holds other data"),
    "JSON deep": (http(json.dumps(output(parameters={}, data=nested(60))).encode()), "holds other data"),
    "JSON empty lists": (http(json.dumps(output(parameters={}, data=[[]] * 4)).encode()), "holds other data"),
    "JSON beyond": (http(json.dumps(output(parameters={}, data=[10**400, 2, 3, 4])).encode()), "numbers beyond"),
    "JSON nothing": (http(json.dumps(output(parameters={})).encode()), "holds other data"),
}


@pytest.mark.parametrize("case", ODD_ANSWERS)
def test_an_odd_answer_is_one_line_and_the_next_run_works(
    case: str, server: OddServer, load: Callable[..., Engine]
) -> None:
    answer, complaint = ODD_ANSWERS[case]
    engine = load()
    server.talk = says(answer)
    with pytest.raises(EngineError, match=complaint) as fault:
        engine.run(X)
    assert str(fault.value).startswith(f"kserve: {server.url}")
    assert "\n" not in str(fault.value)
    assert len(str(fault.value)) < 300
    server.talk = lambda connection, head, body: connection.sendall(inferred(body))
    np.testing.assert_array_equal(engine.run(X)["y"], Y)


@pytest.mark.parametrize("part", ["status", "body", "chunks", "silence", "continues"])
def test_a_server_that_dribbles_is_given_up_in_time(part: str, server: OddServer, load: Callable[..., Engine]) -> None:
    start = {
        "status": b"",
        "body": b"HTTP/1.1 200 OK\r\nContent-Length: 150\r\n\r\n",
        "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "silence": b"",
        "continues": b"",
    }[part]
    drop = {"chunks": b"1\r\n \r\n", "silence": b"", "continues": b"HTTP/1.1 100 Continue\r\n\r\n"}.get(part, b"H")

    def talk(connection: Any, head: bytes, body: bytes) -> None:
        connection.sendall(start)
        while not server.closed(0.02):
            connection.sendall(drop)

    server.talk = talk
    engine = load(timeout_s=1)
    begun = time.monotonic()
    with pytest.raises(EngineError, match=r"did not answer within 1 s"):
        engine.run(X)
    assert time.monotonic() - begun < SOON_S


def test_a_server_that_reads_nothing_is_given_up_in_time(server: OddServer) -> None:
    server.model = json.loads(json.dumps(MODEL).replace("[1, 4]", "[4, 2000000]"))

    def stall(connection: Any, head: bytes, body: bytes) -> None:
        server.closed(60)

    server.talk = stall
    engine = registry.load("kserve", MODEL_FILE, EngineOptions(server=server.url, timeout_s=1))
    begun = time.monotonic()
    with pytest.raises(EngineError, match="did not answer within"):
        engine.run({"x": np.zeros((4, 2_000_000), np.float32)})
    assert time.monotonic() - begun < SOON_S
    engine.close()


def test_a_server_that_is_gone_fails_fast(server: OddServer, load: Callable[..., Engine]) -> None:
    engine = load(timeout_s=60)
    server.close()
    begun = time.monotonic()
    with pytest.raises(EngineError, match=r"nothing listens there \(connection refused\)|ended the connection"):
        engine.run(X)
    assert time.monotonic() - begun < SOON_S


def test_odd_metadata_is_refused_at_loading(server: OddServer, load: Callable[..., Engine]) -> None:
    for model, fault, complaint in (
        ({}, EngineError, "does not say what inputs"),
        ({**MODEL, "inputs": []}, EngineError, "does not say what inputs"),
        ({**MODEL, "inputs": [{"name": "x", "datatype": "FP32", "shape": [-2]}]}, EngineError, "no shape that can be"),
        ({**MODEL, "inputs": [{"name": "x", "datatype": "FP32", "shape": [1] * 99}]}, EngineError, "no shape that"),
        ({**MODEL, "inputs": [{"name": "x", "datatype": "BYTES", "shape": [1]}]}, ModelError, "`x` is BYTES"),
        ({**MODEL, "outputs": MODEL["outputs"] * 2}, EngineError, "one name"),  # type: ignore[operator]
        ({**MODEL, "outputs": [{"datatype": "FP32"}]}, EngineError, "without a name"),
        ({**MODEL, "outputs": [{**Y_TOLD, "name": "y" * 257}]}, EngineError, "a name of more than 256 characters"),
        ({**MODEL, "outputs": [{**Y_TOLD, "name": "\x1b[2Jy"}]}, EngineError, r"`\[2Jy` has a name of .* unprintable"),
        ({**MODEL, "outputs": [{**Y_TOLD, "shape": [1 << 20, 33]}]}, ModelError, "outputs have 138412032 bytes, more"),
        ({**MODEL, "inputs": [{**Y_TOLD, "shape": [1 << 26] * 2}]}, ModelError, "inputs have .* bytes, more than the"),
        (http(b"no", "404 Not Found"), ModelError, "has no model at /v2/models/add: 404 Not Found no"),
        (http(b"", "503 Busy"), EngineError, "does not describe /v2/models/add: 503"),
        (http(b"x" * 2_000_000), EngineError, "more than the 1048576 that can be"),
    ):
        server.model = model
        with pytest.raises(fault, match=complaint):
            load()
    server.model, server.ready = MODEL, http(b'{"name": "add", "ready": false}')
    with pytest.raises(EngineError, match="is not ready"):
        load()


def test_open_sizes_take_what_comes_and_no_more_than_can_be(server: OddServer, load: Callable[..., Engine]) -> None:
    server.model = json.loads(json.dumps(MODEL).replace("[1, 4]", "[-1, 4]"))
    engine = load()
    assert engine.outputs[0].shape == (None, 4)
    np.testing.assert_array_equal(engine.run(X)["y"], Y)
    empty = output(shape=[0, 4], parameters={"binary_data_size": 0})
    server.talk = says(with_head(empty))
    assert engine.run(X)["y"].shape == (0, 4)
    size = OPEN_LIMIT
    server.talk = says(with_head(output(shape=[size // 4, 4], parameters={"binary_data_size": size * 4}), b""))
    with pytest.raises(EngineError, match="larger than can be"):
        engine.run(X)


def test_credentials_are_sent_and_never_shown(server: OddServer, load: Callable[..., Engine]) -> None:
    url = server.url.replace("//", "//camera:p%40ss@")
    engine = load(server=url)
    assert "Authorization: Basic Y2FtZXJhOnBAc3M=" in server.requests[-1]
    server.talk = says(b"")
    with pytest.raises(EngineError) as fault:
        engine.run(X)
    assert "camera" not in str(fault.value)
    assert "ss@" not in str(fault.value)
    assert "Y2Ft" not in repr(vars(engine))
    for wrong in (
        "ftp://me:secret@host",
        "http://me:secret@host:99999",
        "me:secret@host",
        "http://me:secret@",
        "http://[::1",
        "http://me:secret/1@127.0.0.1:8000",
        "http://me:1/secret@127.0.0.1:8000",
        "http://me:1?secret@127.0.0.1:8000",
        "http://me:secret@ho\u2100st:8000",
        "http://me:secret@[zz]:8000",
        "http://me:secret@ho st:8000",
        "http://me:secret\udcff@host:8000",
        f"http://me:secret@{'a' * 70}.example",
    ):
        options = EngineOptions(server=wrong)
        assert "secret" not in repr(options)
        found = registry.probe("kserve", options)
        assert "is no server's address" in str(found.reason)
        assert "secret" not in str(found.reason)
        with pytest.raises(MissingError, match="is no server's address") as refused:
            registry.load("kserve", MODEL_FILE, options)
        told: BaseException | None = refused.value
        while told is not None:
            assert "secret" not in f"{told!r}"
            told = told.__cause__ or told.__context__


def test_over_tls_a_certificate_has_to_be_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = OddServer(context)
    options = EngineOptions(server=server.url, timeout_s=10)
    with pytest.raises(EngineError, match="its certificate is not trusted"):
        registry.load("kserve", MODEL_FILE, options)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    engine = registry.load("kserve", MODEL_FILE, options)
    for _ in range(2):
        np.testing.assert_array_equal(engine.run(X)["y"], Y)
    engine.close()
    server.close()


def test_what_has_to_be_set_is_said() -> None:
    assert registry.probe("kserve").reason == "no server is named: set `engine.kserve.url`"
    with pytest.raises(MissingError, match=r"kserve: no server is named: set `engine\.kserve\.url`"):
        registry.choose("kserve", ".onnx")
    gone = registry.probe("kserve", EngineOptions(server="http://127.0.0.1:9"), devices=True)
    assert not gone.available
    assert "nothing listens there" in str(gone.reason)


def test_a_probe_asks_the_server_who_it_is(server: OddServer) -> None:
    server.about = {"name": "\x1b]0;od\x07d" + "d" * 99, "version": "1"}
    assert registry.probe("kserve", EngineOptions(server=server.url), devices=True).version == "]0;od" + "d" * 54 + "…"
    server.about = {"name": "odd", "version": "1"}
    found = registry.probe("kserve", EngineOptions(server=server.url), devices=True)
    assert (found.available, found.version, found.devices) == (True, "odd 1", ("REMOTE",))


def test_a_name_that_nobody_knows_is_told_in_time() -> None:
    options = EngineOptions(server="http://no-such-host.invalid:8000", timeout_s=3)
    begun = time.monotonic()
    with pytest.raises(EngineError, match=r"cannot be looked up|did not answer"):
        registry.load("kserve", MODEL_FILE, options)
    assert time.monotonic() - begun < 3 + SOON_S


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_garbage_brings_anything_but_an_engine_error(
    data: st.DataObject, server: OddServer, load: Callable[..., Engine]
) -> None:
    right = bytearray(inferred(bytes(16)))
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(right) - 1), st.integers(0, 255)), max_size=6)):
        right[place] = value
    server.talk = says(bytes(right[: data.draw(st.integers(0, len(right)))]))
    engine = load()
    said = ""
    try:
        assert engine.run(X)["y"].shape == (1, 4)
    except EngineError as fault:
        said = str(fault)
    finally:
        engine.close()
    assert "\n" not in said
    gc.collect()  # a socket left open would warn here, and warnings are errors
