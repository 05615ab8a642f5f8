"""What clips cost, and how far before the event they begin."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest

from bench.places import edge
from bench.running import daemon
from bench.table import Missing, Row, at_least, at_most
from tests.support.rtsp import RtspCamera

RUNS = 3
QUIET_S = 20.0
WINDOW_S = 5.0
WINDOWS = 4
TICK_S = 0.01
"""The clock tick of /proc/PID/stat (sysconf CLK_TCK, 100 on every Linux that this runs on)."""


def preroll() -> Iterator[Row]:
    """Two daemons watch an RTSP camera each, of 640x480 at 10 pictures a second, motion alone, one with clips and one
    without; nothing moves for a while, then something does, and a clip is recorded. CPU is that of the processes over
    the same windows; medians of all windows of three runs."""
    idle, busy, memory, begins, keys = [], [], [], [], []
    for _ in range(RUNS):
        found = _run()
        idle += found["idle"]
        busy += found["busy"]
        memory.append(found["memory"])
        begins.append(found["begins"])
        keys.append(found["key"])
    yield at_least("clip: begins before the event, least of three", min(begins), 5, " s")
    yield at_least("clip: begins with a key picture", float(min(keys)), 1)
    yield at_most("clips: CPU of one core while nothing is recorded", statistics.median(idle), 2, " %")
    yield at_most("clips: CPU of one core while one is recorded", statistics.median(busy), 2, " %")
    yield at_most("clips: more resident memory, worst of three", max(memory), 25, " MB")


def _run() -> dict[str, Any]:
    cameras = [RtspCamera(fps=10), RtspCamera(fps=10)]
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name, contextlib.ExitStack() as running:
        files, pids = [], []
        for camera, clips in zip(cameras, (True, False), strict=True):
            running.callback(camera.kill)
            try:
                camera.start()
            except pytest.skip.Exception as fault:
                raise Missing(str(fault)) from None
            camera.toggle()
            files.append(_settings(Path(name) / str(clips), camera.url, clips=clips))
            pids.append(running.enter_context(daemon(files[-1]))[0].pid)
        while not all(_status(file)["cameras"][0]["frames"] > 10 * QUIET_S / 2 for file in files):
            time.sleep(0.5)
        idle = _more(pids, WINDOWS)
        for camera in cameras:
            camera.toggle()
        while not _status(files[0])["storage"]["recording"]:
            time.sleep(0.2)
        busy = _more(pids, WINDOWS)
        with_clips, without = (_resident_mb(pid) for pid in pids)
        running.close()
        (clip,) = sorted((Path(name) / "True" / "data" / "clips").glob("*.mp4"))
        begins, key = _first_motion(clip)
    return {"idle": idle, "busy": busy, "memory": with_clips - without, "begins": begins, "key": key}


def _status(file: Path) -> dict[str, Any]:
    status: dict[str, Any] = json.loads(edge("status", "--json", "--config", file))
    return status


def _settings(folder: Path, url: str, *, clips: bool) -> Path:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder.mkdir()
    file = folder / "edge.toml"
    file.write_text(
        f'[node]\nname = "bench"\ndata = "{folder}/data"\n[web]\nport = {port}\n'
        f'[[camera]]\nname = "gate"\nsource = "{url}"\nlabels = ["motion"]\n'
        f"[clips]\nenabled = {str(clips).lower()}\n"
    )
    return file


def _more(pids: list[int], windows: int) -> list[float]:
    """Per cent of a core by which the first process takes more than the second, window by window."""
    found = []
    for _ in range(windows):
        before = [_cpu_s(pid) for pid in pids]
        begun = time.perf_counter()
        time.sleep(WINDOW_S)
        took = time.perf_counter() - begun
        first, second = (_cpu_s(pid) - start for pid, start in zip(pids, before, strict=True))
        found.append(round((first - second) / took * 100, 2))
    return found


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def _resident_mb(pid: int) -> float:
    return int(re.findall(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) / 1024


def _first_motion(clip: Path) -> tuple[float, bool]:
    """Seconds of the clip before the ball is in the picture, and whether its first packet is a key picture."""
    with av.open(str(clip)) as film:
        key = next(packet for packet in film.demux(video=0) if packet.size).is_keyframe
    with av.open(str(clip)) as film:
        for frame in film.decode(video=0):
            if frame.to_ndarray()[: frame.height].max() > 150:
                return float(frame.time or 0.0), key
    return 0.0, key
