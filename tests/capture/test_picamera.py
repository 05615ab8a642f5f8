"""The Pi's camera connector: every call against the real picamera2's source, and what follows from them on a fake."""

from __future__ import annotations

import ast
import inspect
import itertools
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge.capture import picamera, picamera_opening
from edge.capture.base import Shot
from edge.capture.sources import open_source
from edge.config.connector import parse_connector
from edge.errors import CameraError, MissingError, UserError
from tests.support import fake_picamera2
from tests.support.fake_picamera2 import World, made_of
from tests.support.venvs import unpacked

RELEASES = ("0.3.22", "0.3.31", "0.3.38")
"""The contract was read in the newest; older ones keep boards that are not upgraded every week in mind."""
OWNERS = {
    "kind": "Picamera2",
    "camera": "Picamera2",
    "self._camera": "Picamera2",
    "request": "CompletedRequest",
    "self._camera.wait(job, timeout=CANCEL_S)": "CompletedRequest",
    "sensor": "IMX708",
}
"""Which class what our source calls by these names is of."""


def _classes(folder: Path) -> dict[str, ast.ClassDef]:
    files = [*(folder / "picamera2").glob("*.py"), *(folder / "picamera2" / "devices").rglob("imx708.py")]
    nodes = [node for file in files for node in ast.walk(ast.parse(file.read_text("utf-8")))]
    return {node.name: node for node in nodes if isinstance(node, ast.ClassDef) and node.name in OWNERS.values()}


def _signature(kind: ast.ClassDef, name: str) -> ast.arguments | None:
    """The arguments of a method; of overloads the last, which is the one that runs."""
    found = [node for node in kind.body if isinstance(node, ast.FunctionDef) and node.name == name]
    return found[-1].args if found else None


def _names(arguments: ast.arguments) -> list[str]:
    return [each.arg for each in (*arguments.args, *arguments.kwonlyargs) if each.arg not in ("self", "cls")]


def _attributes(kind: ast.ClassDef) -> set[str]:
    """What instances have: what methods assign to `self`, and the methods and properties themselves."""
    assigned = {
        node.attr
        for node in ast.walk(kind)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and ast.unparse(node.value) == "self"
    }
    return assigned | {node.name for node in kind.body if isinstance(node, ast.FunctionDef)}


def _ours() -> list[ast.AST]:
    return [node for part in (picamera, picamera_opening) for node in ast.walk(ast.parse(inspect.getsource(part)))]


def _calls() -> list[tuple[str, ast.Call]]:
    """Every call of our source to something of picamera2's, with its class."""
    return [
        (OWNERS[ast.unparse(node.func.value)], node)
        for node in _ours()
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and ast.unparse(node.func.value) in OWNERS
        and node.func.attr != "__new__"
    ]


@pytest.mark.parametrize("release", RELEASES)
def test_every_call_exists_in_the_real_package_with_these_arguments(release: str) -> None:
    classes = _classes(unpacked(f"picamera2 {release}", f"picamera2=={release}"))
    wrong = []
    for owner, call in _calls():
        assert isinstance(call.func, ast.Attribute)
        arguments = _signature(classes[owner], call.func.attr)
        known = _names(arguments) if arguments else None
        named = {keyword.arg for keyword in call.keywords if keyword.arg} | (
            {"transform", "colour_space"} if any(keyword.arg is None for keyword in call.keywords) else set()
        )
        if known is None or len(call.args) > len(known) or not named <= set(known[len(call.args) :]):
            wrong.append(f"{owner}.{ast.unparse(call)}: the package has {known}")
    assert not wrong
    used = {
        (OWNERS[ast.unparse(node.value)], node.attr)
        for node in _ours()
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in OWNERS
    } - {("Picamera2", "__new__")}
    assert not [f"{owner}.{name}" for owner, name in used if name not in _attributes(classes[owner])]
    assert len(used) > 15


@pytest.mark.parametrize("release", RELEASES[-1:])
def test_the_fake_has_the_signatures_of_the_real_package(release: str) -> None:
    classes = _classes(unpacked(f"picamera2 {release}", f"picamera2=={release}"))
    camera, _, sensor = made_of(World())
    for fake in (camera, fake_picamera2.CompletedRequest, sensor):
        for name, method in vars(fake).items():
            method = method.__func__ if isinstance(method, staticmethod) else method
            real = _signature(classes[fake.__name__], name)
            if inspect.isfunction(method):
                assert real is not None, f"{fake.__name__}.{name}"
                assert _names(real) == [one for one in inspect.signature(method).parameters if one != "self"], name


