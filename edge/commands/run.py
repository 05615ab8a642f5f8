"""`edge run`, the daemon; `edge demo`, the same on a clip with nothing to configure."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import sys
from pathlib import Path
from typing import NoReturn

import click

from edge.commands.numbers import FloatRange
from edge.text import printable

_M_ARENA_MAX = -8
STRANGERS = 0o027
"""What other users may not do with the files that are made: read them, or with the group's rights write them."""


@click.command()
@click.option("--config", "config_file", type=click.Path(path_type=Path), help="Default: /etc/edge/edge.toml.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
def run(config_file: Path | None, verbose: bool) -> None:
    """Watch the configured cameras until stopped.

    SIGTERM ends it cleanly; SIGHUP reads the configuration again and keeps the last good one.
    """
    _prepare(logging.DEBUG if verbose else logging.INFO)
    from edge.config.desk import Desk
    from edge.doctor import configuration_of_text
    from edge.running import Told
    from edge.service import Service

    desk = Desk(config_file, configuration_of_text)
    Service(desk.load, Told(_ready), desk).run()
    _leave()


@click.command()
@click.option("--seconds", type=FloatRange(min=0.1), help="End by itself after so long.")
@click.option("--source", help="Watch this instead: file:PATH, rtsp://..., v4l2:/dev/video0, picamera:0, synthetic:")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the page; by default a free one.")
def demo(seconds: float | None, source: str | None, port: int | None) -> None:
    """Watch real footage with everything at its default: events here, in the page, and over MQTT if a broker is here.

    The clip is fetched once from your distribution's opencv-doc package; where that cannot be had, a webcam or a
    synthetic picture takes its place.
    """
    _prepare(logging.WARNING)
    from edge import demo as stage
    from edge.report import event_line
    from edge.running import Told
    from edge.service import Service

    with stage.set_up(source, port) as scene:
        click.echo(scene.says)
        told = Told(_ready, lambda event: click.echo(printable(event_line(event))))
        Service(lambda: scene.config, told).run(seconds)
    _leave()


def _leave() -> NoReturn:
    """End the process without taking the interpreter apart: threads that are left behind in a vendor's code, a camera's
    blocked read or a model that is being loaded, would come back into what is no more and abort it."""
    logging.shutdown()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(0)


def _ready(page: str | None, first: str | None) -> None:
    click.echo("ready")
    if first is not None:
        click.echo(f"Set the page's password here, once: {first}")
    elif page is not None:
        click.echo(f"Page: {page}")
    sys.stdout.flush()


def _prepare(level: int) -> None:
    """Logs to stderr; one vision thread a camera, since the engine has the cores; a small heap for many threads; files
    that are not for everybody."""
    os.umask(os.umask(STRANGERS) | STRANGERS)  # as the service's unit does: what cameras see is nobody else's
    # glibc gives every thread a heap of its own, which costs a small board more memory than the lock of two costs time.
    ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)
    import cv2

    logging.basicConfig(level=level, format="%(asctime)s %(levelname)-7s %(message)s", stream=sys.stderr)
    cv2.setNumThreads(1)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
