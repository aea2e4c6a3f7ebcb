"""What may be on a disk after the power was cut: every legal image at one point of a recording.

What was synced is there. Of the rest any part may be, sector by sector: a sector of 512 bytes on the disk is as it was
in memory after one of the writes to it, for it is sectors of the page cache that are written, not calls. Names change
in the order in which they were changed, up to some point; what was synced is past it.
"""

import os
import random
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from recording import Create, Mark, Operation, Rename, Sync, SyncDir, Truncate, Unlink, Write, numbered

SECTOR = 512
Image = dict[str, bytes]


@dataclass(frozen=True)
class ForcedEnd:
    """The power is cut before operation `index`; `marks` had been told by then; `images` are some that may remain."""

    index: int
    marks: tuple[object, ...]
    images: tuple[tuple[str, Image], ...]


def _patch(content: bytearray, offset: int, data: bytes | None) -> None:
    """Apply a write, or, without data, a change of size to `offset`; a hole reads as zeros."""
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset : offset + len(data)] = data


class _File:
    """One inode: what is synced, what is issued, and the changes between them, oldest first."""

    def __init__(self, content: bytes = b"") -> None:
        self._synced = bytearray(content)
        self._issued = bytearray(content)
        self.pending: list[tuple[int, int, bytes | None]] = []
        self._whole: bytes | None = content
        self._settled: bytes | None = content

    def write(self, at: int, offset: int, data: bytes) -> None:
        """Put data into it; what may land later is the whole sectors, with all that was in them by then."""
        _patch(self._issued, offset, data)
        first = offset - offset % SECTOR
        end = offset + len(data)
        end = min(end + -end % SECTOR, len(self._issued))
        self.pending.append((at, first, bytes(self._issued[first:end])))
        self._whole = None

    def resize(self, at: int, size: int) -> None:
        """Give it another size."""
        _patch(self._issued, size, None)
        self.pending.append((at, size, None))
        self._whole = None

    def sync(self, before: int) -> None:
        """Have everything land that was issued before a point."""
        rest = []
        for change in self.pending:
            if change[0] < before:
                _patch(self._synced, *change[1:])
                self._settled = None
            else:
                rest.append(change)
        self.pending = rest

    def whole(self) -> bytes:
        """Give all that was issued."""
        if self._whole is None:
            self._whole = bytes(self._issued)
        return self._whole

    def settled(self) -> bytes:
        """Give what was synced, and no more."""
        if self._settled is None:
            self._settled = bytes(self._synced)
        return self._settled

    def landed(self, rng: random.Random, chance: float, *, torn: bool) -> bytes:
        """Give what was synced, and some of the rest; torn: of some writes only some sectors."""
        if not self.pending:
            return self.settled()
        content = bytearray(self._synced)
        for _at, offset, data in self.pending:
            if not torn or data is None or rng.random() < 0.5:
                if rng.random() < chance:
                    _patch(content, offset, data)
                continue
            landed = rng.getrandbits(-(-len(data) // SECTOR) + 1)
            if landed & 1 and offset + len(data) > len(content):  # its size is there, whatever of it is
                content.extend(bytes(offset + len(data) - len(content)))
            for start in range(0, len(data), SECTOR):
                landed >>= 1
                if landed & 1:
                    _patch(content, offset + start, data[start : start + SECTOR])
        return bytes(content)


@dataclass(frozen=True)
class _Change:
    """A file's name changed: none before for a new file, none after for an unlinked one."""

    at: int
    inode: int
    old: str | None
    new: str | None

    @property
    def paths(self) -> set[str]:
        return {path for path in (self.old, self.new) if path is not None}

    def apply(self, names: dict[str, int]) -> None:
        if self.old is not None and names.get(self.old) == self.inode:
            del names[self.old]
        if self.new is not None:
            names[self.new] = self.inode


class Disk:
    """A disk and the memory before it. Operations are applied one at a time; at any point it has images."""

    def __init__(self, initial: Image) -> None:
        self._names = numbered(initial)
        self._synced_names = dict(self._names)
        self._changes: list[_Change] = []
        self._files = {inode: _File(initial[path]) for path, inode in self._names.items()}
        self._count = 0

    def apply(self, operation: Operation) -> None:
        """Have one operation take place."""
        at = self._count
        self._count += 1
        match operation:
            case Write(inode=inode, offset=offset, data=data):
                self._files[inode].write(at, offset, data)
            case Truncate(inode=inode, size=size):
                self._files[inode].resize(at, size)
            case Create(path=path, inode=inode):
                self._files[inode] = _File()
                self._change(_Change(at, inode, None, path))
            case Unlink(path=path):
                self._change(_Change(at, self._names[path], path, None))
            case Rename(old=old, new=new):
                self._change(_Change(at, self._names[old], old, new))
            case Sync(inode=inode, started=started):
                before = at if started is None else started
                self._files[inode].sync(before)
                self._settle({change for change in self._changes if change.inode == inode}, before)
            case SyncDir(path=folder, started=started):
                here = {each for each in self._changes if folder in {path.rpartition("/")[0] for path in each.paths}}
                self._settle(here, at if started is None else started)
            case Mark():
                pass

    def _change(self, change: _Change) -> None:
        change.apply(self._names)
        self._changes.append(change)

    def _settle(self, changes: set[_Change], before: int) -> None:
        """Have changes of names last, and what came before them to the same names or the same files."""
        rest, lasting, paths, inodes = [], [], set(), set()
        for change in reversed(self._changes):
            if (change in changes and change.at < before) or change.paths & paths or change.inode in inodes:
                lasting.append(change)
                paths |= change.paths
                inodes.add(change.inode)
            else:
                rest.append(change)
        for change in reversed(lasting):
            change.apply(self._synced_names)
        self._changes = rest[::-1]

    def images(self, rng: random.Random, count: int) -> Iterator[tuple[str, Image]]:
        """Give up to `count` images that a cut here may leave, each once: all, nothing unsynced, chances between."""
        seen = set()
        for _turn, kind in zip(range(count), self._kinds(), strict=False):
            image = self._image(kind, rng)
            key = tuple(sorted(image.items()))
            if key not in seen:
                seen.add(key)
                yield kind, image

    def _kinds(self) -> Iterator[str]:
        yield "killed"
        if self._changes or any(file.pending for file in self._files.values()):
            yield "dropped"
            yield from cycle(("reordered", "torn"))

    def _image(self, kind: str, rng: random.Random) -> Image:
        if kind == "killed":
            return {path: self._files[inode].whole() for path, inode in self._names.items()}
        if kind == "dropped":
            return {path: self._files[inode].settled() for path, inode in self._synced_names.items()}
        names = dict(self._synced_names)
        for change in self._changes[: rng.randint(0, len(self._changes))]:
            change.apply(names)
        pending = sum(len(self._files[inode].pending) for inode in names.values())
        chance = rng.choice((0.1, 0.5, 0.9, 1 - 1 / (pending + 1)))
        torn = kind == "torn"
        return {path: self._files[inode].landed(rng, chance, torn=torn) for path, inode in names.items()}

    def every_cut(self, operations: Iterable[Operation], rng: random.Random, per_cut: int) -> Iterator[ForcedEnd]:
        """Apply operations, and give the cut before each that is no mark, and the one after the last."""
        marks: list[object] = []
        index = -1
        for index, operation in enumerate(operations):
            if isinstance(operation, Mark):
                marks.append(operation.value)
            else:
                yield ForcedEnd(index, tuple(marks), tuple(self.images(rng, per_cut)))
            self.apply(operation)
        yield ForcedEnd(index + 1, tuple(marks), tuple(self.images(rng, per_cut)))


def write(image: Image, folder: Path) -> None:
    """Have an image in a folder, and nothing else; a file that is there is written over, which costs no new memory."""
    for entry in list(os.scandir(folder)):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        elif entry.name not in image:
            Path(entry.path).unlink()
    for path, content in image.items():
        place = folder / path
        if "/" in path:
            place.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT, 0o600)
        os.write(descriptor, content)
        os.ftruncate(descriptor, len(content))
        os.close(descriptor)
