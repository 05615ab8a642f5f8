"""`edge check`: is the configuration right?"""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path

import click

from edge.alarm import settings_of
from edge.commands.output import JSON, print_json
from edge.config.diagnose import ConfigFindings
from edge.config.load import default_path
from edge.config.schema import Config
from edge.doctor import configuration
from edge.text import printable_lines


@click.command()
@click.option("--config", type=click.Path(path_type=Path), help="Default: /etc/edge/edge.toml, else ./edge.toml.")
@JSON
def check(config: Path | None, as_json: bool) -> int:
    """Check the configuration and the files that it names; nothing is started."""
    path = config or default_path()
    try:
        found = configuration(path)
    except ConfigFindings as fault:
        if as_json:
            print_json({"ok": False, "errors": [asdict(finding) for finding in fault.findings]})
        else:
            click.echo(f"edge: {printable_lines(str(fault))}", err=True)
        return ConfigFindings.exit_code  # also where a part is all that is missing: the check itself lacks none
    if as_json:
        print_json({"ok": True, "errors": []})
    else:
        click.echo(f"{path}: fine")
        click.echo(_summary(found))
    return 0


def _alarm(config: Config) -> list[str]:
    """The alarm's times, what a place far in the north or south makes of them, and whether anything sets it off."""
    schedule = settings_of(config).schedule
    lines = [f"{line.do} at {line.at} on {', '.join(line.days)}" for line in config.alarm.schedule]
    for event, days in schedule.sunless(date.today().year).items():
        lines.append(f"note: there is no {event} at this latitude on {days} days of the year; nothing is done then")
    sought = {label for camera in config.camera for label in camera.labels}
    if config.alarm.labels is None and "person" not in sought and not settings_of(config).motion_at:
        lines.append("note: nothing sets it off: no camera looks for `person`; say what does in `alarm.labels`")
    return lines


def _idle(config: Config) -> list[str]:
    """What is set about postures and does nothing so."""
    pose, set_here = config.pose, config.pose.model_fields_set
    rests = [(camera, f"`rest` of zone {zone.name}") for camera in config.camera for zone in camera.zone if zone.rest]
    if not pose.enabled:
        given = [f"`pose.{name}`" for name in sorted(set_here - {"enabled"})] + [rest for _, rest in rests]
        if config.privacy.blur == "skeleton":
            given.append('`privacy.blur = "skeleton"`, which draws boxes alone')
        return [f"{', '.join(given)}: without effect while `pose.enabled` is false"] if given else []
    seen = [camera.name for camera in config.camera if camera.enabled and camera.pose and not config.poses(camera)]
    lines = [f"camera {name} looks for no `person`: nobody's posture is seen there" for name in seen]
    idle = [f"{rest} of camera {camera.name}" for camera, rest in rests if not config.poses(camera)]
    if idle:
        lines.append(f"{', '.join(idle)}: without effect where nobody's posture is seen")
    if pose.judge == "rules" and "network" in set_here:
        lines.append('`pose.network`: without effect with `pose.judge = "rules"`')
    if pose.alert == "never" and "alert_for" in set_here:
        lines.append('`pose.alert_for`: without effect with `pose.alert = "never"`')
    return lines


def _summary(config: Config) -> str:
    servers = [("mqtt", config.mqtt.host, config.mqtt.port), ("email", config.email.host, config.email.port)]
    sinks = [f"{name} {host}:{port}" for name, host, port in servers if host]
    page = f"http{'s' if config.web.cert else ''}://{config.web.host}:{config.web.port}"
    rows = [
        *(f"camera   {camera.name}: {camera.shown}, {', '.join(camera.labels)}" for camera in config.camera),
        f"model    {', '.join(config.model.names)} on {', '.join(config.model.engine)}",
        f"sinks    {', '.join(sinks) or 'none'}",
        f"page     {page if config.web.enabled else 'off'}",
        *([f"postures {config.pose.model} on {', '.join(config.pose.engine)}"] if config.pose.enabled else []),
        *(f"postures note: {line}" for line in _idle(config)),
        *(f"alarm    {line}" for line in _alarm(config)),
        f"data     {config.node.data}",
    ]
    return "\n".join(rows)
