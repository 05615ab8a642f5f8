"""What is drawn on a camera's picture, as JSON, and the changes of the file that make it what was drawn.

Kinds: `zone` and `line` are tables with a name, `motion_mask` and `object_mask` lists of polygons. One that this
version's schema does not have is not offered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from edge.config.edit import Change
from edge.config.schema import Camera
from edge.errors import UserError

TABLES = ("zone", "line")
MASKS = ("motion_mask", "object_mask")
MOST = 64
"""Shapes of one kind, and corners of one shape."""


def kinds() -> list[str]:
    """What can be drawn."""
    return [kind for kind in (*TABLES, *MASKS) if kind in Camera.model_fields]


def areas(data: Mapping[str, Any], camera: str) -> dict[str, Any]:
    """The shapes of a camera by their kind, each with `points` ([[x, y], ...], 0..1) and `was`, its number in the file;
    zones and lines with their other keys as well. `required_zones` where the schema has it.

    Raises:
        UserError: the file has no such camera.
    """
    _, table = _camera(data, camera)
    shown: dict[str, Any] = {"camera": camera, "kinds": kinds()}
    for kind in kinds():
        listed = table.get(kind, [])
        if kind in TABLES:
            shown[kind] = [{**each, "was": i} for i, each in enumerate(listed)]
        else:
            shown[kind] = [{"points": points, "was": i} for i, points in enumerate(listed)]
    if "required_zones" in Camera.model_fields:
        shown["required_zones"] = table.get("required_zones", [])
    return shown


def changes_to(data: Mapping[str, Any], camera: str, wanted: Mapping[str, Any]) -> list[Change]:
    """How the file becomes what was drawn.

    Args:
        data: the tables of the file
        camera: its name
        wanted: shapes as `areas` gives them, `was` null for a new one; what is missing is taken out. A kind that is
            not there stays as it is

    Raises:
        UserError: no such camera, or not shapes.
    """
    number, table = _camera(data, camera)
    changes = []
    for kind in kinds():
        if kind in wanted:
            changes += list(_of_kind(("camera", number, kind), table.get(kind, []), _shapes(wanted[kind], kind)))
    zones = wanted.get("required_zones")
    if zones is not None and "required_zones" in Camera.model_fields and zones != table.get("required_zones", []):
        if not isinstance(zones, list) or not all(isinstance(name, str) for name in zones):
            raise UserError("required_zones is a list of names")
        changes.append(Change(("camera", number, "required_zones"), zones or None))
    return changes


def _of_kind(loc: tuple[str | int, ...], old: list[Any], shapes: list[dict[str, Any]]) -> Iterator[Change]:
    kept = [shape["was"] for shape in shapes if shape["was"] is not None]
    if len(set(kept)) != len(kept) or any(not 0 <= was < len(old) for was in kept):
        raise UserError("the shapes are not those of this file: load this page again, then draw")
    added = len(old)
    for shape in shapes:
        was = shape["was"]
        if loc[-1] in MASKS:
            if was is None or old[was] != shape["points"]:
                yield Change((*loc, added if was is None else was), shape["points"])
        elif was is None:
            yield Change((*loc, added), _table(shape))
        else:
            for key, value in _table(shape, old[was]).items():
                if old[was].get(key) != value:
                    yield Change((*loc, was, key), value)
        added += was is None
    for gone in sorted(set(range(len(old))) - set(kept), reverse=True):
        yield Change((*loc, gone), None)


def _table(shape: dict[str, Any], old: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The keys that drawing sets; `both` is what a line is without a direction."""
    table = {"name": shape["name"], "points": shape["points"]}
    direction = shape.get("direction")
    if direction is not None and (direction != "both" or (old or {}).get("direction") is not None):
        table["direction"] = direction
    return table


def _shapes(wanted: Any, kind: str) -> list[dict[str, Any]]:
    if not isinstance(wanted, list) or len(wanted) > MOST:
        raise UserError(f"{kind} is a list of at most {MOST} shapes")
    for shape in wanted:
        named = kind in MASKS or (isinstance(shape, dict) and isinstance(shape.get("name"), str))
        if not isinstance(shape, dict) or not named or not _is_outline(shape.get("points")):
            raise UserError(f"a {kind} has points, [x, y] each from 0 to 1, at most {MOST}, and a zone or line a name")
        was = shape.setdefault("was", None)
        if was is not None and (not isinstance(was, int) or isinstance(was, bool)):
            raise UserError("`was` is the number of a shape in the file, or null")
        if not isinstance(shape.get("direction", ""), str):
            raise UserError("a direction is both, in or out")
    return wanted


def _is_outline(points: Any) -> bool:
    return (
        isinstance(points, list)
        and len(points) <= MOST
        and all(isinstance(point, list) and len(point) == 2 for point in points)
        and all(isinstance(x, (int, float)) and not isinstance(x, bool) and 0 <= x <= 1 for p in points for x in p)
    )


def _camera(data: Mapping[str, Any], name: str) -> tuple[int, Mapping[str, Any]]:
    for number, table in enumerate(data.get("camera", [])):
        if table.get("name") == name:
            return number, table
    raise UserError(f"there is no camera `{name}` in the file")
