"""`edge status`, `switch` and `events`: speak with the running daemon over its local socket."""

from __future__ import annotations

import time
from datetime import tzinfo
from pathlib import Path
from typing import Any

import click

from edge.commands.alarm import CONFIG, asked_code, code_wanted, said
from edge.commands.output import JSON, print_json, print_table
from edge.commands.stored import newest
from edge.config.load import load_node
from edge.control import call
from edge.errors import EdgeError
from edge.localtime import stamp_of, zone_of
from edge.switches import NAMES, WATCHING

SWITCH_S = 20.0


@click.command()
@CONFIG
@JSON
def status(config: Path | None, as_json: bool) -> None:
    """Show how the running daemon is doing: cameras, engines, sinks, alarm."""
    node = load_node(config)
    found = call(node, {"do": "status"})
    if as_json:
        print_json(found)
    else:
        _show_status(found, zone_of(node.timezone))


@click.command()
@CONFIG
@click.argument("camera")
@click.argument("name", type=click.Choice(NAMES))
@click.argument("state", type=click.Choice(["on", "off"]))
@click.option("--code", metavar="PIN", help="Where a PIN is set and the alarm is on; on a terminal it is asked for.")
def switch(config: Path | None, camera: str, name: str, state: str, code: str | None) -> None:
    """Switch something of a camera on or off while it runs; kept over a restart.

    It waits until that is true: a camera that is being connected to is closed only then.
    """
    node, wanted = load_node(config), state == "on"
    if code is None and name in WATCHING and not wanted and code_wanted(node, "code", armed=True):
        code = asked_code()
    request = {"do": "switch", "camera": camera, "name": name, "on": wanted, "code": code}
    until = time.monotonic() + SWITCH_S
    while call(node, request)[name] is not wanted:
        if time.monotonic() > until:
            raise EdgeError(f"{camera}: {name} is not {state} yet; it will be as soon as the camera can follow")
        time.sleep(0.1)
    click.echo(f"{camera}: {name} {state}")


@click.command()
@CONFIG
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, the newest.")
@JSON
def events(config: Path | None, limit: int, as_json: bool) -> None:
    """Show the newest events, oldest first; also while the daemon is down."""
    node = load_node(config)
    found, zone = newest(node, "events", limit), zone_of(node.timezone)
    if as_json:
        print_json(found)
        return
    print_table(
        ("time", "camera", "type", "label", "score", "id", "state"),
        [
            (
                stamp_of(event["after"]["frame_time"], zone),
                event["after"]["camera"],
                event["type"],
                _label(event["after"]),
                event["after"]["score"],
                event["after"]["id"],
                event["state"],
            )
            for event in found
        ],
    )


def _label(after: dict[str, Any]) -> str:
    """What it is, with what is known beyond the label, and what has happened to it."""
    activity = after.get("activity") or {}
    parts = [after["label"] + (f" ({said})" if (said := after["sub_label"]) else "")]
    return ", ".join([*parts, activity["kind"].replace("_", " ")] if activity.get("confirmed") else parts)


def _show_status(found: dict[str, Any], zone: tzinfo) -> None:
    ready = "watching" if found["ready"] else "starting"
    click.echo(f"{ready}, {found['alarm']}, up {_duration(found.get('uptime_s', 0))}")
    if detail := found.get("alarm_detail"):
        first, *more = said({"state": found["alarm"], **detail}, zone)
        click.echo("\n".join([f"alarm {first}", *(f"  {line}" for line in more)]))
    click.echo()
    print_table(
        ("camera", "status", "fps", "dropped", "reason"),
        [
            (c["name"], c["status"], c.get("fps", "-"), c.get("dropped", "-"), _camera(c, zone))
            for c in found["cameras"]
        ],
    )
    if found["engines"]:
        click.echo()
        rows = [(engine["name"], _model_of(engine), engine["state"], _or_dash(engine)) for engine in found["engines"]]
        print_table(("engine", "model", "state", "reason"), rows)
    if found["sinks"]:
        click.echo()
        told = [(sink["name"], sink["state"], _or_dash(sink)) for sink in found["sinks"]]
        print_table(("sink", "state", "reason"), told)
    if storage := found.get("storage"):
        clips = f"{storage['clips']} clips, {storage['used'] / 1e9:.1f} of {storage['quota'] / 1e9:.1f} GB"
        click.echo(f"\n{clips}" + (f": {storage['reason']}" if storage["reason"] else ""))
    if fault := found["outbox"].get("fault"):
        click.echo(f"\nthe disk does not take events: {fault}")


def _model_of(engine: dict[str, Any]) -> str:
    version = engine.get("version")
    return f"{engine.get('model', '-')}{'' if version is None else f' version {version}'}"


def _camera(camera: dict[str, Any], zone: tzinfo) -> str:
    """What is the matter with a camera, and what of it somebody switched off; its status says whether it is watched."""
    silent = {"enabled", *camera.get("stay_off", ())}
    off = [name for name, on in camera.get("switches", {}).items() if not on and name not in silent]
    told = [camera.get("reason"), _view(camera, zone), f"switched off: {', '.join(off)}" if off else None]
    return "; ".join(part for part in told if part) or "-"


def _view(camera: dict[str, Any], zone: tzinfo) -> str | None:
    """What is the matter with a camera's view, and when another one was taken for right."""
    told = [camera["tamper"]] if camera.get("tamper") not in (None, "none") else []
    view = camera.get("view") or {}
    if view.get("by") in ("owner", "time"):
        told.append(f"view accepted {stamp_of(view['since'], zone)}" + (", it had stayed" * (view["by"] == "time")))
    return "; ".join(told) or None


def _or_dash(part: dict[str, Any]) -> str:
    return part.get("reason") or "-"


def _duration(seconds: float) -> str:
    minutes = int(seconds) // 60
    days, hours = minutes // 1440, minutes % 1440 // 60
    return f"{days} d {hours} h" if days else f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