Opener = Callable[[str], picamera.PicameraSource]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def opening(world: World, monkeypatch: pytest.MonkeyPatch) -> Opener:
    """Opens a source on the fake, with little patience."""
    camera, libcamera, sensor = made_of(world)
    for name, content in (
        ("picamera2", SimpleNamespace(Picamera2=camera)),
        ("libcamera", libcamera),
        ("picamera2.devices.imx708", SimpleNamespace(IMX708=sensor)),
    ):
        module = ModuleType(name)
        vars(module).update(vars(content))
        monkeypatch.setitem(sys.modules, name, module)
    picamera_opening.bindings.cache_clear()
    monkeypatch.setattr("edge.capture.picamera.CANCEL_S", 0.05)

    def opened(rest: str) -> picamera.PicameraSource:
        return picamera.PicameraSource(parse_connector("picamera", rest), first=0.05, patience=0.05)

    yield opened  # type: ignore[misc]
    picamera_opening.bindings.cache_clear()


def shots(source: Any, count: int) -> list[Shot]:
    return list(itertools.islice(source.shots(), count))


@pytest.mark.parametrize("size", [(640, 480), (636, 476), (1280, 720)])
def test_the_planes_are_those_of_the_lores_stream_cropped_to_the_picture(
    opening: Opener, world: World, size: tuple[int, int]
) -> None:
    source = opening("0?size={}x{}".format(*size))
    first, second = shots(source, 2)
    source.close()
    w, h = size
    assert first.picture.y.shape == (h, w)
    assert first.picture.u.shape == (h // 2, w // 2)
    assert (first.picture.y == np.arange(w) % 200 + 1).all()
    assert (first.picture.u == 100).all()
    assert (first.picture.v == 150).all()
    assert second.picture.y[0, 0] == 2
    assert second.time == pytest.approx(0.033333)
    assert (source.live, source.fps, source.adjusted) == (True, 30, ())
    assert (world.out, world.open) == (0, 0)


def test_what_is_asked_of_the_camera_is_the_freshest_picture_of_the_whole_view(opening: Opener, world: World) -> None:
    opening("0?size=640x480&fps=30").close()
    made = world.configured
    assert made["queue"] is False
    assert made["raw"] is made["display"] is made["encode"] is None
    assert made["lores"] == made["main"] == {"size": (640, 480), "format": "YUV420"}
    assert (made["transform"], made["colour_space"]) == ("upright", "SMPTE170M")
    assert made["controls"] == {"FrameDurationLimits": (33333, 33333)}
    assert made["sensor"] == {"output_size": (1640, 1232)}
    opening("0?size=1920x1080").close()
    assert world.configured["sensor"] == {}


def test_settings_become_the_cameras_controls(opening: Opener, world: World, tmp_path: Path) -> None:
    world.offered += ("AfMode", "LensPosition", "HdrMode")
    (tmp_path / "noir.json").write_text(json.dumps({"version": 2}))
    opening(f"0?fps=10&exposure=9000&gain=2&focus=0.5&hdr=single&rotate=180&tuning={tmp_path}/noir.json").close()
    assert world.configured["controls"] == {
        "FrameDurationLimits": (100000, 100000),
        "ExposureTime": 9000,
        "AnalogueGain": 2.0,
        "AfMode": 0,
        "LensPosition": 0.5,
        "HdrMode": 3,
    }
    assert world.configured["transform"] == "turned"
    assert world.tuning == {"version": 2}
    opening("0?focus=auto&hdr=off").close()
    assert world.configured["controls"]["AfMode"] == 2
    assert world.configured["controls"]["HdrMode"] == 0


def test_the_hdr_of_camera_module_3_is_set_on_the_sensor_itself(opening: Opener, world: World) -> None:
    world.models = ("imx219", "imx708")
    opening("1?hdr=sensor").close()
    opening("1?hdr=off").close()
    opening("0?hdr=off").close()
    assert world.hdr == [True, False]
    with pytest.raises(CameraError, match="picamera:0: `hdr=sensor` is for Camera Module 3 alone"):
        opening("0?hdr=sensor")


def test_a_setting_that_the_camera_has_not_is_named(opening: Opener, world: World) -> None:
    with pytest.raises(CameraError, match="picamera:0: this camera has no such setting: leave out `focus`, `hdr`"):
        opening("0?focus=1&hdr=night&gain=2")
    assert world.open == 0


def test_what_the_camera_changes_silently_is_told(
    opening: Opener, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.changes = {"lores": {"size": (608, 456), "stride": 640, "format": "YUV420"}, "transform": "mirrored"}
    world.frame_us = 66666
    with caplog.at_level(logging.WARNING):
        source = opening("0?size=640x480")
        picture = shots(source, 1)[0].picture
        source.close()
    assert (picture.width, picture.height) == (608, 456)
    assert source.fps == 15
    assert source.adjusted == (
        "gives 608x456 pixels, not 640x480 as asked",
        "gives the transform mirrored, not upright as asked",
        "gives 15 pictures a second, not 30 as asked",
    )
    assert [record.getMessage() for record in caplog.records] == [f"picamera:0: {each}" for each in source.adjusted]


def test_a_form_that_nobody_asked_for_is_refused(opening: Opener, world: World) -> None:
    world.changes = {"lores": {"size": (640, 480), "stride": 640, "format": "NV12"}}
    with pytest.raises(CameraError, match="picamera:0: gives NV12 where YUV420 was asked for"):
        opening("0")
    assert world.open == 0


@pytest.mark.parametrize("late", [False, True])
def test_a_camera_that_freezes_is_given_up_and_no_picture_is_kept(opening: Opener, world: World, late: bool) -> None:
    source = opening("0")
    stream = source.shots()
    next(stream)
    world.frozen, world.late = True, late
    with pytest.raises(CameraError, match=r"picamera:0: no picture for .* is the ribbon cable seated at both ends"):
        next(stream)
    assert world.out == 0
    source.close()
    source.close()
    assert world.open == 0
    world.frozen = False
    again = opening("0")
    assert len(shots(again, 3)) == 3
    again.close()


def test_a_picture_that_cannot_be_read_is_given_back(opening: Opener, world: World) -> None:
    source = opening("0")
    world.broken = True
    with pytest.raises(CameraError, match="picamera:0: failed to find buffer"):
        shots(source, 1)
    source.close()
    assert (world.out, world.given) == (0, 1)
    with pytest.raises(CameraError, match="picamera:0: is closed"):
        shots(source, 1)


@pytest.mark.parametrize(
    ("change", "rest", "says"),
    [
        ({"models": ()}, "0", "picamera:0: no camera is found: push the ribbon cable in"),
        ({}, "1", "picamera:1: no such camera; there are 1: imx219, and the first is `picamera:0`"),
        ({"held": True}, "0", "picamera:0: another program holds the camera: end it"),
        ({}, "0?tuning=none.json", "picamera:0: the tuning file none.json cannot be used: Tuning file not found"),
    ],
)
def test_a_camera_that_cannot_be_opened_is_one_line_and_leaves_nothing_open(
    opening: Opener, world: World, change: dict[str, Any], rest: str, says: str
) -> None:
    for name, value in change.items():
        setattr(world, name, value)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(10):
        with pytest.raises(CameraError) as fault:
            opening(rest)
        assert str(fault.value).startswith(says)
        assert "\n" not in str(fault.value)
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208
    assert world.open == 0


def test_a_system_without_picamera2_is_one_line_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    picamera_opening.bindings.cache_clear()
    with pytest.raises(MissingError, match=r"apt-get install python3-picamera2.*--system-site-packages") as fault:
        open_source("picamera:0")
    assert "\n" not in str(fault.value)


def test_packages_that_do_not_go_together_are_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the system's picamera2 says beside a newer NumPy of the environment's own."""
    (tmp_path / "picamera2.py").write_text(
        "raise ValueError('numpy.dtype size changed, may indicate\\nbinary trouble')"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "picamera2", raising=False)
    picamera_opening.bindings.cache_clear()
    with pytest.raises(MissingError, match=r"numpy.dtype size changed.*pip install 'numpy<2'") as fault:
        open_source("picamera:0")
    assert "\n" not in str(fault.value)


def test_a_source_that_cannot_be_is_the_users_mistake() -> None:
    with pytest.raises(UserError, match=r"picamera:0\?size=1x1: `size` is not one that a camera can have"):
        open_source("picamera:0?size=1x1")
