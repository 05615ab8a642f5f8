"""`python -m bench [--json] [NAME...]`: measure, print the table; exit code 1 if a target is missed."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from dataclasses import asdict

from bench import agree, cost, decode, found, preprocess, running, streams
from bench.table import Measure, Missing, Row, line

MEASURES: dict[str, Measure] = {
    "visits": found.visits,
    "traffic": found.traffic,
    "walkers": found.walkers,
    "gate": found.gate,
    "gate-cost": cost.gate,
    "engines": cost.engines,
    "agree": agree.agree,
    "preprocess": preprocess.preprocess,
    "pipeline": cost.pipeline,
    "decode": decode.yolov8,
    "streams": streams.rates,
    "start": running.start,
    "memory": running.memory,
    "memory-stream": streams.memory,
    "delivery": running.delivery,
}


def main() -> None:
    """Run all measurements, or those named."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure every figure that the README quotes.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(MEASURES)} (default: all)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    given = parser.parse_args()
    if unknown := set(given.names) - MEASURES.keys():
        parser.error(f"no measurement is called {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    if not given.json:
        print(f"{platform.machine()}, {platform.system()} {platform.release()}, Python {platform.python_version()}\n")
        print("| what | here | target | |\n|---|---|---|---|")
    for name in given.names or MEASURES:
        try:
            for row in MEASURES[name]():
                rows.append(row)
                if not given.json:
                    print(line(row), flush=True)
        except Missing as fault:
            print(f"{name}: left out, it needs {fault}", file=sys.stderr)
    if given.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    sys.exit(any(row.holds is False for row in rows))


main()
