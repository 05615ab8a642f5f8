"""Every class, member and argument name that the TensorRT engine uses, held against the real bindings of four releases.

What it uses is written down in `engines/tensorrt_api.py`, and mypy lets it use nothing else.
"""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

from edge.engines import tensorrt_api as api
from tests.support.tensorrt_bindings import RELEASES, bindings

SOURCES = [Path(inspect.getfile(api)).with_name(f"tensorrt{part}.py") for part in ("", "_build", "_log", "_tensors")]
PROTOCOLS = {n: v for n, v in vars(api).items() if isinstance(v, type) and v.__module__ == api.__name__}
OURS = {"Member", "IHostMemory", "Bindings"}
"""Protocols of what has no class of that name, or is checked on its own."""
LACKING = {
    "8.6.1": {
        "BuilderFlag.BF16",
        "NetworkDefinitionCreationFlag.STRONGLY_TYPED",
        "IBuilderConfig.progress_monitor",
        "Bindings.IProgressMonitor",
    },
    "10.3.0": set(),
    "10.16.1.11": set(),
    "11.4.0.106": {
        "BuilderFlag.FP16",
        "BuilderFlag.BF16",
        "BuilderFlag.INT8",
        "NetworkDefinitionCreationFlag.EXPLICIT_BATCH",
    },
}


def uses(protocol: type) -> dict[str, list[str] | None]:
    """Members of a protocol: the arguments of its methods, None for what is no method."""
    found: dict[str, list[str] | None] = dict.fromkeys(getattr(protocol, "__annotations__", {}))
    for name, member in vars(protocol).items():
        if isinstance(member, property):
            found[name] = None
        elif inspect.isfunction(member):
            arguments = [p for p in inspect.signature(member).parameters if p != "self"]
            if not name.startswith("_") or (name == "__init__" and "logger" in arguments):
                found[name] = arguments
    return found


def has(release: dict[str, Any], dotted: str) -> bool:
    kind, member = dotted.split(".")
    classes = release["classes"]
    if kind == "Bindings":
        return member in classes or member in release["functions"]
    return member in classes.get(kind, {})


def takes(overloads: list[list[list[Any]]], arguments: list[str]) -> bool:
    """Whether one overload begins with these arguments, by name, and can do without the rest."""
    return any(
        [a[0] for a in overload[: len(arguments)]] == arguments and all(a[2] for a in overload[len(arguments) :])
        for overload in overloads
    )


@pytest.mark.parametrize("release", RELEASES)
def test_all_that_is_used_is_there_with_these_arguments(release: str) -> None:
    offered = bindings(release)
    assert offered["version"].startswith(release.removesuffix(".11").removesuffix(".106"))
    checked = 0
    for kind, protocol in PROTOCOLS.items():
        for member, arguments in {} if kind in OURS else uses(protocol).items():
            dotted = f"{kind}.{member}"
            if dotted in LACKING[release] or (
                kind == "IProgressMonitor" and "Bindings.IProgressMonitor" in LACKING[release]
            ):
                continue
            assert has(offered, dotted), f"TensorRT {release} has no {dotted}"
            there = offered["classes"][kind][member]
            assert arguments is None or takes(there, arguments), f"{dotted} takes {there} in {release}, not {arguments}"
            checked += 1
    assert checked > 40


@pytest.mark.parametrize("release", RELEASES)
def test_all_that_is_asked_of_the_module_is_there(release: str) -> None:
    offered = bindings(release)
    for member, arguments in uses(api.Bindings).items():
        if member.startswith("__") or f"Bindings.{member}" in LACKING[release]:
            continue
        assert has(offered, f"Bindings.{member}"), f"TensorRT {release} has no {member}"
        if arguments is not None and member in offered["functions"]:
            assert takes(offered["functions"][member], arguments)
        elif arguments is not None:
            assert takes(offered["classes"][member]["__init__"], arguments)


@pytest.mark.parametrize("release", RELEASES)
def test_what_differs_between_releases_is_as_written_down(release: str) -> None:
    offered = bindings(release)
    assert {dotted for dotted in api.VARIES if not has(offered, dotted)} == LACKING[release]


@pytest.mark.parametrize("release", RELEASES)
def test_names_that_are_compared_exist(release: str) -> None:
    classes = bindings(release)["classes"]
    assert {"FLOAT", "HALF", "INT8", "UINT8", "INT32", "BOOL"} <= classes["DataType"].keys()
    assert {"QUANTIZE", "DEQUANTIZE"} <= classes["LayerType"].keys()
    assert {"UNSUPPORTED_NODE", "UNSUPPORTED_GRAPH"} <= classes["ErrorCode"].keys()
    assert "INPUT" in classes["TensorIOMode"]
    assert "DEVICE" in classes["TensorLocation"]
    assert "LINEAR" in classes["TensorFormat"]


def test_what_the_engine_asks_of_the_module_is_written_down() -> None:
    asked = {
        node.attr
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "trt"
    }
    assert {"Builder", "Runtime", "OnnxParser", "ILogger"} <= asked <= set(uses(api.Bindings))


def test_what_not_all_releases_have_is_asked_for_as_such() -> None:
    """Names that `optional` is given in so many words; those from a table are compared by the releases above."""
    asked = {
        node.args[1].value
        for source in SOURCES
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "optional"
        and isinstance(node.args[1], ast.Constant)
    }
    assert asked
    assert asked <= {dotted.split(".")[1] for dotted in api.VARIES}


def test_nothing_written_down_is_unused() -> None:
    text = "".join(source.read_text() for source in SOURCES)
    unused = {
        member
        for kind, protocol in PROTOCOLS.items()
        for member in uses(protocol)
        if not member.startswith("__") and member not in text and kind != "ILogger"
    }
    assert unused == set()
