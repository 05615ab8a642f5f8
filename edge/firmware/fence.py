"""Our part of a file that belongs to somebody else; what stands around it is never touched.

config.txt gets one block between two marker lines, at its top: of two lines that set the same, the later counts, so
the owner's do. cmdline.txt has no comments and is one line: its words
are added one by one, and which were ours is for the caller to remember. Source of the two formats: Raspberry Pi
documentation, "config.txt" and "Kernel command line".
"""

from __future__ import annotations

from edge.errors import UserError

BEGIN = b"# BEGIN edge board: your own lines go below this block, and count more"
END = b"# END edge board"
REPEATED = frozenset({"cgroup_enable"})
"""Words of the kernel that may stand several times, each with another value."""


def put_block(now: bytes, lines: str, where: str) -> bytes:
    """The file with our block: in the place of an older one, else at the top.

    Args:
        now: the file as it is
        lines: what stands in the block
        where: the file's name, for an error

    Raises:
        UserError: one marker is there without the other, or twice.
    """
    # What the owner has below counts on every board until his own next section, as it did before.
    block = b"\n".join([BEGIN, lines.strip().encode(), b"[all]", END]) + b"\n"
    found = _block(now, where)
    if found is None:
        return block + now
    return now[: found[0]] + block + now[found[1] :]


def take_block(now: bytes, where: str) -> bytes:
    """The file without our block; as it is where there is none. UserError as `put_block`."""
    found = _block(now, where)
    return now if found is None else now[: found[0]] + now[found[1] :]


def missing_words(now: bytes, wanted: str) -> tuple[str, ...]:
    """Which words a command line lacks; one whose name is set already, to whatever, is the owner's."""
    there = _line(now).split()
    names = {word.partition("=")[0] for word in there} - REPEATED
    return tuple(word for word in wanted.split() if word not in there and word.partition("=")[0] not in names)


def put_words(now: bytes, words: tuple[str, ...]) -> bytes:
    """The command line with these words behind the others."""
    first, newline, rest = now.partition(b"\n")
    return first.rstrip() + b"".join(b" " + word.encode() for word in words) + newline + rest if words else now


def take_words(now: bytes, words: tuple[str, ...]) -> bytes:
    """The command line without these words, each taken out once from behind, with the space before it."""
    first, newline, rest = now.partition(b"\n")
    for word in words:
        parts = first.split(b" ")
        if word.encode() in parts:
            del parts[len(parts) - 1 - parts[::-1].index(word.encode())]
            first = b" ".join(parts)
    return first + newline + rest


def _line(now: bytes) -> str:
    return now.partition(b"\n")[0].decode("utf-8", errors="replace")


def _block(now: bytes, where: str) -> tuple[int, int] | None:
    """From where to where the block reaches, in bytes."""
    begins: list[int] = []
    ends: list[int] = []
    at = 0
    for line in now.splitlines(keepends=True):
        if line.strip() == BEGIN:
            begins.append(at)
        at += len(line)
        if line.strip() == END:
            ends.append(at)
    if not begins and not ends:
        return None
    if len(begins) != 1 or len(ends) != 1 or begins[0] >= ends[0]:
        raise UserError(
            f"{where}: the lines `{BEGIN.decode()}` and `{END.decode()}` must stand there once each, in that order; "
            "take out what is left of the block"
        )
    return begins[0], ends[0]
