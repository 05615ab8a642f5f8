"""The client of the Open Inference Protocol against real servers: Triton, and MLServer, which takes JSON alone."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from edge.engines import registry
from edge.engines.base import EngineOptions
from edge.errors import EngineError, ModelError
from tests.support.nets import add_one, onnx_file
from tests.support.servers import Server, Triton, ml_server

SOON_S = 8
"""What a loaded machine keeps within, where the time-out is a minute, or no end is in sight without one."""
X = {"x": np.arange(4, dtype=np.float32).reshape(1, 4)}
Y = [[1, 2, 3, 4]]
KINDS = ("FLOAT", "FLOAT16", "DOUBLE", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "BOOL")


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Triton]:
    with Triton(tmp_path_factory.mktemp("triton") / "own") as made:
        yield made


@pytest.fixture(scope="module")
def mlserver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with ml_server(tmp_path_factory.mktemp("mlserver") / "own") as made:
        yield made


def options(server: Server, served: str = "", timeout_s: float = 20.0) -> EngineOptions:
    return EngineOptions(server=server.url, served=served, timeout_s=timeout_s)


def test_every_element_type_goes_there_and_back(triton: Triton, tmp_path: Path) -> None:
    dtypes = {kind: helper.tensor_dtype_to_np_dtype(getattr(TensorProto, kind)) for kind in KINDS}
    model = onnx_file(
        tmp_path / "types.onnx",
        [helper.make_node("Identity", [f"to {kind}"], [f"of {kind}"]) for kind in KINDS],
        {f"to {kind}": (["n", 3], getattr(TensorProto, kind)) for kind in KINDS},
        {f"of {kind}": (["n", 3], getattr(TensorProto, kind)) for kind in KINDS},
    )
    engine = registry.load("kserve", model, options(triton, triton.serve(model)))
    assert {s.name: s.dtype for s in engine.outputs} == {f"of {kind}": dtype.name for kind, dtype in dtypes.items()}
    assert {s.shape for s in (*engine.inputs, *engine.outputs)} == {(None, 3)}
    for rows in (1, 4, 1):
        wide = np.arange(rows * 6).reshape(rows, 6)
        feed = {f"to {kind}": wide.astype(dtype)[:, ::2] for kind, dtype in dtypes.items()}  # not contiguous
        made = engine.run(feed)
        for kind, dtype in dtypes.items():
            assert made[f"of {kind}"].dtype == dtype
            np.testing.assert_array_equal(made[f"of {kind}"], feed[f"to {kind}"])
            made[f"of {kind}"][...] = 0  # the caller's own, to be written to
    engine.close()


def test_a_killed_server_fails_fast_and_is_used_again_once_it_is_back(tmp_path: Path) -> None:
    model = add_one(tmp_path / "add.onnx")
    with Triton(tmp_path / "own") as triton:
        engine = registry.load("kserve", model, options(triton, triton.serve(model), 60))
        np.testing.assert_array_equal(engine.run(X)["y"], Y)
        triton.kill()
        for _ in range(2):
            begun = time.monotonic()
            with pytest.raises(EngineError, match="connection refused"):
                engine.run(X)
            assert time.monotonic() - begun < SOON_S
        triton.start()
        with pytest.raises(EngineError, match="refused to run the model: 404 Not Found Request for unknown model"):
            engine.run(X)
        triton.serve(model)
        np.testing.assert_array_equal(engine.run(X)["y"], Y)
        engine.close()


def test_a_model_that_triton_does_not_have_is_named(triton: Triton) -> None:
    with pytest.raises(ModelError, match=r"has no model at /v2/models/lost: .*unknown model: 'lost'"):
        registry.load("kserve", Path("lost.onnx"), options(triton))


def test_triton_says_who_it_is(triton: Triton) -> None:
    found = registry.probe("kserve", options(triton), devices=True)
    assert (found.available, found.version, found.devices) == (True, "triton 2.51.0", ("REMOTE",))


def test_mlserver_takes_json_and_is_talked_to_so(mlserver: Server, caplog: pytest.LogCaptureFixture) -> None:
    engine = registry.load("kserve", Path("add.toml"), options(mlserver))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            np.testing.assert_array_equal(engine.run(X)["y"], Y)
    assert len([record for record in caplog.records if "no binary tensors" in record.message]) == 1
    assert str(registry.probe("kserve", options(mlserver), devices=True).version).startswith("mlserver ")
    engine.close()


def test_a_frozen_server_costs_one_time_out_and_is_used_again_once_it_goes_on(mlserver: Server) -> None:
    engine = registry.load("kserve", Path("add.onnx"), options(mlserver, timeout_s=1))
    np.testing.assert_array_equal(engine.run(X)["y"], Y)
    mlserver.freeze()
    try:
        for _ in range(2):  # on the kept connection, then on one that only the kernel took
            begun = time.monotonic()
            with pytest.raises(EngineError, match=r"did not answer within 1 s"):
                engine.run(X)
            assert time.monotonic() - begun < 1 + SOON_S
    finally:
        mlserver.thaw()
    until(lambda: mlserver.ask("GET", "/v2/health/ready")[0] == 200)
    np.testing.assert_array_equal(engine.run(X)["y"], Y)
    engine.close()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not happen within 10 s"
        time.sleep(0.01)
