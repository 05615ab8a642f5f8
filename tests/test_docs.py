"""The documentation names everything there is, and what it points to exists."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import click
import pytest
import tomllib
from pydantic import BaseModel

from edge.cli import COMMANDS, cli
from edge.clock import SystemClock
from edge.config.load import load
from edge.config.schema import Config
from edge.config.toml import parse
from edge.decode import TABLE as DECODERS
from edge.decode import head
from edge.doctor.model import check_model
from edge.engines.registry import TABLE as ENGINES
from edge.models.inspect.habits import HABITS
from edge.models.manifest import TASKS, Manifest, parse_manifest, read_manifest, to_toml
from edge.outbox import Limits, Outbox, read_events
from edge.preprocess import Input
from edge.types import Stamp, event_payload
from edge.web.settings import WebSettings
from tests.support.events import event as made_up

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "firmware-configs").rglob("*.md")])


def text(*parts: str) -> str:
    return "\n".join((ROOT / part).read_text(encoding="utf-8") for part in parts)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and sub-command, with its full name."""
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"{name} {sub}", below) for sub, below in command.commands.items())
        else:
            yield name, command


@pytest.mark.parametrize(("name", "command"), list(commands()))
def test_every_command_and_each_of_its_options_is_in_the_reference(name: str, command: click.Command) -> None:
    page = text("docs/reference/cli.md")
    heading = re.search(rf"^### `edge {re.escape(name)}\b", page, re.MULTILINE)
    assert heading, f"docs/reference/cli.md has no section `edge {name}`"
    section = page[heading.start() :].split("\n### ", 1)[0]
    options = [opt for param in command.params if isinstance(param, click.Option) for opt in param.opts]
    missing = [opt for opt in options if opt.startswith("--") and opt != "--help" and opt not in section]
    assert not missing, f"edge {name}: the reference does not name {missing}"


