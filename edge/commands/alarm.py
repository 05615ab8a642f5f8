"""`edge arm`, `disarm` and `edge alarm ...`: the alarm of the running daemon."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any

import click

from edge.commands.output import JSON, print_json, print_table
from edge.commands.stored import newest
from edge.config.load import load_node
from edge.config.schema import Node
from edge.control import call
from edge.localtime import stamp_of, zone_of

_PROCESS = re.compile(r" \(user \d+, process \d+\)$")
"""Behind `the command line`: for who looks closer, in `--json`."""
CONFIG = click.option("--config", type=click.Path(path_type=Path), help="The daemon's configuration file.")


@click.command()
@CONFIG
@click.option(
    "--mode",
    type=click.Choice(["home", "away", "night"]),
    help="Unless given, `away`; with --now, what is being armed.",
)
@click.option("--code", metavar="PIN", help="Where one is wanted; on a terminal it is asked for, unseen.")
@click.option("--now", is_flag=True, help="Without the exit delays.")
def arm(config: Path | None, mode: str | None, code: str | None, now: bool) -> None:
    """Arm: from now on events alert. Cameras that cannot see are told of, and keep it from nothing."""
    node = load_node(config)
    mode = mode or (None if now else "away")
    if code is None and code_wanted_to_arm(node, mode):
        code = asked_code()
    found = call(node, {"do": "arm", "mode": mode, "code": code, "now": now})
    click.echo(found["alarm"])
    if blind := found.get("blind"):
        click.echo(f"but {cannot_see(blind)}", err=True)


@click.command()
@CONFIG
@click.option("--code", metavar="PIN", help="Where a PIN is set; on a terminal it is asked for, unseen.")
def disarm(config: Path | None, code: str | None) -> None:
    """Disarm: events go on, nobody is alerted."""
    node = load_node(config)
    if code is None and code_wanted(node, "code"):
        code = asked_code()
    click.echo(call(node, {"do": "disarm", "code": code})["alarm"])


@click.group()
def alarm() -> None:
    """The alarm: its state, its log, and a call for help."""


@alarm.command()
@CONFIG
@JSON
def status(config: Path | None, as_json: bool) -> None:
    """Show the alarm's state, and what comes next."""
    node = load_node(config)
    found = call(node, {"do": "status"})
    detail = {"state": found["alarm"], **found["alarm_detail"]}
    if as_json:
        print_json(detail)
    else:
        click.echo("\n".join(said(detail, zone_of(node.timezone))))


@alarm.command()
@CONFIG
def panic(config: Path | None) -> None:
    """Set the alarm off at once, armed or not."""
    click.echo(call(load_node(config), {"do": "panic"})["alarm"])


@alarm.command()
@CONFIG
@JSON
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many, the newest.")
def log(config: Path | None, as_json: bool, limit: int) -> None:
    """Show who did what to the alarm, oldest first; also while the daemon is down."""
    node = load_node(config)
    found, zone = newest(node, "alarm_log", limit), zone_of(node.timezone)
    if as_json:
        print_json(found)
        return
    rows = [
        (
            stamp_of(line["at"], zone) + ("" if line["clock_ok"] else " ?"),
            re.sub(r"^(\w+)/", r"\1: ", line["what"]),
            line["by"] or "-",
            _PROCESS.sub("", line["from"]),
            line["result"],
        )
        for line in found
    ]
    print_table(("time", "what", "by", "from", "result"), rows)


def said(detail: Mapping[str, Any], zone: tzinfo) -> list[str]:
    """The alarm in lines for people. detail: `alarm_detail` of the status, and its `state`; zone: of the
    house."""
    left = detail["until_s"]
    lines = [detail["state"] + ("" if left is None else f", {left:.0f} s left")]
    if detail["cause"]:
        lines.append(f"cause: {detail['cause']}")
    if detail["by"]:
        lines.append(f"last order by {detail['by']}")
    if ahead := detail["next"]:
        lines.append(f"next: {ahead['do']} at {stamp_of(ahead['at'], zone)}")
    if detail.get("schedule_waits"):
        lines.append("the schedule waits: the clock is not set")
    if detail["locked_s"]:
        lines.append(f"{detail['locked']} is locked for {detail['locked_s']:.0f} s: too many wrong codes")
    if blind := detail.get("blind"):
        lines.append(f"cannot see: {cannot_see(blind)}")
    if detail["fault"]:
        lines.append(f"not stored: {detail['fault']}")
    return lines


def cannot_see(blind: Sequence[Mapping[str, str]]) -> str:
    """In words. blind: as in `alarm_detail`."""
    return ", ".join(f"{each['camera']} is {each['why']}" for each in blind)


def code_wanted(node: Node, key: str, *, armed: bool = False) -> bool:
    """Whether a code is worth asking for: there is somebody to ask, and the daemon wants one. armed: only then."""
    if not sys.stdin.isatty():
        return False
    found = call(node, {"do": "status"})
    return bool(found.get("alarm_detail", {}).get(key)) and not (armed and found["alarm"] == "disarmed")


def code_wanted_to_arm(node: Node, mode: str | None) -> bool:
    """The same of arming: where every arming wants one, or this one changes the mode. mode: None keeps it."""
    if not sys.stdin.isatty():
        return False
    detail = call(node, {"do": "status"}).get("alarm_detail", {})
    changes = mode is not None and detail.get("mode") not in (None, mode)
    return bool(detail.get("code_to_arm") or (changes and detail.get("code")))


def asked_code() -> str:
    """The code that somebody types, unseen."""
    code: str = click.prompt("Code", hide_input=True, err=True)
    return code
