"""Films made for tests, and what is in a file."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from edge.capture.base import Source


def film(
    path: Path,
    codec: str = "libx264",
    *,
    pictures: int = 100,
    fps: int = 10,
    gop: int = 10,
    w: int = 160,
    b: int = 2,
    walk: int = 0,
) -> Path:
    """Noise that gets brighter, so that every picture has a size of its own; or, given `walk`, noise that stands still
    for so many pictures, before which a block walks through from then on."""
    random = np.random.default_rng(0)
    options = {} if codec == "mjpeg" else {"g": str(gop), "bf": str(b), "preset": "ultrafast"}
    if codec == "libx265":
        options["x265-params"] = "log-level=none"
    with av.open(str(path), "w") as made:
        stream = made.add_stream(codec, rate=fps, options=options)
        stream.width, stream.height = w, w * 3 // 4
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        still = random.integers(60, 120, (stream.height, stream.width, 3), dtype=np.uint8)
        for i in range(pictures):
            image = random.integers(0, 60 + i % 100, (stream.height, stream.width, 3), dtype=np.uint8)
            if walk:
                image = still.copy()
                x = (i - walk) * w // 40 % w
                image[w // 5 : w // 2, x : x + w // 6 if i >= walk else x] = 220
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = i, Fraction(1, fps)
            made.mux(stream.encode(frame))
        made.mux(stream.encode())
    return path


def contents(path: Path) -> tuple[int, float, bool]:
    """Pictures that can be decoded, seconds from the first to the last, and whether the first packet is a key one."""
    with av.open(str(path)) as clip:
        first = next(packet for packet in clip.demux(video=0) if packet.size)
        key = first.is_keyframe
    with av.open(str(path)) as clip:
        times = [float(frame.time or 0) for frame in clip.decode(video=0)]
    return len(times), times[-1] - times[0], key


def play(source: Source) -> int:
    """Have a source demux and decode all that it has; how many pictures that were."""
    try:
        return sum(1 for _ in source.shots())
    finally:
        source.close()
