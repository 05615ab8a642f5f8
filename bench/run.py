"""Measure, print the table; exit code 1 if a target is missed."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict

from bench.table import Measure, Missing, Row, line


def run(measures: Mapping[str, Measure], description: str, more: Mapping[str, Measure] | None = None) -> None:
    """Run all measurements, or those named on the command line, those of `more` only by name. Ends the process."""
    known = {**measures, **(more or {})}
    told = f"all but {', '.join(more)}" if more else "all"
    parser = argparse.ArgumentParser(prog="python -m bench", description=description)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(known)} (default: {told})")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    given = parser.parse_args()
    if unknown := set(given.names) - known.keys():
        parser.error(f"no measurement is called {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    if not given.json:
        print(f"{platform.machine()}, {platform.system()} {platform.release()}, Python {platform.python_version()}\n")
        print("| what | here | target | |\n|---|---|---|---|")
    for name in given.names or measures:
        try:
            for row in known[name]():
                rows.append(row)
                if not given.json:
                    print(line(row), flush=True)
        except Missing as fault:
            print(f"{name}: left out, it needs {fault}", file=sys.stderr)
    if given.json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    sys.exit(any(row.holds is False for row in rows))
