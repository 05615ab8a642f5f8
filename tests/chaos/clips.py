"""Whether clips that are there play to their end: looked at on the way, since a full disk makes them go."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import av


@dataclass(slots=True)
class Clips:
    """What was seen of a folder of clips.

    played: names of those that play
    wrong: what is wrong with others, a line each
    """

    folder: Path
    played: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def look(self) -> None:
        """Play what was not played before."""
        for path in sorted(self.folder.glob("*.mp4")):
            if path.name not in self.played:
                self._play(path)

    def _play(self, path: Path) -> None:
        try:
            with av.open(str(path)) as clip:
                count = sum(1 for _ in clip.decode(video=0))
        except FileNotFoundError:  # it had to go for want of room in this very moment
            return
        except (av.error.FFmpegError, OSError) as fault:
            self.wrong.append(f"{path.name} does not play: {fault}")
            return
        if count:
            self.played.add(path.name)
        else:
            self.wrong.append(f"{path.name} holds no picture")
