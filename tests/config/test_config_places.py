"""The reader that finds keys and values in a TOML text agrees with the parser that knows their values."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.checks import leaves
from edge.config.places import places
from edge.config.toml import parse

BARE = st.text("abcXYZ019_-", min_size=1, max_size=5)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=8)
KEYS = st.one_of(BARE, st.text(' ."=#[]äb', min_size=1, max_size=4))
PADDING = st.sampled_from(["", " ", "  ", "\t"])
BREAKS = st.sampled_from(["", "\n", " # a ] comment } with = signs\n  ", "\n\t"])
SCALARS = st.sampled_from(
    ["true", "-7", "0.5", "1e3", "inf", "1979-05-27 07:32:00", "1979-05-27T07:32:00Z", "0xff", "1_000"]
)


def basic(text: str) -> str:
    """The text as a TOML basic string."""
    plain = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{plain}"'


@st.composite
def strings(draw: st.DrawFn) -> str:
    text = draw(ANY_TEXT)
    literal = "".join(c for c in text if (c.isprintable() or c == "\t") and c != "'")
    kind = draw(st.sampled_from(["basic", "literal", "many", "many literal", "quotes"]))
    return {
        "basic": basic(text),
        "literal": f"'{literal}'",
        "many": f'"""\n{basic(text)[1:-1]}\n ""x" \\""""',
        "many literal": f"'''{literal}\n''a'{literal}'''",
        "quotes": '"""a"""""' if len(text) % 2 else "''''b'''''",
    }[kind]


@st.composite
def values(draw: st.DrawFn, depth: int = 2) -> str:
    kind = draw(st.sampled_from(["scalar", "string", "array", "table"] if depth else ["scalar", "string"]))
    if kind == "scalar":
        return draw(SCALARS)
    if kind == "string":
        return draw(strings())
    if kind == "array":
        inner = draw(st.lists(values(depth - 1), max_size=3))
        comma = "," if draw(st.booleans()) and inner else ""
        return f"[{draw(BREAKS)}{','.join(draw(BREAKS) + v + draw(BREAKS) for v in inner)}{comma}{draw(BREAKS)}]"
    names = draw(st.lists(KEYS, max_size=3, unique=True))
    pairs = [f"{draw(PADDING)}{draw(written(name))} = {draw(values(depth - 1))}{draw(PADDING)}" for name in names]
    return "{" + ",".join(pairs) + "}"


@st.composite
def written(draw: st.DrawFn, name: str) -> str:
    """A key in one of the ways to write it."""
    bare = all(c.isascii() and (c.isalnum() or c in "_-") for c in name)
    return name if bare and draw(st.booleans()) else basic(name)


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines = []
    for table in ["", *draw(st.lists(KEYS, max_size=3, unique=True))]:
        rounds = draw(st.integers(1, 3)) if table and draw(st.booleans()) else 0
        for _ in range(rounds or 1):
            name = draw(written(table))
            pad = draw(PADDING)
            lines.append(f"{pad}[[{pad}{name}{pad}]] # [x]" if rounds else f"[{pad}{name}{pad}]" if table else "")
            keys: list[str] = draw(st.lists(KEYS, max_size=3, unique=True))
            for key in keys:
                dotted = (
                    f"{draw(written(key))}{draw(PADDING)}.{draw(PADDING)}sub"
                    if draw(st.booleans())
                    else draw(written(key))
                )
                lines.append(f"{draw(PADDING)}{dotted}{draw(PADDING)}={draw(PADDING)}{draw(values())} # end")
            if table and draw(st.booleans()):
                lines.append(f"[{name}.deeper]\nx = {draw(values())}")
    return "\n".join(lines)


def same(a: Any, b: Any) -> bool:
    return repr(a) == repr(b)


@settings(max_examples=100, deadline=None)
@given(documents())
def test_every_key_and_value_is_found_where_it_stands(text: str) -> None:
    try:
        data = parse(text)
    except ValueError:  # a root key repeated as a table: no document
        return
    found = places(text)
    for loc, value in leaves(data):
        place = found[loc]
        assert same(parse(f"v = {text[place.value : place.value_end]}")["v"], value)
    for loc, place in found.items():
        if isinstance(loc[-1], str):
            assert parse(f"{text[place.key : place.key_end]} = 0") == {loc[-1]: 0}


def test_tables_in_arrays_belong_to_the_newest_element() -> None:
    text = '[[camera]]\nname="a"\n[[camera.zone]]\nname="z"\n[[camera]]\n"name"="b"\n'
    text += '[[camera.zone]]\n[[camera.zone]]\nname="y"\n'
    found = places(text)
    lines = {loc: text.count("\n", 0, place.key) + 1 for loc, place in found.items()}
    assert lines[("camera",)] == lines[("camera", 0)] == 1
    assert lines[("camera", 0, "zone", 0, "name")] == 4
    assert lines[("camera", 1, "name")] == 6
    assert lines[("camera", 1, "zone", 1, "name")] == 9


@settings(max_examples=100, deadline=None)
@given(st.text("[]{}=.,#'\"\\\n ab1", max_size=30))
def test_no_valid_text_confuses_the_reader(text: str) -> None:
    try:
        data = parse(text)
    except ValueError:
        return
    assert {loc for loc, _ in leaves(data)} <= places(text).keys()
