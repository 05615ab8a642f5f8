"""Any valid configuration can be changed, in any way of writing TOML, and what is not changed stays."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.edit import LARGEST, Change, edited, written
from edge.config.places import Loc
from edge.config.toml import parse
from edge.errors import UserError

FILE = """\
# top
[node]
name = "casa" # the house

# the porch, by the door
[[camera]]
  name = "porch"
  source = "synthetic:"  # nothing

# its path
[[camera.zone]]
name = "path"
points = [[0, 0], [1, 0], [1, 1]]

# the yard
[[camera]]
name = "yard"
source = "synthetic:"

# broker
[mqtt]
host = "x"
# port = 1884
"""
ZONE = {"name": "lawn", "points": [[0.0, 0.0], [1.0, 0.0], [0.5, 1.0]]}


def changed(text: str, *loc: Any, to: Any) -> str:
    return edited(text, [Change(loc, to)])


def test_a_value_is_replaced_and_its_comment_stays() -> None:
    assert changed(FILE, "node", "name", to="haus") == FILE.replace('"casa"', '"haus"')
    assert changed(FILE, "camera", 0, "zone", 0, "points", 1, to=[0.5, 0]) == FILE.replace("[1, 0]", "[0.5, 0]")


def test_a_new_key_follows_those_of_its_table_before_any_comment_on_the_next() -> None:
    after = changed(FILE, "camera", 0, "min_score", to=0.5)
    assert after == FILE.replace("# nothing\n", "# nothing\n  min_score = 0.5\n")
    assert changed(FILE, "mqtt", "tls", to=True) == FILE.replace('host = "x"\n', 'host = "x"\ntls = true\n')


def test_a_new_zone_stands_with_its_camera() -> None:
    block = '\n\n[[camera.zone]]\nname = "lawn"\npoints = [[0.0, 0.0], [1.0, 0.0], [0.5, 1.0]]\n'
    assert changed(FILE, "camera", 0, "zone", 1, to=ZONE) == FILE.replace("[1, 1]]\n", f"[1, 1]]{block}")
    yard = FILE.replace('"synthetic:"\n\n# broker', f'"synthetic:"{block}\n# broker')
    assert changed(FILE, "camera", 1, "zone", 0, to=ZONE) == yard


def test_a_new_table_comes_last() -> None:
    assert changed(FILE, "email", "host", to="m") == f'{FILE}\n[email]\nhost = "m"\n'
    assert changed("", "camera", 0, to={"name": "a", "source": "synthetic:"}).startswith("[[camera]]\n")


def test_a_new_table_of_an_array_is_made_by_its_first_key() -> None:
    after = edited(FILE, [Change(("camera", 2, "name"), "gate"), Change(("camera", 2, "source"), "synthetic:")])
    block = '\n\n[[camera]]\nname = "gate"\nsource = "synthetic:"\n'
    assert after == FILE.replace('"synthetic:"\n\n# broker', f'"synthetic:"{block}\n# broker')
    assert changed("", "a", 0, "b", "c", to=1) == "[[a]]\nb = { c = 1 }\n"


def test_what_is_taken_out_takes_only_its_own_lines() -> None:
    (zone,) = re.findall(r"\[\[camera.zone\]\]\n.*\n.*\n", FILE)
    assert changed(FILE, "camera", 0, "zone", 0, to=None) == FILE.replace(zone, "")
    assert changed(FILE, "mqtt", "host", to=None) == FILE.replace('host = "x"\n', "")


@pytest.mark.parametrize(
    ("text", "loc", "value", "after"),
    [
        ("a.b = 1\n", ("a", "c"), 2, "a.b = 1\na.c = 2\n"),
        ("a = {b = 1}\n", ("a", "c"), 2, "a = {b = 1, c = 2}\n"),
        ("a = {}\n", ("a", "c"), 2, "a = {c = 2}\n"),
        ("a = { b = 1, c = 2 }\n", ("a", "b"), None, "a = { c = 2 }\n"),
        ("a = { b = 1, c = 2 }\n", ("a", "c"), None, "a = { b = 1 }\n"),
        ("a = [1, 2, 3]\n", ("a", 1), None, "a = [1, 3]\n"),
        ("a = [1, # one\n 2, # two\n]\n", ("a", 2), 3, "a = [1, # one\n 2, 3, # two\n]\n"),
        ("a = []\n", ("a", 0), {"x": "y"}, 'a = [{ x = "y" }]\n'),
        ("[a.b]\nx = 1\n", ("a", "y"), 2, "[a.b]\nx = 1\n\n[a]\ny = 2\n"),
        ("[t]\nx = 1\n[t.a]\nb = 1\n[u]\n", ("t", "a"), True, "[t]\nx = 1\na = true\n[u]\n"),
        ("[a]", ("a", "b"), 1, "[a]\nb = 1"),
        ("[a] # why\r\nx = 1\r\n", ("a", "x"), 2, "[a] # why\r\nx = 2\r\n"),
        (
            "camera = [{name = 'p'}]\n",
            ("camera", 0, "zone", 0),
            {"n": 1},
            "camera = [{name = 'p', zone = [{ n = 1 }]}]\n",
        ),
        ('"a b".c = 1\n', ("a b", "d e"), 2, '"a b".c = 1\n"a b"."d e" = 2\n'),
    ],
)
def test_every_way_to_write_a_table_can_be_changed(text: str, loc: Loc, value: Any, after: str) -> None:
    assert edited(text, [Change(loc, value)]) == after


@pytest.mark.parametrize("loc", [(), ("node", "name", "x"), ("camera", 5, "name"), ("camera", "x"), (0,), ("node", 0)])
def test_a_place_that_cannot_be_is_told(loc: Loc) -> None:
    with pytest.raises(UserError, match="cannot be changed from here"):
        edited(FILE, [Change(loc, "x")])


@pytest.mark.parametrize("value", [float("nan"), "\ud800", 2**70, object()])
def test_a_value_that_toml_has_not_is_told(value: Any) -> None:
    with pytest.raises(UserError, match="cannot be changed from here"):
        changed(FILE, "node", "name", to=value)


TEXT = st.text(max_size=8).map(lambda text: text.encode("utf-8", "ignore").decode())
SCALAR = st.one_of(TEXT, st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False))
LIST = st.lists(SCALAR, max_size=3) | st.lists(st.lists(st.integers(0, 9), max_size=2), max_size=3)
VALUE = SCALAR | LIST
KEY = st.sampled_from(["a", "b", "c d", "é", "name"])
TABLE = st.dictionaries(KEY, VALUE, max_size=3)
COMMENT = st.sampled_from(["", "", "# why", '# [a] = "x" #', "#"])


@given(VALUE | TABLE)
def test_what_is_written_is_read_back(value: Any) -> None:
    assert parse(f"x = {written(value)}")["x"] == value


@st.composite
def files(draw: st.DrawFn) -> str:
    """Tables as headers, dotted, in braces and as arrays, with comments wherever they may stand."""
    lines: list[str] = []

    def pairs(table: dict[str, Any], prefix: str = "", indent: str = "") -> None:
        for key, value in table.items():
            lines.append(draw(COMMENT))
            lines.append(f"{indent}{prefix}{written({key: 0})[2:-6]} = {written(value)} {draw(COMMENT)}")

    ways = draw(st.permutations(["dotted", "braces", "header", "below", "array", "inline"]))
    order = sorted(ways, key=lambda way: way in ("header", "below", "array"))
    for way in order:
        table = draw(TABLE)
        if way == "dotted":
            pairs(table, "dotted.")
        elif way == "braces":
            lines.append(f"braces = {written(table)} {draw(COMMENT)}")
        elif way == "inline":
            lines.append(f"inline = {written([table, draw(TABLE)])} {draw(COMMENT)}")
        elif way == "array":
            for _ in range(draw(st.integers(1, 3))):
                lines.append(f"[[array]] {draw(COMMENT)}")
                pairs(draw(TABLE), indent=draw(st.sampled_from(["", "  "])))
                for _ in range(draw(st.integers(0, 2))):
                    lines.extend([draw(COMMENT), "[[array.inner]]"])
                    pairs(draw(TABLE))
        else:
            lines.append(f"[{'header' if way == 'header' else 'up.below'}] {draw(COMMENT)}")
            pairs(table)
        lines.extend(draw(st.lists(st.sampled_from(["", "# between"]), max_size=2)))
    return "\n".join(lines) + draw(st.sampled_from(["", "\n"]))


def places_in(data: Any, loc: Loc = ()) -> list[Loc]:
    """Every key and element that there is, and one more of each."""
    if isinstance(data, dict):
        below = [place for key, value in data.items() for place in places_in(value, (*loc, key))]
        return [*([loc] if loc else []), *below, (*loc, "new key")]
    if isinstance(data, list) and data and isinstance(data[0], dict):
        below = [place for i, value in enumerate(data) for place in places_in(value, (*loc, i))]
        return [loc, *below, (*loc, len(data)), (*loc, len(data), "new key"), (*loc, len(data), "new table", "key")]
    return [loc]


def leaves(data: Any, loc: Loc = ()) -> dict[Loc, Any]:
    if isinstance(data, dict):
        return {at: leaf for key, value in data.items() for at, leaf in leaves(value, (*loc, key)).items()}
    if isinstance(data, list) and data and isinstance(data[0], dict):
        return {at: leaf for i, value in enumerate(data) for at, leaf in leaves(value, (*loc, i)).items()}
    return {loc: data}


@settings(max_examples=300, deadline=None)
@given(files(), st.data())
def test_every_comment_and_every_untouched_value_stays(text: str, data: st.DataObject) -> None:
    before = parse(text)
    loc = data.draw(st.sampled_from(places_in(before)))
    element = isinstance(loc[-1], int)
    value = data.draw(TABLE if element else VALUE | st.none())
    after = edited(text, [Change(loc, value)])
    own = [line.strip() for line in text.split("\n") if line.strip().startswith("#")]
    left = [line.strip() for line in after.split("\n")]
    assert [line for line in own if line in left] == own
    assert sum(line.startswith("#") for line in left) == len(own)
    kept = {at: leaf for at, leaf in leaves(before).items() if at[: len(loc)] != loc}
    now = leaves(parse(after))
    assert all(now[at] == leaf for at, leaf in kept.items())


def test_what_would_take_long_is_refused_before_it_does() -> None:
    once = [Change(("node", "name"), "a")]
    with pytest.raises(UserError, match="too long"):
        edited(FILE + "#" * LARGEST, once)
    large = FILE + "#" * (LARGEST // 2)
    assert parse(edited(large, once))["node"]["name"] == "a"
    with pytest.raises(UserError, match="too long"):
        edited(large, once * 20)
