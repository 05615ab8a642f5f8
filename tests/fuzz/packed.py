"""A longer search for packed files that break the reader, guided by coverage.

    pip install atheris
    python tests/fuzz/packed.py -max_total_time=600 -rss_limit_mb=1024 CORPUS

CORPUS is a folder for what is found on the way; sound files are put into it to begin with. Most inputs are sealed
again, as in `bench/compression/hostile.py`, so that the search gets behind the hash.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found, unused-ignore]

with atheris.instrument_imports(include=["edge.models.packed"]):
    from bench.compression.hostile import samples
    from edge.errors import ModelError
    from edge.models.packed.container import seal, split
    from edge.models.packed.dictionary import DICTIONARY
    from edge.models.packed.read import parse
    from edge.models.packed.zstd import deflate, inflate

SOUND = [split(content) for content in samples()]


def one(data: bytes) -> None:
    """Read what the fuzzer made: a whole file, the blocks of a sound one, or a manifest before them."""
    way, given = data[:1] or b"\0", data[1:]
    found = SOUND[way[0] // 4 % len(SOUND)]
    if way[0] % 4 == 1:
        given = seal(bytes(found.manifest), found.manifest_size, [given])
    elif way[0] % 4 >= 2:
        given = seal(deflate(given, DICTIONARY), len(given), [bytes(found.blocks)])
    try:
        packed = parse(given, Path("fuzzed.epk"))
        packed.check()
        packed.plain()
    except ModelError:
        return


def sow(folder: Path) -> None:
    """Put inputs of each way into the corpus."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, (content, found) in enumerate(zip(samples(), SOUND, strict=True)):
        text = inflate(found.manifest, found.manifest_size, DICTIONARY)
        for way, data in enumerate((content, bytes(found.blocks), text)):
            (folder / f"sound-{k}-{way}").write_bytes(bytes([4 * k + way]) + data)


if __name__ == "__main__":
    for given in sys.argv[1:]:
        if not given.startswith("-"):
            sow(Path(given))
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