def keys(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Every key of a configuration, tables in front: `mqtt.tls.ca`."""
    for name, field in model.model_fields.items():
        key = f"{path}{field.alias or name}"
        below = list(tables(field.annotation))
        if not below:
            yield key
        for table in below:
            yield from keys(table, f"{key}.")


def tables(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from tables(part)


def test_every_key_of_the_configuration_is_in_the_documentation() -> None:
    page = text("docs/reference/config.md")
    found = list(keys(Config))
    assert len(found) > 40
    assert not [key for key in found if f"`{key.rpartition('.')[2]}`" not in page]


def blocks(kind: str) -> list[Any]:
    """The code blocks of a kind, as parameters named after their page."""
    return [
        pytest.param(block, id=f"{page.relative_to(ROOT)}:{number}")
        for page in PAGES
        for number, block in enumerate(
            re.findall(rf"^```{kind}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S), 1
        )
    ]


def test_every_key_of_manifests_every_decoder_and_every_task_is_in_the_documentation() -> None:
    page = text("docs/reference/models.md")
    names = [field.name for made in (Manifest, Input) for field in fields(made) if field.compare]
    shown = set(re.findall(r"`\"?\[?(\w[\w-]*)\]?\"?`", page))
    assert not {*names, *DECODERS, *TASKS} - shown


@pytest.mark.parametrize("block", [block for block in blocks("ini") if "[outputs]" in block.values[0]])
def test_every_manifest_that_is_shown_is_one(block: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(block)
    made = read_manifest(path)
    assert head(made).misfit({}, made) is None


def test_every_engine_is_in_the_documentation() -> None:
    page = text("docs/reference/cli.md")
    assert not [engine for engine in ENGINES if f"`{engine}`" not in page]


def test_every_key_of_an_event_and_every_metric_is_in_the_documentation() -> None:
    stamp = Stamp(boot_id="b", seq=1, node="n", published_at=0.0)
    event = event_payload(made_up(), stamp)
    page = text("docs/reference/mqtt.md")
    assert not [key for key in {**event, **event["after"]} if f'"{key}"' not in page]
    metrics = set(re.findall(r'"(edge_[a-z_]+)"', text("edge/report.py")))
    assert len(metrics) > 10
    assert not [name for name in metrics if f"`{name}`" not in text("docs/reference/metrics.md")]


@pytest.mark.parametrize("block", blocks("toml"))
def test_every_configuration_that_is_shown_is_valid(
    block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for secret in re.findall(r"\$\{(\w+)\}", block):
        monkeypatch.setenv(secret, "10815")  # a code of the alarm has digits
    if "[[camera]]" not in block:
        block += '\n[[camera]]\nname = "any"\nsource = "synthetic:"\n'
    path = tmp_path / "edge.toml"
    path.write_text(block)
    load(path, checks=[check_model])


@pytest.mark.parametrize("block", blocks("toml manifest"))
def test_every_manifest_that_is_shown_is_valid(block: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("\n".join(f"class {number}" for number in range(80)))
    manifest = parse_manifest(parse(block), tmp_path / "mine.toml")
    assert manifest.decoder in HABITS
    assert parse_manifest(parse(to_toml(manifest)), tmp_path / "mine.toml") == manifest


def test_every_head_is_in_the_page_on_models_of_ones_own() -> None:
    page = text("docs/how-to/own-model.md")
    assert not [decoder for decoder in DECODERS if f'decoder = "{decoder}"' not in page]
    assert set(DECODERS) <= set(HABITS), "inspect knows how each family is fed"


def test_the_certificate_that_is_shown_serves_the_page(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here: apt-get install openssl")
    command = re.findall(r"^sudo (openssl req .*)$", text("docs/how-to/page.md"), re.MULTILINE)[0]
    done = subprocess.run(shlex.split(command.replace("/etc/edge", str(tmp_path))), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    WebSettings(cert=tmp_path / "page.crt", key=tmp_path / "page.key").check()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_nothing_is_left_to_be_filled_in(page: Path) -> None:
    assert not re.findall(r"\b(?:[A-Z]+_TABLE|TODO|FIXME|TBD|XXX)\b", page.read_text(encoding="utf-8"))


def test_every_key_of_a_row_of_events_is_in_the_documentation(tmp_path: Path) -> None:
    box = Outbox(tmp_path, "node", ["mqtt"], SystemClock(), Limits())
    box.put(made_up())
    box.flush(5)
    box.close()
    section = text("docs/reference/http.md").partition("### A row an event")[2].partition("\n### ")[0]
    (row,) = read_events(tmp_path)
    assert not [key for key in row if f"`{key}`" not in section]


@pytest.mark.parametrize("block", blocks("sh"))
def test_every_command_that_is_shown_exists(block: str) -> None:
    known = dict(commands())
    targets = set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))
    assert set(re.findall(r"^make ([a-z]+)", block, re.MULTILINE)) <= targets
    for words in re.findall(r"(?:^|/|sudo )edge ([a-z][^\n|]*)", block, re.MULTILINE):
        first, *rest = words.split()
        name = f"{first} {rest[0]}" if rest and f"{first} {rest[0]}" in known else first
        assert name in known, words
        options = {opt for param in known[name].params for opt in param.opts}
        assert {word for word in rest if word.startswith("-")} <= options, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        where, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        goal = page.parent / where if where else page
        if not goal.exists() or (anchor and goal.suffix == ".md" and anchor not in anchors(goal)):
            broken.append(target)
    assert not broken


def anchors(page: Path) -> set[str]:
    """How a forge calls the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def test_the_layers_that_are_shown_are_those_that_are_checked() -> None:
    contracts = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (layers,) = [each["layers"] for each in contracts if each["type"] == "layers"]
    page = text("docs/explanation/architecture.md")
    (shown,) = re.findall(r"\*\*Who may import whom\*\*.*?```\n(.*?)```", page, re.DOTALL)
    assert shown.splitlines() == [layer.strip("()").replace(" | ", ", ") for layer in layers]


def test_no_file_has_the_marks_of_a_merge_that_was_not_finished() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no checkout of git")
    files = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    marks = re.compile(rb"^(?:<{7}|>{7}|[|]{7})(?: |\r?$)", re.MULTILINE)
    assert not [path.name for path in files if path.is_file() and marks.search(path.read_bytes())]


def test_every_page_can_be_reached_from_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    linked = {(index.parent / target).resolve() for target in re.findall(r"\]\(([^)\s#]+)\)", text("docs/index.md"))}
    assert not [page.name for page in (ROOT / "docs").rglob("*.md") if page != index and page.resolve() not in linked]
