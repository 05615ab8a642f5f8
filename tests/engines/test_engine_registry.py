"""The table of back ends: what is here, what `auto` takes, what a wrong choice is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edge.engines import registry
from edge.engines.base import EngineOptions, default_threads
from edge.errors import MissingError, ModelError, UserError
from tests.support.nets import add_one, onnx_file
from tests.support.shared_data import SSD, needs_data


def test_every_engine_of_the_contract_is_in_the_table() -> None:
    names = ["onnxruntime", "tflite", "openvino", "tensorrt", "movidius", "kserve", "reference"]
    assert list(registry.TABLE) == names


@pytest.mark.parametrize("name", ["onnxruntime", "tflite", "openvino", "reference"])
def test_what_is_installed_is_available_with_version_and_device(name: str) -> None:
    found = registry.probe(name, devices=True)
    assert found.available
    assert found.version
    assert "CPU" in found.devices
    assert found.reason is None


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("tensorrt", "is not installed"),
        ("movidius", "engine.movidius.python"),
        ("kserve", "engine.kserve.url"),
    ],
)
def test_what_is_not_here_says_what_it_wants(name: str, says: str) -> None:
    found = registry.probe(name, devices=True)
    assert not found.available
    assert says in str(found.reason)
    with pytest.raises(MissingError, match=f"{name}.*{says}"):
        registry.choose(name, ".onnx")


def test_probing_imports_no_vendor() -> None:
    code = (
        "import sys; from edge.engines import registry; [registry.probe(n) for n in registry.TABLE];"
        "print([m for m in ('onnxruntime', 'openvino', 'ai_edge_litert', 'tensorrt', 'onnx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_auto_follows_the_manifest_then_the_file_type() -> None:
    assert registry.choose("auto", ".onnx", ("openvino", "onnxruntime")) == "openvino"
    assert registry.choose("auto", ".onnx", ("tensorrt", "onnxruntime")) == "onnxruntime"
    assert registry.choose("auto", ".onnx") == "onnxruntime"
    assert registry.choose("auto", ".tflite") == "tflite"
    assert registry.choose(["auto"], ".pb") == "openvino"


def test_a_list_of_names_is_tried_in_order() -> None:
    assert registry.choose(["tensorrt", "openvino", "onnxruntime"], ".onnx") == "openvino"
    assert registry.choose(["onnxruntime", "tflite"], ".tflite") == "tflite"


def test_an_engine_that_does_not_read_the_file_says_which_does() -> None:
    with pytest.raises(ModelError, match=r"onnxruntime does not read \.tflite files; try tflite or openvino"):
        registry.choose("onnxruntime", ".tflite")
    with pytest.raises(ModelError, match=r"no engine reads \.txt"):
        registry.choose("auto", ".txt")


def test_an_unknown_name_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match="no engine is called `onyx`; there are: onnxruntime"):
        registry.choose("onyx", ".onnx")


def test_a_missing_file_is_told_before_an_engine_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.onnx: no such file"):
        registry.load("onnxruntime", tmp_path / "gone.onnx")


def test_a_missing_package_names_the_command_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    row = registry.TABLE["onnxruntime"]
    absent = registry.Row(row.module, (("no_such_module", "no-such-package"),), row.suffixes, row.install)
    monkeypatch.setitem(registry.TABLE, "onnxruntime", absent)
    with pytest.raises(MissingError, match=r"no-such-package is not installed \(pip install 'edge-runtime\[onnx\]'\)"):
        registry.choose("onnxruntime", ".onnx")


@pytest.mark.parametrize("engine", ["onnxruntime", "openvino", "reference"])
def test_an_operator_that_an_engine_lacks_is_named(engine: str, tmp_path: Path) -> None:
    import onnx

    custom = onnx.helper.make_node("Frobnicate", ["x"], ["y"], domain="example.net")
    spec = ((1, 4), onnx.TensorProto.FLOAT)
    path = onnx_file(tmp_path / "c.onnx", [custom], {"x": spec}, {"y": spec})
    model = onnx.load(str(path))
    model.opset_import.append(onnx.helper.make_opsetid("example.net", 1))
    onnx.save(model, str(path))
    with pytest.raises(ModelError, match="Frobnicate"):
        registry.load(engine, path)


@needs_data
def test_the_ssd_on_openvino_is_told_which_engine_has_its_operator() -> None:
    with pytest.raises(ModelError, match=r"no operator TFLite_Detection_PostProcess.*try tflite"):
        registry.load("openvino", SSD)


def test_unset_threads_are_the_cores_four_at_most() -> None:
    assert default_threads() == min(4, len(os.sched_getaffinity(0)))
    assert EngineOptions().cpu_threads == default_threads()
    assert EngineOptions(threads=7).cpu_threads == 7


def test_openvino_does_not_report_home(tmp_path: Path) -> None:
    model = add_one(tmp_path / "add.onnx")
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import sys, pathlib; from edge.engines import registry;"
        "registry.load('openvino', pathlib.Path(sys.argv[1])); print(sys.modules['openvino_telemetry'])"
    )
    quiet = {
        k: v for k, v in os.environ.items() if k not in ("CI", "TF_BUILD", "JENKINS_URL")
    }  # where it is off anyway
    done = subprocess.run(
        [sys.executable, "-c", code, model],
        env={**quiet, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "None"
    assert [p.name for p in home.iterdir() if p.name == "intel"] == []


def test_openvino_keeps_compiled_models_in_the_cache_and_works_without_one(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = add_one(tmp_path / "open.onnx", ("n", 4))
    options = EngineOptions(threads=1, inputs={"x": (2, 4)})
    feed = {"x": np.zeros((2, 4), np.float32)}
    for _ in range(2):
        np.testing.assert_array_equal(registry.load("openvino", model, options).run(feed)["y"], 1)
    assert list((own_cache / "openvino").glob("open-*.blob"))
    for name in ("EDGE_CACHE", "CACHE_DIRECTORY", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    np.testing.assert_array_equal(registry.load("openvino", model, options).run(feed)["y"], 1)
