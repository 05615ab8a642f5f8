"""Texts from files of anybody, for terminals and for comments."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text in one line, with `?` for all that is no letter, sign or space: a terminal would obey some of it."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def printable_lines(text: str) -> str:
    """The same of a text that may have several lines, with tabs in them."""
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))
