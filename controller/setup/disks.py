"""On what the data lie: a card that keeps them, or memory that forgets them at each power cut."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import msgspec

MOUNTS: Final = Path("/proc/self/mounts")
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")  # how the kernel writes a space in a name, and nothing else (proc(5))
FORGETS: Final = frozenset({"overlay", "tmpfs", "ramfs", "aufs", "overlayfs"})


class Mount(msgspec.Struct, frozen=True):
    """A file system: on which device it is, where it is mounted, of which kind, whether it may be written."""

    device: str
    where: str
    kind: str
    is_writable: bool

    @property
    def forgets(self) -> bool:
        """Whether what is written to it is gone after a power cut."""
        return self.kind in FORGETS


def mounts(text: str) -> list[Mount]:
    """Read what the kernel says is mounted (proc(5), mounts)."""
    found = []
    for line in text.split("\n"):  # and nothing else: a name may hold whatever else ends a line
        parts = line.split(" ")
        if len(parts) > 3:  # noqa: PLR2004 - device, where, kind, options
            where = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), parts[1])
            found.append(Mount(parts[0], where, parts[2], "rw" in parts[3].split(",")))
    return found


def under(path: Path, found: list[Mount]) -> Mount | None:
    """Return the file system on which a path lies: of those mounted at one place, the last one."""
    above = {str(each) for each in (path, *path.parents)}
    over = [each for each in found if each.where in above]
    return max(reversed(over), key=lambda each: len(each.where), default=None)


def here() -> list[Mount]:
    """Return what is mounted now; nothing where nobody can tell."""
    try:
        return mounts(MOUNTS.read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return []
