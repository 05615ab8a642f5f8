"""The boards that are known: a folder each, `board.toml` in it; and which of them this machine is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from edge.config.toml import parse
from edge.errors import UserError

FILES = Path(__file__).parent / "files"
COMMON = FILES / "common"


@dataclass(frozen=True, slots=True)
class Layer:
    """A folder that is laid over the system, file by file.

    needs, lacks: a path of the system that must be there, or must not, for it to be applied; "" for always.
    wants: units that are switched on, unit to target.
    """

    name: str
    needs: str
    lacks: str
    wants: Mapping[str, str]

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Path below the root, and content."""
        folder = COMMON / self.name
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                yield path.relative_to(folder).as_posix(), path.read_bytes()


@dataclass(frozen=True, slots=True)
class Board:
    """A board and what is applied to it.

    models: patterns of what its device tree calls it
    config, cmdline: our lines of config.txt and our words of cmdline.txt; "" on boards that have no such files
    profile: an edge.toml to begin with
    """

    name: str
    title: str
    models: tuple[str, ...]
    layers: tuple[Layer, ...]
    wants: Mapping[str, str]
    config: str
    cmdline: str
    profile: str

    def is_it(self, model: str) -> bool:
        """Whether a device tree that says `model` is this board's."""
        return any(fnmatchcase(model, pattern) for pattern in self.models)


def boards() -> dict[str, Board]:
    """Every known board, by name."""
    return {path.parent.name: _board(path.parent) for path in sorted(FILES.glob("*/board.toml"))}


def board(name: str) -> Board:
    """The board of that name; UserError for an unknown one."""
    known = boards()
    if name not in known:
        raise UserError(f"no board is called {name}; there are: {', '.join(known)}")
    return known[name]


def model_of(root: Path) -> str:
    """What the device tree calls this machine, "" where there is none."""
    try:
        return (root / "proc/device-tree/model").read_text("utf-8", errors="replace").rstrip("\0\n")
    except OSError:
        return ""


def _board(folder: Path) -> Board:
    table, sets = _table(folder / "board.toml"), _table(COMMON / "sets.toml")
    return Board(
        name=folder.name,
        title=table["title"],
        models=tuple(table["models"]),
        layers=tuple(_layer(name, sets.get(name, {})) for name in table["sets"]),
        wants=table.get("wants", {}),
        config=_text(folder / "config.txt"),
        cmdline=_text(folder / "cmdline.txt"),
        profile=_text(folder / "profile.toml"),
    )


def _layer(name: str, table: Mapping[str, Any]) -> Layer:
    return Layer(name, table.get("needs", ""), table.get("lacks", ""), table.get("wants", {}))


def _table(path: Path) -> dict[str, Any]:
    return parse(path.read_text("utf-8"))


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""
