"""`edge replay`: a clip through the pipeline, to prove a setting before trusting it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from edge.commands.engine_settings import engine_names, tell_passed_over
from edge.commands.numbers import FloatRange
from edge.config.diagnose import ConfigFindings
from edge.config.load import Override, default_config, load
from edge.config.schema import Camera, Config
from edge.doctor.model import check_model
from edge.doctor.pose import check_pose
from edge.errors import StorageError, UserError

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from edge.alarm.machine import Mode


SET_HELP = "Override a setting, as camera.NAME.min_score=0.6 or, counted from 0, camera.0.min_score=0.6; repeatable."


@click.command()
@click.argument("clip", type=click.Path(path_type=Path))
@click.option(
    "--events", required=True, type=click.Path(path_type=Path), help="Write the events here, a JSON line each."
)
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), help="Take model, zones, alarm and all else from here."
)
@click.option("--camera", "camera_name", help="Whose labels and zones of the configuration apply.")
@click.option("--model", help="Model to use: a catalogue name or a file.")
@click.option("--engine", help="An engine, or several separated by commas, in order.")
@click.option("--threads", type=click.IntRange(min=0), help="CPU threads; 0: the cores, four at most.")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help=SET_HELP)
@click.option(
    "--mode",
    type=click.Choice(["home", "away", "night"]),
    default="away",
    help="What the alarm is armed in; --summary says what it would have done.",
)
@click.option("--hold", type=FloatRange(min=0), default=0.0, help="Repeat the last frame for so many seconds.")
@click.option("--summary", "summary_file", type=click.Path(path_type=Path), help="Write counts and timings here.")
@click.option("--trace", "trace_file", type=click.Path(path_type=Path), help="Write a JSON line a frame here.")
@click.option(
    "--poses", type=click.Path(path_type=Path), help="Write people's joints into this folder, a CSV an event."
)
def replay(
    clip: Path,
    events: Path,
    config_file: Path | None,
    camera_name: str | None,
    model: str | None,
    engine: str | None,
    threads: int | None,
    overrides: tuple[str, ...],
    mode: Mode,
    hold: float,
    summary_file: Path | None,
    trace_file: Path | None,
    poses: Path | None,
) -> None:
    """Run CLIP through the daemon's own pipeline on the clip's own clock, with no network.

    Two runs write the same bytes, so that the effect of a setting can be seen with `diff`.
    """
    import cv2

    from edge.capture.file import open_file
    from edge.replay import Outputs
    from edge.replay import replay as run
    from edge.wiring import open_model, open_pose

    cv2.setNumThreads(1)
    given: dict[str, tuple[str, object]] = {
        "--model": ("model.name", model),
        "--engine": ("model.engine", engine and engine_names(engine)),
        "--threads": ("model.threads", threads),
    }
    given = {option: setting for option, setting in given.items() if setting[1] is not None}
    with _as_typed(given):
        config, camera = _camera(config_file, camera_name, clip, [*overrides, *given.values()])
    if poses is not None and not config.pose.enabled:
        raise UserError("--poses: no joints are looked for; add --set pose.enabled=true")
    # Clip and model first: a mistyped name must not empty the files of the last run.
    open_file(clip).close()
    detector = open_model(config, [camera], passed_over=tell_passed_over) if camera.objects else None
    poser = open_pose(config, passed_over=tell_passed_over) if config.poses(camera) else None
    with _writing(events) as out, _writing(trace_file) as trace, _progress(clip) as progress:
        assert out is not None  # noqa: S101 - `events` is required
        outputs = Outputs(out, trace, poses)
        summary = run(clip, config, camera, detector, outputs, poser=poser, mode=mode, hold=hold, progress=progress)
    if summary_file:
        with _writing(summary_file) as out:
            assert out is not None  # noqa: S101 - there is a path
            out.write(json.dumps(summary, indent=1).encode() + b"\n")
    _tell(summary)


def _tell(summary: dict[str, Any]) -> None:
    """The summary for people."""
    from edge.tally import table

    click.echo(
        f"{summary['frames']} frames, {summary['inferences']} inferences, {summary['events']} events"
        f" in {summary['wall_s']:.1f} s",
        err=True,
    )
    for row in table(summary):
        click.echo(row, err=True)


def _camera(file: Path | None, name: str | None, clip: Path, settings: list[Override]) -> tuple[Config, Camera]:
    """The configuration and the camera in it whose rules apply."""
    if file is None:
        config = default_config({name or "clip": f"file:{clip}"}, settings, checks=[check_model, check_pose])
        return config, config.camera[0]
    config = load(file, settings, checks=[check_model, check_pose], trim=_Unused(clip))
    names = [camera.name for camera in config.camera]
    if name is not None and name not in names:
        raise UserError(f"{file} has no camera `{name}`; it has: {', '.join(names)}")
    index = 0 if name is None else names.index(name)
    for setting in settings:
        _refuse_others(setting, names, index)
    return config, config.camera[index]


class _Unused:
    """Takes what a replay does not use out of a configuration: it has neither network nor camera.

    Whoever tries a zone need not be the one who has the secrets of the mail server.
    """

    def __init__(self, clip: Path) -> None:
        self._source = f"file:{clip.absolute()}"

    def __call__(self, data: dict[str, Any]) -> None:
        for table in ("email", "mqtt", "web", "jsonl"):
            data.pop(table, None)
        alarm, cameras = data.get("alarm"), data.get("camera")
        for key in ("code", "code_to_arm", "siren"):
            if isinstance(alarm, dict):
                alarm.pop(key, None)
        for camera in cameras if isinstance(cameras, list) else []:
            if isinstance(camera, dict) and "source" in camera:
                camera["source"] = self._source
                camera.pop("username", None)
                camera.pop("password", None)


def _refuse_others(setting: Override, names: list[str], index: int) -> None:
    """Raise UserError if an override is about another camera: nobody would see what it changed."""
    key, _, value = setting.partition("=") if isinstance(setting, str) else (setting[0], "", "")
    table, *rest = [part.strip() for part in key.split(".")]
    if table != "camera" or not rest:
        return
    named = names[int(rest[0])] if rest[0].isdigit() else rest[0]
    if named != names[index]:
        meant = ".".join(["camera", names[index], *rest[1:]])
        raise UserError(
            f"--set {key}={value}: this is camera `{named}`, and `{names[index]}` is replayed; write `{meant}=...`, or "
            f"choose with --camera"
        )


@contextmanager
def _as_typed(given: Mapping[str, tuple[str, object]]) -> Iterator[None]:
    """Findings about a setting that came by an option of its own name that option, and no `--set`."""
    try:
        yield
    except ConfigFindings as fault:
        report = str(fault)
        for option, (key, value) in given.items():
            typed = ",".join(value) if isinstance(value, list) else value
            report = report.replace(f"--set {key}={value}", f"{option} {typed}")
        told = ConfigFindings(report, fault.findings)
        told.exit_code = fault.exit_code
        raise told from None


@contextmanager
def _writing(path: Path | None) -> Iterator[BinaryIO | None]:
    """An output file; one clear line if it cannot be written."""
    if path is None:
        yield None
        return
    try:
        file = io.BufferedWriter(_Output(path, "wb"))
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}") from None
    with file:
        yield file


class _Output(io.FileIO):
    """A file that says in one line why a write to it failed, whoever wrote and whenever its buffer was emptied."""

    def write(self, data: Buffer, /) -> int:
        """Write a part of the data. Raises StorageError."""
        try:
            return super().write(data)
        except OSError as error:
            raise StorageError(f"{self.name}: cannot be written: {error.strerror}") from None


@contextmanager
def _progress(clip: Path) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    import av

    try:
        with av.open(str(clip), metadata_errors="replace") as container:
            total = container.streams.video[0].frames or None
    except (OSError, IndexError, av.error.FFmpegError):
        total = None  # the replay itself says what is wrong with the clip
    with click.progressbar(length=total or 1, label=clip.name, file=sys.stderr) as bar:
        yield lambda _: bar.update(1)
