"""What a configuration needs: its data folder, model, broker, mail server, page and camera devices."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from dataclasses import replace
from pathlib import Path

from edge import hardware, mailing, wiring
from edge.chosen import Chosen, chosen
from edge.clock import synchronised
from edge.config.schema import Config, Node
from edge.control import NotRunning, call
from edge.doctor import machine, network, pose
from edge.doctor.verdict import Verdict
from edge.engines import registry
from edge.engines.base import EngineOptions
from edge.errors import EdgeError
from edge.evidence.governor import GB, limits_of
from edge.models import store, trust
from edge.models.packed.signing import verifier
from edge.sinks.email.probe import patient, probe
from edge.web.settings import WebSettings, absent_packages

CONNECT_S = 3.0
_WAITING = Verdict(
    "schedule",
    "fail",
    "waits: the clock is not set",
    "`timedatectl set-ntp true`, or check the network: it arms nothing",
)
LOW_DISK_MB, FULL_DISK_MB = 1000, 100


def look(config: Config) -> list[Verdict]:
    """All that can be tried without starting anything and without logging in anywhere."""
    running = _running(config.node)
    looks = [
        _data(config.node.data),
        _disk(config.node.data),
        _storage(config),
        _keys(),
        _model(config),
        pose.look(config),
        _web(config, running),
    ]
    if config.alarm.schedule and not synchronised():
        looks.append(_WAITING)
    looks += [_device(camera.name, camera.source) for camera in config.camera if camera.source.startswith("v4l2:")]
    looks += network.look(config.camera)
    if config.mqtt.host:
        looks.append(_server("broker", config.mqtt.host, config.mqtt.port, "is mosquitto running, and `mqtt` right?"))
    if config.email.host:
        looks.append(_mail(config))
    looks.append(Verdict("daemon", "ok", "running" if running else "not running"))
    return [verdict for verdict in looks if verdict is not None]


def _running(node: Node) -> bool:
    try:
        call(node, {"do": "status"}, timeout=5.0)
    except NotRunning:
        return False
    except EdgeError:
        return True  # it is there, if not for us
    return True


def _data(folder: Path) -> Verdict:
    there = _nearest(folder)
    try:  # permissions alone do not tell: the disk may be read-only
        with tempfile.TemporaryDirectory(dir=there, prefix=".edge-doctor-"):
            pass
    except OSError as fault:
        reason = (fault.strerror or str(fault)).lower()
        return Verdict("data", "fail", f"{there} cannot be written: {reason}", "set `node.data`, or run as user `edge`")
    return Verdict("data", "ok", str(folder) if folder.exists() else f"{folder} (will be made)")


def _disk(folder: Path) -> Verdict:
    free = shutil.disk_usage(_nearest(folder)).free // 1_000_000
    found = f"{free} MB free for {folder}"
    if free < FULL_DISK_MB:
        return Verdict("disk", "fail", found, "make room: events can soon not be stored")
    return Verdict("disk", "ok" if free >= LOW_DISK_MB else "warn", found, None if free >= LOW_DISK_MB else "make room")


def _storage(config: Config) -> Verdict | None:
    """What clips may take of the disk."""
    if not config.clips.enabled:
        return None
    disk = shutil.disk_usage(_nearest(config.node.data))
    quota, floor = limits_of(config.storage).on(disk.total)
    found = f"{quota / GB:.3g} GB for clips and snapshots; {floor / GB:.2g} GB stay free, {disk.free / GB:.3g} GB are"
    if disk.free < floor:
        return Verdict("storage", "warn", found, "no clip begins: make room, or lower `storage.keep_free`")
    return Verdict("storage", "ok", found)


def _nearest(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _keys() -> Verdict | None:
    """The keys that packed models must be signed with, where there are any, and what verifies that."""
    try:
        found = trust.keys()
        if not found:
            return None
        verifier(wanted=True)
    except EdgeError as fault:
        return Verdict("keys", "fail", str(fault), "packed models are refused until then: `edge models trust --list`")
    return Verdict("keys", "ok", f"packed models must be signed by {', '.join(key.path.stem for key in found)}")


def _model(config: Config) -> Verdict | None:
    if not wiring.seeing(config):
        return None
    absent: list[str] = []
    try:
        many = chosen(config, done_without=absent.append)
    except EdgeError as fault:
        return Verdict("model", "fail", str(fault), "see `edge models list`")
    verdicts = [_loadable(one) for one in many]
    worst = next((one for grade in ("fail", "warn") for one in verdicts if one.grade == grade), None)
    if worst is not None:
        return worst
    shown = ", ".join(one.found for one in verdicts)
    if absent:
        return Verdict(
            "model", "warn", f"{shown}; {'; '.join(absent)}", "fetch it, or name the first alone in `model.name`"
        )
    return replace(verdicts[0], found=shown)


def _loadable(one: Chosen) -> Verdict:
    found, options = one.model, one.options
    left_out: list[str] = []
    try:
        names = registry.usable(one.engines, found.suffix, found.manifest.engines, options, left_out.append)
    except EdgeError as fault:
        return Verdict("model", "fail", str(fault), "see `edge engines`")
    away = {name: reason for name in names if (reason := _away(name, options, first=name == names[0])) is not None}
    here = [name for name in names if name not in away]
    told = "; ".join(
        [*left_out, *(reason if reason.startswith(name) else f"{name}: {reason}" for name, reason in away.items())]
    )
    if not here:
        return Verdict("model", "fail", f"{found.manifest.name}: {told}", "see `edge engines --config FILE`")
    engine = here[0]
    shown = f"{found.manifest.name}{_version(found)} on {engine} ({found.path})"
    back = found.slot and (found.slot.passed or found.slot.slots.aside)
    if back:
        return Verdict(
            "model", "warn", f"{shown} was gone back to: {back}", "install a sound one: `edge models install`"
        )
    if told:
        return Verdict("model", "warn", f"{shown}; {told}", "it serves as long as the others are away")
    memory = hardware.memory_mb()[0]
    if engine == "openvino" and memory is not None and memory < machine.SMALL_BOARD_MB:
        return Verdict("model", "warn", shown, f"on a board of {memory} MB {machine.SMALL_BOARD}")
    return Verdict("model", "ok", shown)


def _version(model: store.Model) -> str:
    return "" if model.packed is None else f" version {model.packed.origin.version}"


def _away(engine: str, options: EngineOptions, *, first: bool) -> str | None:
    """Why an engine cannot serve now, None if it can: asked of the package, server or child itself."""
    found = registry.probe(engine, options, devices=True)
    if not found.available:
        return found.reason
    wanted = options.device if first else None
    if wanted is None or any(wanted.lower().startswith(device.lower()) for device in found.devices):
        return None
    return f"it has no device {wanted} here; it has {', '.join(found.devices)}"


def _device(camera: str, source: str) -> Verdict:
    device = Path(source.removeprefix("v4l2:"))
    if not device.exists():
        return Verdict(f"camera {camera}", "fail", f"no device {device}", "plug it in, or see `cameras` above")
    if not os.access(device, os.R_OK | os.W_OK):
        return Verdict(f"camera {camera}", "fail", f"{device} may not be opened by this user", "see `groups` above")
    return Verdict(f"camera {camera}", "ok", str(device))


def _server(name: str, host: str, port: int, advice: str) -> Verdict:
    try:
        socket.create_connection((host, port), CONNECT_S).close()
    except OSError as fault:
        reason = "no answer" if isinstance(fault, TimeoutError) else fault.strerror or str(fault)
        return Verdict(name, "fail", f"{host}:{port}: {reason.lower()}", advice)
    return Verdict(name, "ok", f"{host}:{port} answers")


def _mail(config: Config) -> Verdict:
    """As far as the certificate: whether the login is right and mail arrives only a mail can tell."""
    settings = patient(mailing.settings(config)[0], CONNECT_S)
    *_, last = steps = list(probe(settings, send=False, now=0.0))
    if not last.ok:
        found, _, advice = last.found.partition("; ")
        return Verdict("mail", "fail", found, advice or "`edge email test` tries it again, step by step")
    told = ", ".join(step.found for step in steps[1:])
    return Verdict("mail", "ok", f"{told}; `edge email test` sends a mail")


def _web(config: Config, running: bool) -> Verdict | None:
    web = config.web
    if not web.enabled:
        return None
    if absent := absent_packages():
        advice = "pip install 'edge-runtime[web]', or set `web.enabled = false`"
        return Verdict("web", "fail", f"the page needs {', '.join(absent)}", advice)
    try:
        WebSettings(cert=web.cert, key=web.key).check()
    except EdgeError as fault:
        return Verdict("web", "fail", str(fault), "docs/how-to/page.md makes a certificate in a line")
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((web.host.strip("[]"), web.port))
    except OSError as fault:
        if running:
            return Verdict("web", "ok", f"{web.host}:{web.port} is served")
        reason = (fault.strerror or str(fault)).lower()
        return Verdict("web", "fail", f"{web.host}:{web.port}: {reason}", "set another `web.port` or `web.host`")
    return Verdict("web", "ok", f"{web.host}:{web.port} is free")
