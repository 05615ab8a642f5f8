"""The camera connector of a Jetson: the pipeline as text. What runs it has tests of its own."""

from __future__ import annotations

import pytest

from edge.capture.gstreamer import jetson_pipeline
from edge.config.connector import parse_connector


@pytest.mark.parametrize(
    ("rest", "caps", "converter"),
    [
        ("0", "width=1280,height=720,format=NV12,framerate=30000/1000", "nvvidconv"),
        ("1?size=1920x1080&fps=14.5&rotate=180", "width=1920,height=1080,format=NV12,framerate=14500/1000", "flip"),
    ],
)
def test_the_pipeline_is_written_from_the_source(rest: str, caps: str, converter: str) -> None:
    source, memory, converted, plain = jetson_pipeline(parse_connector("jetson", rest)).split(" ! ")
    assert source == f"nvarguscamerasrc sensor-id={rest[0]}"
    assert memory == f"video/x-raw(memory:NVMM),{caps}"
    assert converted == ("nvvidconv flip-method=2" if converter == "flip" else "nvvidconv")
    assert plain == "video/x-raw,format=I420"
