"""The house as it is drawn: what lies where, and what must not be found anywhere."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOP_LEVEL = {
    *("pyproject.toml", "edge", "engines", "tools", "systemd", "tests", "firmware-configs"),
    *("docs", "bench", "Makefile", "README.md", ".ci"),
    *("LICENSE", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", ".gitignore"),
}
SOURCES = sorted(path for part in ("edge", "engines", "tools") for path in (ROOT / part).rglob("*.py"))
"""Path.rglob follows no links, so what edge/engines and edge/tools point to comes once."""

AT_HOME = {
    "pydantic": ["edge/config/*"],
    "paho": ["edge/sinks/mqtt/*"],
    "starlette": ["edge/web/*"],
    "uvicorn": ["edge/web/*"],
    "jinja2": ["edge/web/*"],
    "click": ["edge/cli.py", "edge/commands/*"],
    "av": ["edge/capture/*", "edge/commands/*", "edge/demo_clip.py", "edge/evidence/*"],
    "onnxruntime": [],
    "openvino": [],
    "ai_edge_litert": [],
    "tflite_runtime": [],
    "torch": [],
    "picamera2": [],
}
"""Who may import a vendor's package when it is itself imported; an empty list is nobody: only once it was chosen."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported_at_once(nodes: list[ast.stmt]) -> Iterator[str]:
    """Top-level package names that importing a module imports: not those inside functions or for type checkers."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
        elif isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
            yield from imported_at_once(node.body + node.orelse)
        elif isinstance(node, ast.Try):
            yield from imported_at_once(node.body + node.orelse + node.finalbody)
            yield from imported_at_once([stmt for handler in node.handlers for stmt in handler.body])


def test_the_top_level_is_the_one_that_was_drawn() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("no git checkout: what is tracked cannot be told from what lies about")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert {line.partition("/")[0] for line in listed.splitlines()} == TOP_LEVEL


@pytest.mark.parametrize("part", ["engines", "tools"])
def test_only_edge_is_installed_and_the_folders_beside_it_are_links_in_it(part: str) -> None:
    link = ROOT / "edge" / part
    assert link.is_symlink()
    assert link.readlink() == Path("..", part)


def test_only_the_supervisor_catches_everything() -> None:
    broad = []
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ExceptHandler):
                caught = "everything" if node.type is None else ast.unparse(node.type)
                if caught == "everything" or {"Exception", "BaseException"} & set(caught.strip("()").split(", ")):
                    broad.append((name(path), node.lineno))
    assert {where for where, _ in broad} <= {"edge/supervisor.py"}, broad


def test_no_source_file_outgrows_its_reader() -> None:
    long = {name(path): path.read_text(encoding="utf-8").count("\n") for path in SOURCES}
    assert not {path: lines for path, lines in long.items() if lines > 400}


def test_a_vendor_is_imported_only_where_it_is_at_home() -> None:
    strays = [
        f"{name(path)} imports {vendor}"
        for path in SOURCES
        for vendor in imported_at_once(tree(path).body)
        if vendor in AT_HOME and not any(fnmatch(name(path), home) for home in AT_HOME[vendor])
    ]
    assert not strays


def test_only_commands_print() -> None:
    strays = [
        f"{name(path)}:{node.lineno}"
        for path in SOURCES
        if not fnmatch(name(path), "edge/commands/*") and path.parent.name != "tools"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not strays


def test_only_the_clock_reads_the_machines_time() -> None:
    calls = {"time.time()", "time.monotonic()", "datetime.now()", "time.time_ns()"}
    below = (
        "pipeline",
        "motion",
        "nuisance",
        "tamper",
        "track",
        "rules",
        "decode",
        "kalman",
        "assign",
        "alarm",
        "replay",
        "evidence",
    )
    strays = [
        f"{name(path)}:{node.lineno}"
        for path in SOURCES
        if name(path).removeprefix("edge/").partition("/")[0].removesuffix(".py") in below
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and ast.unparse(node) in calls
    ]
    assert not strays


def test_the_daemon_starts_without_any_extra() -> None:
    program = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {"starlette", "uvicorn", "jinja2", "onnxruntime", "openvino", "ai_edge_litert",
                                      "tflite_runtime", "onnx", "matplotlib", "rich", "cryptography"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import edge.service, edge.replay, edge.doctor, edge.control
from edge.cli import COMMANDS, cli
import click
[cli.get_command(click.Context(cli), command) for command in COMMANDS]
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_asking_for_the_version_loads_nothing_heavy() -> None:
    program = "import sys, edge.cli; print(*sorted({'numpy', 'cv2', 'av', 'pydantic', 'paho'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
