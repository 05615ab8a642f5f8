"""Devices and their settings: what is not here is refused before anything of it is loaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edge.engines import edgetpu, onnxruntime, openvino, registry
from edge.engines.base import EngineOptions
from edge.errors import MissingError, ModelError
from tests.support.nets import add_one, tflite_add_one


def attach(root: Path, vendor: str, product: str) -> None:
    device = root / "sys/bus/usb/devices/1-2"
    device.mkdir(parents=True)
    (device / "idVendor").write_text(f"{vendor}\n")
    (device / "idProduct").write_text(f"{product}\n")
    (root / "sys/bus/usb/devices/1-2:1.0").mkdir()  # an interface, which has no ids


def install(root: Path) -> Path:
    library = root / "usr/lib/aarch64-linux-gnu/libedgetpu.so.1"
    library.parent.mkdir(parents=True)
    library.touch()
    return library


def test_an_edge_tpu_needs_its_library_and_the_stick_or_the_module(tmp_path: Path) -> None:
    assert "libedgetpu.so.1 is not installed" in str(edgetpu.missing(tmp_path))
    library = install(tmp_path)
    assert edgetpu.library(tmp_path) == library
    assert "no Edge TPU is attached" in str(edgetpu.missing(tmp_path))
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/apex_0").touch()
    assert edgetpu.missing(tmp_path) is None


@pytest.mark.parametrize(
    ("ids", "found"), [(("1a6e", "089a"), True), (("18d1", "9302"), True), (("18d1", "4ee1"), False)]
)
def test_the_stick_is_known_by_its_ids_before_and_after_its_firmware(
    ids: tuple[str, str], found: bool, tmp_path: Path
) -> None:
    install(tmp_path)
    attach(tmp_path, *ids)
    assert (edgetpu.missing(tmp_path) is None) is found


def test_the_loaders_own_path_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/libedgetpu.so.1").touch()
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nowhere:{tmp_path / 'own'}")
    assert edgetpu.library(tmp_path) == tmp_path / "own/libedgetpu.so.1"


def test_tflite_without_an_edge_tpu_says_what_is_missing(tmp_path: Path) -> None:
    if edgetpu.missing() is None:
        pytest.skip("there is an Edge TPU here")
    model = tflite_add_one(tmp_path / "add.tflite")
    assert registry.probe("tflite", devices=True).devices == ("CPU",)
    with pytest.raises(MissingError, match=r"tflite has no device EDGETPU here; (libedgetpu|no Edge TPU)"):
        registry.load("tflite", model, EngineOptions(device="edgetpu"))


def test_a_model_and_the_edge_tpu_have_to_be_for_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "libedgetpu.so.1"
    library.write_text("no library")
    monkeypatch.setattr(edgetpu, "missing", lambda: None)
    monkeypatch.setattr(edgetpu, "library", lambda: library)
    model = tflite_add_one(tmp_path / "add.tflite")
    with pytest.raises(ModelError, match="was not compiled for the Edge TPU: run edgetpu_compiler"):
        registry.load("tflite", model, EngineOptions(device="EDGETPU"))
    model.write_bytes(model.read_bytes() + edgetpu.OPERATOR)
    with pytest.raises(MissingError, match="tflite cannot start the Edge TPU: ") as fault:
        registry.load("tflite", model, EngineOptions(device="EDGETPU"))
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize(
    ("wanted", "available", "found"),
    [
        ("cpu", ["CPU"], "CPU"),
        ("GPU", ["CPU", "GPU.0", "GPU.1"], "GPU"),
        ("GPU.0", ["CPU", "GPU"], "GPU.0"),
        ("GPU.1", ["CPU", "GPU.0", "GPU.1"], "GPU.1"),
        ("auto", ["CPU"], "AUTO"),
        ("AUTO:GPU,CPU", ["CPU", "GPU"], "AUTO:GPU,CPU"),
        ("HETERO:GPU.0,CPU", ["CPU", "GPU"], "HETERO:GPU.0,CPU"),
    ],
)
def test_openvino_knows_its_devices_by_their_spellings(wanted: str, available: list[str], found: str) -> None:
    assert openvino._device(wanted, available) == found


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        ("GPU", "GPU"),
        ("GPU.0", "GPU.0"),
        ("GPU.1", "GPU.1"),
        ("NPU", "NPU"),
        ("CPU.0", "CPU.0"),
        ("HETERO:CPU.0,CPU", "CPU.0"),
        ("AUTO:GPU,CPU", "GPU"),
        ("X:CPU", "X:CPU"),
    ],
)
def test_openvino_refuses_a_device_that_is_not_here(wanted: str, named: str) -> None:
    with pytest.raises(MissingError, match=f"openvino has no device {named} here; it has CPU"):
        openvino._device(wanted, ["CPU"])


def test_openvino_blames_the_device_and_not_the_model(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match=r"openvino has no device CPU\.0 here; it has .*CPU"):
        registry.load("openvino", add_one(tmp_path / "add.onnx"), EngineOptions(device="CPU.0"))


class Capable:
    """A stand-in for OpenVINO's Core on a machine with one device that has these capabilities."""

    def __init__(self, *capabilities: str) -> None:
        self.capabilities = list(capabilities)

    def get_property(self, device: str, name: str) -> list[str]:
        assert (device, name) == ("GPU", "OPTIMIZATION_CAPABILITIES")
        return self.capabilities


