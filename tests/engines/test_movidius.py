"""The movidius engine on real old OpenVINO: its CPU computes as ours does; without a stick there is one clear line."""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import TensorProto, helper

from edge.engines import child_engine, movidius, registry
from edge.engines.base import Engine, EngineOptions
from edge.engines.workers import onnx_names
from edge.errors import EngineError, MissingError, ModelError
from tests.conformance.engines import OLD_GRAPHS
from tests.conformance.graphs import GRAPHS
from tests.support.children import descriptors, resident_kb, run_again, script
from tests.support.nets import add_one, onnx_file
from tests.support.old_openvino import RELEASES, STICK, has_plug_in, needs_no_stick, needs_plug_in, python_with_openvino
from tests.support.shared_data import MODELS, YOLOX, needs_data

FLOAT = TensorProto.FLOAT


def on_cpu(release: str = STICK, **more: Any) -> EngineOptions:
    return EngineOptions(threads=1, device="CPU", python=python_with_openvino(release), **more)


def add(folder: Path, **more: Any) -> Any:
    return registry.load("movidius", add_one(folder / "add.onnx"), on_cpu(**more))


def feed(value: float = 0) -> dict[str, NDArray[np.float32]]:
    return {"x": np.full((1, 4), value, np.float32)}


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """New children need not be waited for."""
    monkeypatch.setattr(child_engine, "BETWEEN_STARTS_S", 0.0)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("graph", OLD_GRAPHS)
def test_agrees_with_the_oracle_and_onnxruntime(release: str, graph: str, tmp_path: Path) -> None:
    model = GRAPHS[graph].file(tmp_path / "net.onnx")
    x = np.random.default_rng(3).normal(0, 0.5, GRAPHS[graph].takes).astype(np.float32)
    engine = registry.load("movidius", model, on_cpu(release))
    got = engine.run({"x": x})
    for other in ("reference", "onnxruntime"):
        wanted = registry.load(other, model, EngineOptions(threads=1)).run({"x": x})
        assert got.keys() == wanted.keys()
        for name, array in got.items():
            np.testing.assert_allclose(array, wanted[name], rtol=2e-5, atol=2e-6)
    engine.close()


@needs_data
@pytest.mark.parametrize("release", RELEASES)
def test_yolox_gives_what_onnxruntime_gives(release: str) -> None:
    engine = registry.load("movidius", YOLOX, on_cpu(release))
    ours = registry.load("onnxruntime", YOLOX, EngineOptions(threads=1))
    assert [(s.name, s.shape, s.dtype) for s in (*engine.inputs, *engine.outputs)] == [
        (s.name, s.shape, s.dtype) for s in (*ours.inputs, *ours.outputs)
    ]
    image = engine.buffer("images", (1, 3, 416, 416))
    image[...] = np.random.default_rng(5).uniform(0, 255, image.shape)
    got, wanted = engine.run({"images": image})["output"], ours.run({"images": image})["output"]
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-3)
    engine.close()


@pytest.mark.parametrize("release", RELEASES)
def test_open_sizes_take_the_shape_given_at_loading(release: str, tmp_path: Path) -> None:
    model = add_one(tmp_path / "open.onnx", ("n", 4))
    engine = registry.load("movidius", model, on_cpu(release, inputs={"x": (3, 4)}))
    assert engine.inputs[0].shape == (3, 4)
    np.testing.assert_array_equal(engine.run({"x": np.zeros((3, 4), np.float32)})["y"], 1)
    engine.close()
    with pytest.raises(ModelError, match="a size of input `x` is open"):
        registry.load("movidius", model, on_cpu(release))


@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "float32"])
def test_element_types_are_those_of_the_model(dtype: str, tmp_path: Path) -> None:
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    cast = helper.make_node("Cast", ["x"], ["y"], to=FLOAT)
    model = onnx_file(tmp_path / "cast.onnx", [cast], {"x": ((1, 4), kind)}, {"y": ((1, 4), FLOAT)})
    engine = registry.load("movidius", model, on_cpu())
    assert engine.inputs[0].dtype == dtype
    np.testing.assert_array_equal(engine.run({"x": np.arange(4).astype(dtype)[None]})["y"], [[0, 1, 2, 3]])
    engine.close()


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("number", "told"), [(signal.SIGKILL, r"has ended \(SIGKILL\)"), (signal.SIGSTOP, "was killed")]
)
def test_a_child_that_is_lost_is_replaced_and_computes_right(tmp_path: Path, number: int, told: str) -> None:
    engine = add(tmp_path, timeout_s=1.0)
    first = engine.pid
    np.testing.assert_array_equal(engine.run(feed(1))["y"], 2)
    os.kill(first, number)
    with pytest.raises(EngineError, match=told):
        engine.run(feed(1))
    np.testing.assert_array_equal(run_again(engine, feed(4))["y"], 5)
    assert engine.pid != first
    engine.close()


