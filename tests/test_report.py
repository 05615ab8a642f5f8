"""What the daemon says in text."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from edge import report
from edge.steer.tally import Tally
from edge.types import Event, Sighting

STATUS: dict[str, Any] = {
    "ready": True,
    "uptime_s": 12.5,
    "alarm": "armed_away",
    "cameras": [
        {"name": "porch", "status": "online", "fps": 9.9, "frames": 120, "dropped": 2, "inferences": 30,
         "stage_ms": {"infer": {"p50": 14.0, "p95": 20.0}}},
        {"name": 'a"b', "status": "offline", "fps": 0.0, "frames": 0, "dropped": 0, "inferences": 0, "stage_ms": {}},
    ],
    "engines": [{"name": "openvino", "model": "yolox", "state": "standing_in"}],
    "sinks": [{"name": "mqtt", "state": "back_off", "depth": 7}],
    "commands_ignored": {"malformed": 3, "refused": 0},
    "outbox": {"depth": 7, "oldest_s": 3.5, "dropped": 0},
    "storage": {"state": "full", "used": 5e9, "free": 3e8, "clips": 812, "recording": 1},
}  # fmt: skip


def test_metrics_are_prometheus_text() -> None:
    text = report.metrics(STATUS)
    sample = re.compile(r'^[a-z_]+(\{[a-z]+="([^"\\]|\\.)*"(,[a-z]+="([^"\\]|\\.)*")*\})? [-0-9.e+]+$')
    described: list[str] = []
    for line in text.splitlines():
        if line.startswith("# TYPE"):
            described.append(line.split()[2])
        elif not line.startswith("#"):
            assert sample.match(line), line
            assert line.startswith(described[-1])
    assert len(described) == len(set(described))
    assert 'edge_camera_online{camera="a\\"b"} 0' in text
    assert 'edge_engine_standing_in{engine="openvino",model="yolox"} 1' in text
    assert "edge_storage_full 1" in text
    assert "edge_clips 812" in text
    assert 'edge_stage_seconds{camera="porch",stage="infer",quantile="0.95"} 0.02' in text


def test_a_car_is_a_part_of_the_metrics_where_there_is_one() -> None:
    tally = Tally()
    for latency_s in (0.004, 0.021, 0.4):
        tally.acted(latency_s, 0.001)
        tally.cycle("ok", heard=True)
    tally.cycle("stale", heard=False)
    text = report.metrics(STATUS, {"state": "armed", **tally.figures()})
    assert text.count("# TYPE edge_steer_latency_seconds histogram") == 1
    assert "# TYPE edge_steer_latency_seconds_bucket" not in text
    bounds = re.findall(r'edge_steer_latency_seconds_bucket{le="([^"]+)"} (\d+)', text)
    assert bounds[0] == ("0.005", "1")
    assert ("0.025", "2") in bounds
    assert bounds[-2:] == [("0.25", "2"), ("+Inf", "3")]
    assert "edge_steer_latency_seconds_sum 0.425" in text
    assert "edge_steer_latency_seconds_count 3" in text
    assert 'edge_steer_state{state="armed"} 1' in text
    assert 'edge_steer_state{state="engaged"} 0' in text
    assert "edge_steer_cycles_total 4" in text
    assert "edge_steer_silent_total 1" in text
    assert 'edge_steer_gate_total{reason="stale"} 1' in text
    assert "edge_steer_up 1" in text
    gone = report.metrics(STATUS, {})
    assert "edge_steer_up 0" in gone
    assert "edge_steer_state" not in gone
    assert "edge_steer" not in report.metrics(STATUS)


def test_a_counter_that_has_run_for_days_is_told_to_the_last_digit() -> None:
    assert "edge_uptime_seconds 12345678.5" in report.metrics({**STATUS, "uptime_s": 12345678.5})


def test_the_line_for_the_service_manager_names_what_is_wrong() -> None:
    assert report.summary(STATUS) == "armed_away; 1 of 2 cameras online; 7 messages waiting; mqtt not connected"


def test_an_event_is_a_line_for_a_terminal() -> None:
    after = Sighting("1-a", "porch", 9.0, "person", 0.8, 0.93, 2.0, 9.0, (0, 0, 1, 1), (2, 2), False, False, ("lawn",))
    line = report.event_line(Event("end", None, after, 9.0, "disarmed"))
    assert "porch: person gone after 7 s in lawn" in line
    assert "93%" in line
    lost = replace(after, camera="pi", label="engine", sub_label="openvino serves: the stick is gone")
    line = report.event_line(Event("new", None, lost, 9.0, "disarmed"))
    assert "pi: engine: openvino serves: the stick is gone" in line