@pytest.mark.parametrize(
    ("capabilities", "asked", "may"),
    [
        (("FP32", "BIN", "INT8", "BF16", "EXPORT_IMPORT"), "f16", "f32 or bf16"),
        (("FP32", "FP16", "INT8", "GPU_HW_MATMUL"), "bf16", "f32 or f16"),
        (("FP32", "INT8", "WINOGRAD"), "bf16", "f32"),
    ],
)
def test_openvino_names_the_precisions_that_may_be_set(capabilities: tuple[str, ...], asked: str, may: str) -> None:
    core = Capable(*capabilities)
    for precision in may.split(" or "):
        openvino._check_precision(core, "GPU", precision)
    with pytest.raises(MissingError, match=f"cannot compute in {asked} on GPU here; the precision may be {may}$"):
        openvino._check_precision(core, "GPU", asked)


def test_openvino_chooses_by_itself_where_it_is_told_to(tmp_path: Path) -> None:
    engine = registry.load("openvino", add_one(tmp_path / "add.onnx"), EngineOptions(threads=1, device="AUTO"))
    np.testing.assert_array_equal(engine.run({"x": np.zeros((1, 4), np.float32)})["y"], 1)


HERE = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]


def test_onnxruntime_numbers_gpus_and_computes_in_whole_float32_on_them() -> None:
    ((name, settings),) = onnxruntime._providers(HERE[1], HERE, EngineOptions(device="CUDA:1"))
    assert name == HERE[1]
    assert settings["device_id"] == "1"
    assert settings["use_tf32"] == "0"


def test_onnxruntime_keeps_tensorrts_engines_and_lets_cuda_stand_behind_it(own_cache: Path) -> None:
    chosen = onnxruntime._providers(HERE[0], HERE, EngineOptions(device="Tensorrt", precision="f16"))
    assert [name for name, _ in chosen] == HERE[:2]
    assert chosen[0][1]["trt_fp16_enable"] == "1"
    assert chosen[0][1]["trt_engine_cache_path"] == str(own_cache / "tensorrt")


@pytest.mark.parametrize("device", ["CPU:1", "CUDA:first"])
def test_onnxruntime_refuses_a_number_that_means_nothing(device: str) -> None:
    provider = f"{device.partition(':')[0]}ExecutionProvider"
    with pytest.raises(MissingError, match=f"onnxruntime has no device {device} here"):
        onnxruntime._providers(provider, HERE, EngineOptions(device=device))


def test_onnxruntime_without_a_gpu_refuses_cuda(tmp_path: Path) -> None:
    if "CUDA" in registry.probe("onnxruntime", devices=True).devices:
        pytest.skip("this build has CUDA")
    with pytest.raises(MissingError, match=r"onnxruntime has no device CUDA here; it has .*CPU"):
        registry.load("onnxruntime", add_one(tmp_path / "add.onnx"), EngineOptions(device="CUDA:0"))


@pytest.mark.parametrize("device", ["NPU9", "Azure"])
def test_onnxruntime_neither_names_nor_takes_providers_that_compute_elsewhere(
    device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnxruntime as ort

    monkeypatch.setattr(ort, "get_available_providers", lambda: ["AzureExecutionProvider", "CPUExecutionProvider"])
    assert onnxruntime.devices(EngineOptions()) == ("CPU",)
    with pytest.raises(MissingError, match=f"onnxruntime has no device {device} here; it has CPU$"):
        registry.load("onnxruntime", add_one(tmp_path / "add.onnx"), EngineOptions(device=device))
