"""picamera2 of the system, and opening a camera with it: what can be missing, held by others, or loose."""

from __future__ import annotations

import importlib
import os
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edge.config.connector import Connector
from edge.errors import CameraError, MissingError

FAULTS = (RuntimeError, OSError, ValueError, LookupError, TypeError)
"""All that picamera2 and libcamera's bindings were seen to raise for a camera's own faults."""
INSTALL = (
    "`sudo apt-get install python3-picamera2`, in an environment of `/usr/bin/python3 -m venv --system-site-packages`"
)


@dataclass(frozen=True, slots=True)
class Bindings:
    """picamera2's class, and libcamera's module; nothing here knows their types."""

    camera: Any
    libcamera: Any


def opened(found: Bindings, wanted: Connector, name: str) -> Any:
    """The camera, open and not yet configured. Raises CameraError with what to do."""
    kind = found.camera
    try:
        file = None if wanted.tuning is None else Path(wanted.tuning)
        folder = str(file.parent) if file and file.name != wanted.tuning else None
        tuning = kind.load_tuning_file(file.name, dir=folder) if file else None
    except FAULTS as fault:
        raise CameraError(f"{name}: the tuning file {wanted.tuning} cannot be used: {why(fault)}") from None
    if wanted.hdr in ("sensor", "off"):
        _set_sensor_hdr(kind, wanted, name)
    camera = kind.__new__(kind)
    try:
        camera.__init__(camera_num=wanted.number, tuning=tuning)
    except FAULTS as fault:
        _give_up(camera)
        raise CameraError(f"{name}: {_unopened(kind, wanted.number, fault)}") from None
    return camera


def _give_up(camera: Any) -> None:
    """Close what a constructor that failed has left open: else each try of a camera that is away costs a pipe."""
    with suppress(AttributeError, *FAULTS):
        camera.close()
    with suppress(AttributeError, *FAULTS):
        if not camera.notifymeread.closed:  # else `close` got as far, and the number may be another file's by now
            camera.notifymeread.close()
            os.close(camera.notifyme_w)


def _unopened(kind: Any, number: int, fault: BaseException) -> str:
    try:
        there = [str(one.get("Model", "?")) for one in kind.global_camera_info()]
    except FAULTS:
        there = []
    if not there:
        return (
            "no camera is found: push the ribbon cable in at both ends, contacts to the contacts, latches shut, and "
            "start the board again; `rpicam-hello --list-cameras` lists what is there, and the user must be in `video`"
        )
    if number >= len(there):
        return f"no such camera; there are {len(there)}: {', '.join(there)}, and the first is `picamera:0`"
    said = why(fault)
    if any(word in said.lower() for word in ("busy", "in use", "acquire")):
        return "another program holds the camera: end it (`fuser /dev/media*` names it), or watch its stream instead"
    return said


def _set_sensor_hdr(kind: Any, wanted: Connector, name: str) -> None:
    """Camera Module 3's own HDR, which outlives the program; to be set before the camera is opened."""
    try:
        number = kind.global_camera_info()[wanted.number]["Num"]
        with importlib.import_module("picamera2.devices.imx708").IMX708(number) as sensor:
            sensor.set_sensor_hdr_mode(wanted.hdr == "sensor")
    except (ImportError, *FAULTS) as fault:
        if wanted.hdr == "sensor":
            raise CameraError(f"{name}: `hdr=sensor` is for Camera Module 3 alone: {why(fault)}") from None


def why(fault: BaseException) -> str:
    """A fault and what caused it, in one line: picamera2 keeps the reason in the cause alone."""
    said: list[str] = []
    at: BaseException | None = fault
    while at is not None:
        text = " ".join(str(at).split()).rstrip(".") or type(at).__name__
        if text not in said:
            said.append(text)
        at = at.__cause__
    return ": ".join(said)


@cache
def bindings() -> Bindings:
    """picamera2 and libcamera. Raises MissingError with the command that brings them."""
    try:
        return Bindings(importlib.import_module("picamera2").Picamera2, importlib.import_module("libcamera"))
    except ModuleNotFoundError as fault:
        raise MissingError(f"picamera: this Python has no {fault.name}: {INSTALL}") from None
    except (ImportError, ValueError, AttributeError) as fault:
        raise MissingError(
            f"picamera: the system's picamera2 does not go with the packages here ({why(fault)}); where that is "
            "about NumPy, `pip install 'numpy<2'`"
        ) from None
