"""The stage of `edge demo`: something to watch, a place for its data, and a broker if one is installed."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.capture.file import open_file
from edge.config.load import Override, default_config
from edge.config.schema import Config
from edge.demo_clip import fetch_clip
from edge.errors import MissingError
from edge.types import MOTION

SYNTHETIC = "synthetic:"


@dataclass(frozen=True, slots=True)
class Scene:
    """What the demo runs, and what it says about it."""

    config: Config
    says: str


@contextmanager
def set_up(source: str | None, port: int | None) -> Iterator[Scene]:
    """Choose a source, start a broker on a free loopback port if mosquitto is here; all of it goes at the end.

    Args:
        source: what to watch, as in a configuration; None is the clip, else a webcam, else the synthetic picture
        port: of the page; None takes a free one

    Raises:
        SourceError: the source is a clip that cannot be read.
        ConfigFindings: the source is none.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-demo-")))
        says = []
        if source is None:
            source, why = _source()
            says.append(why)
        broker = stack.enter_context(_broker(folder))
        settings: list[Override] = [
            ("node.data", str(folder / "data")),
            ("node.name", "demo"),
            ("camera.0.loop", source.startswith("file:")),
            ("alarm.armed_at_first_start", True),
            ("web.port", port or _free_port()),
        ]
        if broker is not None:
            settings += [("mqtt.host", "127.0.0.1"), ("mqtt.port", broker)]
            says.append(f"Broker: mosquitto_sub -p {broker} -t 'edge/#' -v")
        else:
            says.append("No mosquitto here, so no MQTT: events wait in the outbox and show on the page.")
        if source == SYNTHETIC:  # what moves there is nobody, so no model is needed
            settings.append(("camera.0.labels", [MOTION]))
        config = default_config({"demo": source}, settings)
        kind, _, rest = config.camera[0].source.partition(":")
        if kind == "file":
            open_file(rest).close()  # else it would be tried again and again, as a camera is
        yield Scene(config, "\n".join(says))


def _source() -> tuple[str, str]:
    try:
        clip = fetch_clip()
    except MissingError as fault:
        if Path("/dev/video0").exists():
            return "v4l2:/dev/video0", f"{fault}\nWatching the webcam instead."
        return SYNTHETIC, f"{fault}\nWatching a synthetic picture instead: it moves, but there is nobody in it."
    return f"file:{clip}", f"Watching {clip.name}: a pedestrian street, from OpenCV's samples."


@contextmanager
def _broker(folder: Path) -> Iterator[int | None]:
    """A mosquitto of our own on loopback; None where it is not installed."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        yield None
        return
    port = _free_port()
    settings = folder / "mosquitto.conf"
    settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    process = subprocess.Popen([program, "-c", str(settings)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603
    try:
        yield port
    finally:
        process.terminate()
        process.wait(5)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
