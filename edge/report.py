"""What the daemon tells about itself in text: Prometheus metrics, a line for systemd, a line an event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from edge.types import ALARM, ENGINE, Event

Sample = tuple[str, str, str, Mapping[str, str], float]
"""Metric name, type, help, labels, value."""


def metrics(status: Mapping[str, Any], car: Mapping[str, Any] | None = None) -> str:
    """The daemon's status in Prometheus' text exposition format, version 0.0.4.

    car: what the steering of this device has counted; empty where none runs now, None where there is no car
    """
    lines: list[str] = []
    described: set[str] = set()
    samples = [*_samples(status), *(() if car is None else _of_car(car))]
    for name, kind, text, labels, value in sorted(samples, key=lambda sample: sample[0]):
        family = name.rpartition("_")[0] if kind == "histogram" else name
        if family not in described:
            described.add(family)
            lines += [f"# HELP {family} {text}", f"# TYPE {family} {kind}"]
        inner = ",".join(f'{key}="{_escape(label)}"' for key, label in labels.items())
        # A counter of pictures has more than six digits within the hour.
        lines.append(f"{name}{{{inner}}} {value:.12g}" if inner else f"{name} {value:.12g}")
    return "\n".join(lines) + "\n"


def summary(status: Mapping[str, Any]) -> str:
    """One line for `systemctl status`."""
    cameras = status["cameras"]
    online = sum(camera["status"] == "online" for camera in cameras)
    waiting = status["outbox"]["depth"]
    down = [sink["name"] for sink in status["sinks"] if sink["state"] != "up"]
    parts = [f"{status['alarm']}", f"{online} of {len(cameras)} cameras online"]
    if waiting:
        parts.append(f"{waiting} messages waiting")
    if down:
        parts.append(f"{', '.join(down)} not connected")
    return "; ".join(parts)


def event_line(event: Event) -> str:
    """One line an event, for a terminal."""
    after = event.after
    when = datetime.fromtimestamp(event.captured_at).astimezone().strftime("%H:%M:%S")
    if after.label in (ENGINE, ALARM):
        return f"{when}  {after.camera}: {after.label}: {after.sub_label}  ({after.id})"
    what = {"new": "appeared", "update": "still there", "end": "gone"}[event.type]
    seconds = f" after {after.end_time - after.start_time:.0f} s" if after.end_time is not None else ""
    zones = f" in {', '.join(after.current_zones)}" if after.current_zones else ""
    return f"{when}  {after.camera}: {after.label} {what}{seconds}{zones}  ({after.top_score:.0%}, {after.id})"


def _samples(status: Mapping[str, Any]) -> Iterator[Sample]:
    outbox = status["outbox"]
    yield "edge_up", "gauge", "1 while cameras are being watched.", {}, float(status["ready"])
    yield "edge_uptime_seconds", "gauge", "Time since the start.", {}, status["uptime_s"]
    yield "edge_armed", "gauge", "1 unless the alarm is disarmed.", {}, float(status["alarm"] != "disarmed")
    yield "edge_outbox_messages", "gauge", "Messages that wait to be delivered.", {}, outbox["depth"]
    yield "edge_outbox_oldest_seconds", "gauge", "Age of the oldest of them.", {}, outbox["oldest_s"]
    yield "edge_outbox_dropped", "gauge", "Messages in the history that a limit made us give up.", {}, outbox["dropped"]
    for reason, count in status["commands_ignored"].items():
        yield "edge_commands_ignored_total", "counter", "MQTT commands not done.", {"reason": reason}, count
    storage = status["storage"]
    yield "edge_storage_used_bytes", "gauge", "Clips, snapshots and joints on the disk.", {}, storage["used"]
    yield "edge_storage_free_bytes", "gauge", "Of the data folder's disk.", {}, storage["free"]
    yield "edge_storage_full", "gauge", "1 while there is no room for clips.", {}, float(storage["state"] == "full")
    yield "edge_clips", "gauge", "Clips on the disk.", {}, storage["clips"]
    yield "edge_clips_recording", "gauge", "Clips that are being written.", {}, storage["recording"]
    for camera in status["cameras"]:
        of = {"camera": camera["name"]}
        yield "edge_camera_online", "gauge", "1 while pictures arrive.", of, float(camera["status"] == "online")
        yield "edge_camera_fps", "gauge", "Pictures a second, lately.", of, camera["fps"]
        yield "edge_camera_frames_total", "counter", "Pictures taken.", of, camera["frames"]
        yield "edge_camera_dropped_total", "counter", "Pictures replaced by newer ones.", of, camera["dropped"]
        yield "edge_camera_inferences_total", "counter", "Pictures given to the model.", of, camera["inferences"]
        for stage, times in camera["stage_ms"].items():
            for quantile, key in (("0.5", "p50"), ("0.95", "p95")):
                labels = {**of, "stage": stage, "quantile": quantile}
                yield "edge_stage_seconds", "gauge", "Time a picture spends in a stage.", labels, times[key] / 1e3
    for engine in status["engines"]:
        of = {"engine": engine["name"], "model": engine["model"]}
        yield "edge_engine_up", "gauge", "1 while the engine works.", of, float(engine["state"] != "fault")
        standing_in = float(engine["state"] == "standing_in")
        yield "edge_engine_standing_in", "gauge", "1 while it serves instead of the preferred one.", of, standing_in
    for sink in status["sinks"]:
        of = {"sink": sink["name"]}
        yield "edge_sink_up", "gauge", "1 while the far end answers.", of, float(sink["state"] == "up")
        yield "edge_sink_messages", "gauge", "Messages that wait for this sink.", of, sink["depth"]


def _of_car(car: Mapping[str, Any]) -> Iterator[Sample]:
    yield "edge_steer_up", "gauge", "1 while steering runs.", {}, float(bool(car))
    if not car:
        return
    for state in ("disarmed", "armed", "engaged", "fault"):
        yield "edge_steer_state", "gauge", "1 for the state it is in.", {"state": state}, float(car["state"] == state)
    yield "edge_steer_cycles_total", "counter", "Cycles of the actuator.", {}, car["cycles"]
    yield "edge_steer_missed_total", "counter", "Cycles that the loop left out, being late.", {}, car["missed"]
    yield "edge_steer_silent_total", "counter", "Cycles without a word of the loop.", {}, car["silent"]
    yield "edge_steer_frames_total", "counter", "Pictures that were acted upon.", {}, car["frames"]
    yield "edge_steer_restarts_total", "counter", "Loops that were started again.", {}, car["restarts"]
    for reason, cycles in car["gate"].items():
        yield "edge_steer_gate_total", "counter", "Cycles by what the gate said.", {"reason": reason}, cycles
    latency = car["latency"]
    kind, text = "histogram", "From a picture's exposure to the actuator."
    for bound, pictures in latency["le"]:
        yield "edge_steer_latency_seconds_bucket", kind, text, {"le": f"{bound:g}"}, pictures
    yield "edge_steer_latency_seconds_bucket", kind, text, {"le": "+Inf"}, latency["count"]
    yield "edge_steer_latency_seconds_sum", kind, text, {}, latency["sum"]
    yield "edge_steer_latency_seconds_count", kind, text, {}, latency["count"]


def _escape(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
