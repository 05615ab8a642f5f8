"""`python -m bench [--json] [NAME...]`: measure, print the table; exit code 1 if a target is missed."""

from __future__ import annotations

from bench import (
    agree,
    cost,
    decode,
    found,
    judges,
    load,
    openpose,
    pose,
    poses,
    preprocess,
    preroll,
    running,
    scenes,
    steering_faults,
    steering_laps,
    steering_loop,
    steering_race,
    steering_step,
    steering_tub,
    streams,
)  # fmt: skip
from bench.run import run
from bench.table import Measure

MEASURES: dict[str, Measure] = {
    "visits": found.visits,
    "traffic": found.traffic,
    "walkers": found.walkers,
    "gate": found.gate,
    "gate-cost": cost.gate,
    "scenes": scenes.scenes,
    "tamper": cost.tamper,
    "engines": cost.engines,
    "agree": agree.agree,
    "preprocess": preprocess.preprocess,
    "pipeline": cost.pipeline,
    "decode": decode.yolov8,
    "openpose": openpose.openpose,
    "network": judges.network,
    "skeletons": judges.simulated,
    "films": judges.films,
    "falls-by-judge": judges.real,
    "pose": pose.pose,
    "falls": poses.falls,
    "postures": poses.postures,
    "steering-laps": steering_laps.laps,
    "streams": streams.rates,
    "start": running.start,
    "memory": running.memory,
    "memory-stream": streams.memory,
    "preroll": preroll.preroll,
    "delivery": running.delivery,
    "load": load.load,
    "steering-step": steering_step.step,
    "steering-loop": steering_loop.loop,
    "steering-faults": steering_faults.faults,
}
BY_NAME: dict[str, Measure] = {
    "steering-seeds": steering_laps.seeds,
    "steering-tub": steering_tub.tub,
    "steering-race": steering_race.race,
}
"""What trains: half an hour, five minutes and a quarter of an hour, and needs torch, the last gymnasium."""

run(MEASURES, "Measure every figure that the README quotes.", BY_NAME)
