"""The daemon as it runs: how fast it starts, what it needs, how soon an event is delivered."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import httpx

from bench.places import EDGE, SSD, footage
from bench.table import Missing, Row, at_most
from edge.config.load import load
from edge.config.schema import Config
from edge.control import NotRunning, call
from edge.models import catalogue, store

TFLITE = f'[model]\nname = "{SSD}"\nengine = "tflite"\n'
OPENVINO = '[model]\nengine = "openvino"\n'


def start() -> Iterator[Row]:
    """From `edge run` to the first inference, files cached; median of seven."""
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        file = _config(Path(name))
        times = []
        for _ in range(8):
            begun = time.perf_counter()
            with daemon(file):
                while not _inferred(load(file)):
                    time.sleep(0.005)
                times.append(time.perf_counter() - begun)
    yield at_most("edge run to the first inference", statistics.median(times[1:]), 1.5, " s")


def memory() -> Iterator[Row]:
    """Peak resident memory: one camera of 640x480 at 10 pictures a second, the page open with its live view for ten
    seconds; SSD on tflite, and for information the default models, also where a compiled form is not yet cached."""
    what = "daemon, peak RSS with the page open"
    yield at_most(f"{what}, SSD on tflite", _peak_mb(TFLITE), 150, " MB")
    default = catalogue.by_name(catalogue.DEFAULTS[0])
    model = None if default is None else store.cached(default)
    if model is None:
        raise Missing(f"the default model: edge models pull {catalogue.DEFAULTS[0]}")
    alone = f'[model]\nname = "{catalogue.DEFAULTS[0]}"\n'
    yield Row(f"{what}, the default's two models", f"{_peak_mb(''):.3g} MB")
    yield Row(f"{what}, both on openvino", f"{_peak_mb(OPENVINO):.3g} MB")
    yield Row(f"{what}, the first of them alone, on openvino", f"{_peak_mb(alone):.3g} MB")
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as cold:
        (Path(cold) / "models").mkdir()
        (Path(cold) / "models" / model.name).symlink_to(model)
        yield Row(f"{what}, the same at its very first start", f"{_peak_mb(alone, EDGE_CACHE=cold):.3g} MB")


def _peak_mb(model: str, **environment: str) -> float:
    with tempfile.TemporaryDirectory(prefix="edge-bench-") as name:
        file = _config(Path(name), model)
        with daemon(file, **environment) as (process, says):
            _look_at_the_page(says, 10.0)
            status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024


def delivery() -> Iterator[Row]:
    """From an event in the pipeline to the PUBACK of a local broker."""
    done = subprocess.run([sys.executable, "-m", "bench.delivery", "--json"], capture_output=True, text=True)
    if done.returncode == 3:
        raise Missing(done.stderr.strip())
    if done.returncode:
        raise SystemExit(f"bench.delivery: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    yield at_most("group commit to PUBACK, p50", found["commit_to_puback_p50_ms"], 5, " ms")
    yield Row("group commit to PUBACK, p99", f"{found['commit_to_puback_p99_ms']:.3g} ms")
    yield Row("event to group commit (the disk's), p50", f"{found['put_to_commit_p50_ms']:.3g} ms")


def _config(folder: Path, model: str = TFLITE) -> Path:
    return settings_file(folder, clip_at_640(folder), model, ["hall"])


def settings_file(folder: Path, clip: Path, model: str, cameras: Sequence[str]) -> Path:
    """A daemon whose cameras play a clip, with a table `[model]`, everything else at its default."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    file = folder / "edge.toml"
    played = "".join(f'[[camera]]\nname = "{name}"\nsource = "file:{clip}"\nloop = true\n' for name in cameras)
    file.write_text(f'[node]\nname = "bench"\ndata = "{folder}/data"\n{played}{model}[web]\nport = {port}\n')
    return file


def clip_at_640(folder: Path) -> Path:
    """The first 300 pictures of a clip at 640x480 in H.264, written into a folder."""
    source, target = footage("onebyone_A"), folder / "clip.mp4"
    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        stream = made.add_stream("libx264", rate=10, options={"preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 640, 480, "yuv420p"
        stream.time_base = Fraction(1, 10)
        for i, frame in enumerate(given.decode(video=0)):
            if i == 300:
                break
            scaled = frame.reformat(640, 480, "yuv420p")
            scaled.pts, scaled.time_base = i, Fraction(1, 10)
            made.mux(stream.encode(scaled))
        made.mux(stream.encode())
    return target


@contextlib.contextmanager
def daemon(file: Path, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`edge run`; gives the process and the line with the page's address once it is ready."""
    process = subprocess.Popen(
        [EDGE, "run", "--config", file],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **environment},
    )
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "ready\n":
            raise SystemExit("the daemon did not start")
        yield process, process.stdout.readline()
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def _inferred(config: Config) -> bool:
    with contextlib.suppress(NotRunning):
        return bool(call(config.node, {"do": "status"})["cameras"][0]["inferences"])
    return False


def _look_at_the_page(says: str, seconds: float) -> None:
    """Set a password by the printed address, then read page, feed and live pictures as a browser does."""
    address = re.findall(r"http\S+", says)[0]
    base, token = address.split("/setup?token=")
    with httpx.Client(base_url=base, headers={"origin": base}, follow_redirects=True) as browser:
        form = browser.get(address).text
        csrf = re.findall(r'name="csrf" value="([^"]+)"', form)
        browser.post("/setup", data={"token": token, "csrf": csrf[0] if csrf else "", "password": "correct horse",
                                     "again": "correct horse"})  # fmt: skip
        home = browser.get("/")
        if "alarm-state" not in home.text:
            raise SystemExit("the page did not let the bench in")
        readers = [
            threading.Thread(target=_read, args=(browser.cookies, base, path, seconds))
            for path in ("/live?cam=hall", "/feed")
        ]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()


def _read(cookies: httpx.Cookies, base: str, path: str, seconds: float) -> None:
    until = time.monotonic() + seconds
    with httpx.Client(base_url=base, cookies=cookies) as browser, browser.stream("GET", path) as stream:
        stream.raise_for_status()
        for _ in stream.iter_bytes():
            if time.monotonic() > until:
                return