def run_for_ever(engine: Any, image: Any) -> None:
    while True:
        engine.run({"images": image})


@needs_data
@pytest.mark.usefixtures("at_once")
def test_a_child_killed_in_the_middle_of_an_inference_is_replaced() -> None:
    engine: Any = registry.load("movidius", YOLOX, on_cpu())
    image = engine.buffer("images", (1, 3, 416, 416))
    image[...] = 114
    right = engine.run({"images": image})["output"]
    shot = threading.Timer(0.3, os.kill, (engine.pid, signal.SIGKILL))
    shot.start()
    with pytest.raises(EngineError, match=r"has ended \(SIGKILL\)"):
        run_for_ever(engine, image)
    np.testing.assert_array_equal(run_again(engine, {"images": image})["output"], right)
    engine.close()


@pytest.mark.parametrize("content", [b"", b"this is no model\n", bytes(range(256)) * 40, b"\x08\x08TFL3" * 100])
@pytest.mark.parametrize("suffix", [".onnx", ".xml"])
def test_a_file_that_is_no_model_is_one_line(
    content: bytes, suffix: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    began = time.monotonic()
    with pytest.raises(ModelError, match="not a model that movidius can read") as fault:
        registry.load("movidius", path, on_cpu())
    assert time.monotonic() - began < 20  # seconds on a loaded machine, where one that hangs has no end
    assert "\n" not in str(fault.value)
    assert capfd.readouterr() == ("", "")


def test_a_truncated_model_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = add_one(tmp_path / "whole.onnx").read_bytes()
    cut = tmp_path / "cut.onnx"
    for length in range(4, len(data) - 40, len(data) // 6):
        cut.write_bytes(data[:length])
        with pytest.raises(ModelError):
            registry.load("movidius", cut, on_cpu())
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("release", RELEASES)
def test_an_operator_that_it_lacks_is_named(release: str, tmp_path: Path) -> None:
    odd = helper.make_node("Frobnicate", ["x"], ["y"], domain="example.net")
    model = onnx_file(tmp_path / "odd.onnx", [odd], {"x": ((1, 4), FLOAT)}, {"y": ((1, 4), FLOAT)})
    with pytest.raises(ModelError, match=r"movidius cannot run it: .*Frobnicate.*try onnxruntime"):
        registry.load("movidius", model, on_cpu(release))


def test_a_device_that_is_not_here_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="movidius has no device NPU9 here; it has CPU"):
        registry.load("movidius", add_one(tmp_path / "add.onnx"), EngineOptions(device="NPU9", python=python()))


@pytest.mark.parametrize(("device", "precision"), [("CPU", "f16"), (None, "bf16")])
def test_a_precision_that_a_device_lacks_is_refused(device: str | None, precision: Any, tmp_path: Path) -> None:
    options = EngineOptions(device=device, precision=precision, python=Path(sys.executable))
    with pytest.raises(
        MissingError, match=f"movidius computes on {device or 'MYRIAD'} in f32 or .*, not in {precision}"
    ):
        registry.load("movidius", add_one(tmp_path / "add.onnx"), options)


def test_the_stick_says_without_being_there_which_layers_it_can_run(tmp_path: Path) -> None:
    needs_plug_in()
    options = EngineOptions(python=python())
    assert movidius.unsupported(add_one(tmp_path / "add.onnx"), options) == ()
    mod = helper.make_node("Mod", ["x", "two"], ["y"], fmod=1)
    two = {"two": np.full(4, 2, np.float32)}
    model = onnx_file(tmp_path / "mod.onnx", [mod], {"x": ((1, 4), FLOAT)}, {"y": ((1, 4), FLOAT)}, two)
    assert movidius.unsupported(model, options) == ("y (Mod)",)
    assert movidius.unsupported(model, on_cpu()) == ()


@needs_data
def test_the_stick_can_run_every_layer_of_yolox() -> None:
    needs_plug_in()
    assert movidius.unsupported(YOLOX, EngineOptions(python=python())) == ()


def test_without_a_stick_loading_says_what_to_do(tmp_path: Path) -> None:
    needs_plug_in()
    needs_no_stick()
    with pytest.raises(
        MissingError, match=r"finds no Movidius stick \(.*NC_ERROR\): plug it in; .* udev rule"
    ) as fault:
        registry.load("movidius", add_one(tmp_path / "add.onnx"), EngineOptions(python=python()))
    assert "\n" not in str(fault.value)


def test_a_library_that_the_plug_in_lacks_is_told_with_the_command_that_brings_it(tmp_path: Path) -> None:
    if has_plug_in():
        pytest.skip("libusb is installed")
    with pytest.raises(
        MissingError, match=r"movidius needs libusb-1\.0\.so\.0 for MYRIAD: sudo apt install libusb-1\.0-0"
    ):
        registry.load("movidius", add_one(tmp_path / "add.onnx"), EngineOptions(python=python()))


def test_a_release_without_the_plug_in_says_so(tmp_path: Path) -> None:
    options = EngineOptions(python=python_with_openvino("2022.3.0"))
    with pytest.raises(MissingError, match="movidius has no device MYRIAD here; it has CPU"):
        registry.load("movidius", add_one(tmp_path / "add.onnx"), options)


def test_ten_thousand_runs_leave_memory_and_descriptors_as_they_were(tmp_path: Path) -> None:
    engine = add(tmp_path)

    def used() -> list[tuple[int, int]]:
        gc.collect()
        return [(resident_kb(pid), descriptors(pid)) for pid in (os.getpid(), engine.pid)]

    for _ in range(500):
        engine.run(feed())
    before = used()
    for _ in range(10_000):
        engine.run(feed())
    for (memory, files), (memory_before, files_before) in zip(used(), before, strict=True):
        assert memory - memory_before < 5 * 1024
        assert files == files_before
    engine.close()


def test_its_worker_runs_on_python_3_6(tmp_path: Path) -> None:
    options = EngineOptions(threads=1, device="CPU", python=python_with_openvino(STICK, "3.6"))
    engine = registry.load("movidius", add_one(tmp_path / "add.onnx"), options)
    np.testing.assert_array_equal(engine.run(feed(1))["y"], 2)
    engine.close()


@pytest.mark.parametrize("release", RELEASES)
def test_the_table_tells_its_version_and_devices(release: str) -> None:
    found = registry.probe("movidius", on_cpu(release), devices=True)
    assert found.available
    assert found.version == release
    assert "CPU" in found.devices


def test_an_interpreter_that_is_not_set_is_told_with_what_to_do(tmp_path: Path) -> None:
    found = registry.probe("movidius", devices=True)
    assert not found.available
    assert found.reason == "wants engine.movidius.python, which is not set"
    with pytest.raises(MissingError, match=r"movidius: wants engine\.movidius\.python.*openvino==2021\.4\.2") as fault:
        registry.load("movidius", add_one(tmp_path / "add.onnx"))
    assert "\n" not in str(fault.value)
    gone = registry.probe("movidius", EngineOptions(python=tmp_path / "gone"))
    assert str(gone.reason).endswith("gone, which is no file")


def test_an_interpreter_without_openvino_is_told_what_to_install_and_where(tmp_path: Path) -> None:
    ours = script(tmp_path / "python", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    found = registry.probe("movidius", EngineOptions(python=ours), devices=True)
    assert not found.available
    reason = str(found.reason)
    assert "openvino.inference_engine cannot be imported" in reason
    assert f"Python 3.6 to 3.9 and: {ours} -m pip install openvino==2021.4.2" in reason
    assert "\n" not in reason


def test_results_belong_to_the_caller(tmp_path: Path) -> None:
    engine: Engine = add(tmp_path)
    first = engine.run(feed(0))["y"]
    engine.run(feed(9))
    np.testing.assert_array_equal(first, 1)
    engine.close()


def python() -> Path:
    return python_with_openvino()


@pytest.mark.parametrize("release", RELEASES)
def test_outputs_have_the_names_and_the_order_of_the_file(release: str, tmp_path: Path) -> None:
    nodes = [helper.make_node("Split", ["x"], ["second", "first"], axis=1), helper.make_node("Relu", ["x"], ["last"])]
    half, whole = ((1, 2), FLOAT), ((1, 4), FLOAT)
    model = onnx_file(tmp_path / "split.onnx", nodes, {"x": whole}, {"second": half, "last": whole, "first": half})
    engine = registry.load("movidius", model, on_cpu(release))
    assert [spec.name for spec in engine.outputs] == ["second", "last", "first"]
    got = engine.run({"x": np.array([[1, 2, 3, 4]], np.float32)})
    assert {name: array.tolist() for name, array in got.items()} == {
        "second": [[1, 2]],
        "first": [[3, 4]],
        "last": [[1, 2, 3, 4]],
    }
    engine.close()


def test_the_outputs_of_a_file_are_read_as_onnx_has_them(tmp_path: Path) -> None:
    for model in sorted(MODELS.glob("*.onnx")):
        assert onnx_names.outputs(str(model)) == [output.name for output in onnx.load(str(model)).graph.output]


@given(st.binary(max_size=200))
def test_no_bytes_are_more_than_no_names(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        assert all(isinstance(name, str) for name in onnx_names.outputs(file.name))
