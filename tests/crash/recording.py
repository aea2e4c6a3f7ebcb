"""What a real process does to the files of one folder, by strace: every write, every sync, in their order.

An operation takes its place in the list where its call completed. A sync says how much of the list was there when it
*started*: it covers no more. A mark, what the process told the outside, takes its place where its call started: from
there on it may have been heard. What the model of a disk could not follow is refused with a RecordingError, and not
guessed. A call that was under way when its process was killed never came back, and is not in the list.
"""

import contextlib
import functools
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from simulator.stage import LIFELINE, PATIENCE, until

LONGEST = 1_048_576  # bytes of one write that strace shows
SHARED_MEMORY = "-shm"  # SQLite's index of its WAL: rebuilt after a crash, on no disk image

TRACED = (
    "trace=open,openat,openat2,creat,close,close_range,dup,dup2,dup3,fcntl"
    ",read,readv,write,writev,pwrite64,pwritev,pwritev2,lseek,truncate,ftruncate,fallocate"
    ",fsync,fdatasync,sync,syncfs,unlink,unlinkat,rmdir,rename,renameat,renameat2,mkdir,mkdirat"
    ",link,linkat,symlink,symlinkat,chdir,fchdir,clone,clone3,fork,vfork,execve"
    ",sendto,sendmsg,sendmmsg,sendfile,copy_file_range,splice,mmap,io_uring_setup"
)


class RecordingError(Exception):
    """The process did something that is not modelled, or the trace cannot be read."""


# --- the operations ---


@dataclass(frozen=True)
class Create:
    """A new, empty file got a name."""

    path: str
    inode: int


@dataclass(frozen=True)
class Write:
    """Bytes were put into a file; `path` is what it was called then."""

    path: str
    inode: int
    offset: int
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Truncate:
    """A file got another size; what is new reads as zeros."""

    inode: int
    size: int


@dataclass(frozen=True)
class Sync:
    """A file's fsync came back; it covers the first `started` operations of the list, None: all before it."""

    inode: int
    started: int | None = None


@dataclass(frozen=True)
class SyncDir:
    """A folder's fsync came back; the recorded folder itself is ""."""

    path: str
    started: int | None = None


@dataclass(frozen=True)
class Unlink:
    """A file lost its name."""

    path: str


@dataclass(frozen=True)
class Rename:
    """A file got another name; what had that name before has lost it."""

    old: str
    new: str


@dataclass(frozen=True)
class Mark:
    """Something was told to the outside, as the caller's `mark` named it."""

    value: object


Operation = Create | Write | Truncate | Sync | SyncDir | Unlink | Rename | Mark
Marker = Callable[[str | None, bytes], object | None]


def numbered(initial: Iterable[str]) -> dict[str, int]:
    """Give the files that are there at the beginning their inode numbers."""
    return {path: number for number, path in enumerate(sorted(initial), 1)}


def read_folder(folder: Path) -> dict[str, bytes]:
    """Give what is in a folder by relative path, as an image of a disk. Raises RecordingError."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise RecordingError(f"{path} is a link, which is not modelled")
        if path.is_file() and not path.name.endswith(SHARED_MEMORY):
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found


# --- the lines of a trace ---


@dataclass
class Call:
    """A call to the kernel; its result is None where it never came back."""

    pid: int
    name: str
    text: str
    result: int | None = None
    target: Any = None  # what its descriptor was when it started
    started: int = 0  # the operations that had taken place by then

    @property
    def arguments(self) -> list[str]:
        """Split them at the commas between them; a string of hexadecimal bytes holds no bracket and no comma."""
        parts, depth, since = [], 0, 0
        for found in re.finditer(r"[][{}(),]", self.text):
            if found[0] == ",":
                if depth == 0:
                    parts.append(self.text[since : found.start()].strip())
                    since = found.end()
            else:
                depth += 1 if found[0] in "[{(" else -1
        return [*parts, self.text[since:].strip()]

    @property
    def data(self) -> bytes:
        """What was written, as far as it was."""
        found = re.findall(r'iov_base="([^"]*)"' if "iov_base=" in self.text else r', "([^"]*)"', self.text)
        data = bytes.fromhex("".join(found).replace("\\x", ""))
        if self.name == "sendmmsg":  # its result counts messages, not bytes
            return data
        if self.result is None or len(data) < self.result:
            raise RecordingError(f"{self.name} wrote {self.result} bytes, and strace shows {len(data)} of them")
        return data[: self.result]


WHOLE = re.compile(r"(\w+)\((.*)\)\s+= (-?\w+|\?)(?: .*)?$", re.DOTALL)
STARTED = re.compile(r"(\w+)\((.*)$", re.DOTALL)
UNFINISHED = "<unfinished ...>"
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>(.*)$", re.DOTALL)
ENDED = re.compile(r"(.*)\)\s+= (-?\w+|\?)(?: .*)?$", re.DOTALL)


def moments(lines: Iterable[str]) -> Iterator[tuple[str, Call]]:
    """Give ("begin", call) and ("end", call) as they took place, and ("exit", call) for a thread that is gone.

    All lines are read before the first is given: at its beginning a call knows already how it will have ended.
    """
    found: list[tuple[str, Call]] = []
    under_way: dict[int, Call] = {}
    for line in lines:
        pid_text, _, body = line.strip().partition(" ")
        pid, body = int(pid_text), body.strip()
        if body.startswith(("---", "???(")):  # a signal; a call at whose beginning it was killed, unread
            continue
        if body.startswith("+++"):
            under_way.pop(pid, None)
            found.append(("exit", Call(pid, "", "")))
        elif resumed := RESUMED.match(body):
            call = under_way.pop(pid, None)
            if call is None or call.name != resumed[1]:
                raise RecordingError(f"a call goes on that never began: {line[:200]}")
            if ended := ENDED.match(resumed[2]):
                call.text += ended[1]
                call.result = _number(ended[2])
                found.append(("end", call))
        elif body.endswith(UNFINISHED) and (started := STARTED.match(body[: -len(UNFINISHED)])):
            call = under_way[pid] = Call(pid, started[1], started[2])
            found.append(("begin", call))
        elif whole := WHOLE.match(body):
            call = Call(pid, whole[1], whole[2], _number(whole[3]))
            found += [("begin", call), ("end", call)]
        elif started := STARTED.match(body):  # killed in the middle of it: nobody knows what became of it
            found.append(("begin", Call(pid, started[1], started[2])))
        else:
            raise RecordingError(f"a line of the trace cannot be read: {line[:200]}")
    yield from found


def _number(text: str) -> int | None:
    return None if text == "?" else int(text, 0)


# --- what the kernel knows: descriptors, names, sizes ---


@dataclass
class Open:
    """An open file as the kernel has it, shared by what was duplicated; inode, folder or ignored if it is ours."""

    path: str
    inode: int | None = None
    folder: str | None = None
    ignored: bool = False
    appends: bool = False
    syncs: bool = False
    position: int = 0

    @property
    def is_ours(self) -> bool:
        """Tell whether it is in the recorded folder."""
        return self.inode is not None or self.folder is not None or self.ignored


@dataclass
class Process:
    """What threads share: descriptors, those that an exec closes, where it is."""

    cwd: str
    handles: dict[int, Open] = field(default_factory=dict)
    closing: set[int] = field(default_factory=set)

    def put(self, number: int, handle: Open | None, *, closing: bool) -> None:
        """Give a descriptor its meaning; None is something that we do not follow, such as a socket."""
        self.drop(number)
        if handle is not None:
            self.handles[number] = handle
        if closing:
            self.closing.add(number)

    def drop(self, number: int) -> None:
        """Close a descriptor."""
        self.handles.pop(number, None)
        self.closing.discard(number)

    def copy(self) -> Self:
        """Give what a fork gets: descriptors of its own, the open files in common."""
        return replace(self, handles=dict(self.handles), closing=set(self.closing))


class Reading:
    """Follows the calls of all processes, and lists what happened in one folder."""

    def __init__(self, folder: str, initial: dict[str, bytes], cwd: str, mark: Marker):
        self.operations: list[Operation] = []
        self._folder = os.path.realpath(folder)
        self._mark = mark
        self._names = numbered(initial)
        self._paths = {inode: path for path, inode in self._names.items()}
        self._sizes = {inode: len(initial[path]) for path, inode in self._names.items()}
        self._next = len(initial) + 1
        self._folders = {""} | {str(above) for path in initial for above in Path(path).parents if str(above) != "."}
        self._first = Process(cwd)
        self._processes: dict[int, Process] = {}
        self._born: dict[int | None, Process] = {}  # by the number that the clone will have given

    def read(self, lines: Iterable[str]) -> list[Operation]:
        """Give the operations of a trace. Raises RecordingError."""
        for moment, call in moments(lines):
            if moment == "exit":
                self._processes.pop(call.pid, None)
                continue
            step = getattr(self, f"_{moment}_{BY_NAME.get(call.name, call.name)}", None)
            if step is not None and (moment == "begin" or (call.result is not None and call.result >= 0)):
                step(call, self._process(call.pid))
        return self.operations

    def _process(self, pid: int) -> Process:
        if pid not in self._processes:
            if not self._processes:
                self._processes[pid] = self._first
            elif pid in self._born:
                self._processes[pid] = self._born.pop(pid)
            elif None in self._born:  # its parent was killed before its clone came back
                self._processes[pid] = self._born.pop(None)
            else:
                raise RecordingError(f"nobody started process {pid}")
        return self._processes[pid]

    # --- paths ---

    def _inside(self, process: Process, directory: str, name: str) -> tuple[str, str | None]:
        """Give an absolute path, and the path in the recorded folder if it is there."""
        found = re.fullmatch(r'"([^"]*)"', name)
        if found is None:
            raise RecordingError(f"no path: {name[:200]}")
        text = os.fsdecode(bytes.fromhex(found[1].replace("\\x", "")))
        base = process.cwd
        if directory != "AT_FDCWD" and not text.startswith("/"):
            handle = process.handles.get(int(directory))
            if handle is None:
                raise RecordingError(f"{text} is opened in a folder that is not known ({directory})")
            base = handle.path
        path = os.path.normpath(text if text.startswith("/") else f"{base}/{text}")
        return path, _relative(path, self._folder)

    def _refuse(self, call: Call, path: str) -> None:
        raise RecordingError(f"{call.name} on {path} is not modelled: {call.text[:200]}")

    # --- processes ---

    def _begin_clone(self, call: Call, process: Process) -> None:
        if call.result is None or call.result > 0:
            self._born[call.result] = process if "CLONE_FILES" in call.text else process.copy()

    def _end_clone(self, call: Call, _process: Process) -> None:
        if call.result in self._born:
            self._processes[call.result] = self._born.pop(call.result)

    def _end_execve(self, call: Call, process: Process) -> None:
        alone = self._processes[call.pid] = process.copy()
        for number in process.closing:
            alone.drop(number)

    def _end_chdir(self, call: Call, process: Process) -> None:
        process.cwd = self._inside(process, "AT_FDCWD", call.arguments[0])[0]

    def _end_fchdir(self, call: Call, process: Process) -> None:
        process.cwd = process.handles[int(call.arguments[0])].path

    # --- descriptors ---

    def _end_open(self, call: Call, process: Process) -> None:
        self._opened(call, process, "AT_FDCWD", *call.arguments[:2])

    def _end_openat(self, call: Call, process: Process) -> None:
        self._opened(call, process, *call.arguments[:3])

    def _end_openat2(self, call: Call, process: Process) -> None:
        directory, name, how = call.arguments[:3]
        found = re.search(r"flags=([\w|]+)", how)
        self._opened(call, process, directory, name, found[1] if found else "")

    def _end_creat(self, call: Call, process: Process) -> None:
        self._opened(call, process, "AT_FDCWD", call.arguments[0], "O_WRONLY|O_CREAT|O_TRUNC")

    def _opened(self, call: Call, process: Process, directory: str, name: str, text: str) -> None:
        path, inside = self._inside(process, directory, name)
        flags = set(text.split("|"))
        handle = Open(path, appends="O_APPEND" in flags, syncs=bool(flags & {"O_SYNC", "O_DSYNC"}))
        if inside is None or "O_PATH" in flags:
            pass
        elif "O_TMPFILE" in flags:
            self._refuse(call, path)
        elif inside in self._folders:
            handle.folder = inside
        elif inside.endswith(SHARED_MEMORY):
            handle.ignored = True
        elif inside in self._names:
            handle.inode = self._names[inside]
            if "O_TRUNC" in flags:
                self._resize(handle.inode, 0)
        elif "O_CREAT" in flags:
            handle.inode = self._next
            self._next += 1
            self._names[inside], self._paths[handle.inode], self._sizes[handle.inode] = handle.inode, inside, 0
            self.operations.append(Create(inside, handle.inode))
        else:
            raise RecordingError(f"{path} was opened, and nothing made it")
        process.put(call.result, handle, closing="O_CLOEXEC" in flags)

    def _begin_close(self, call: Call, process: Process) -> None:
        # Its number is free, and may be given to another thread's file, before the call is back.
        process.drop(int(call.arguments[0]))

    def _begin_close_range(self, call: Call, process: Process) -> None:
        first, last, flags = call.arguments
        if call.result == 0:
            for number in [each for each in process.handles if int(first) <= each <= int(last)]:
                if "CLOSE_RANGE_CLOEXEC" in flags:
                    process.closing.add(number)
                else:
                    process.drop(number)

    def _begin_dup(self, call: Call, process: Process) -> None:
        call.target = process.handles.get(int(call.arguments[0]))

    def _end_dup(self, call: Call, process: Process) -> None:
        arguments = call.arguments
        if call.name == "dup2" and arguments[0] == arguments[1]:
            return
        process.put(call.result, call.target, closing="O_CLOEXEC" in arguments[-1])

    _begin_fcntl = _begin_dup

    def _end_fcntl(self, call: Call, process: Process) -> None:
        number, command, *rest = call.arguments
        if command.startswith("F_DUPFD"):
            process.put(call.result, call.target, closing=command == "F_DUPFD_CLOEXEC")
        elif command == "F_SETFD":
            (process.closing.add if "FD_CLOEXEC" in rest[0] else process.closing.discard)(int(number))
        elif command == "F_SETFL" and call.target is not None:
            call.target.appends = "O_APPEND" in rest[0]

    # --- what is in files ---

    def _begin_write(self, call: Call, process: Process) -> None:
        call.target = process.handles.get(int(call.text.partition(",")[0]))
        if call.target is not None and call.target.is_ours:
            return
        if call.result is not None and call.result > 0:
            value = self._mark(None if call.target is None else call.target.path, call.data)
            if value is not None:
                self.operations.append(Mark(value))

    def _end_write(self, call: Call, _process: Process) -> None:
        if call.target is not None and call.target.inode is not None:
            call.target.position = self._written(call, call.target.position)

    _begin_pwrite = _begin_write

    def _end_pwrite(self, call: Call, _process: Process) -> None:
        if call.target is not None and call.target.inode is not None:
            arguments = call.arguments
            if call.name == "pwritev2" and (arguments[3] == "-1" or arguments[4] != "0"):
                self._refuse(call, call.target.path)
            self._written(call, int(arguments[3]))

    def _written(self, call: Call, offset: int) -> int:
        handle, data = call.target, call.data
        if handle.appends:
            offset = self._sizes[handle.inode]
        if data:
            self._sizes[handle.inode] = max(self._sizes[handle.inode], offset + len(data))
            self.operations.append(Write(self._paths[handle.inode], handle.inode, offset, data))
            if handle.syncs:
                self.operations.append(Sync(handle.inode, len(self.operations)))
        return offset + len(data)

    def _begin_read(self, call: Call, process: Process) -> None:
        call.target = process.handles.get(int(call.text.partition(",")[0], 0))  # shown raw, without what was read

    def _end_read(self, call: Call, _process: Process) -> None:
        if call.target is not None:
            call.target.position += call.result

    _begin_lseek = _begin_dup

    def _end_lseek(self, call: Call, _process: Process) -> None:
        if call.target is not None:
            call.target.position = call.result

    def _resize(self, inode: int, size: int) -> None:
        self._sizes[inode] = size
        self.operations.append(Truncate(inode, size))

    _begin_ftruncate = _begin_dup

    def _end_ftruncate(self, call: Call, _process: Process) -> None:
        if call.target is not None and call.target.inode is not None:
            self._resize(call.target.inode, int(call.arguments[1]))

    def _end_truncate(self, call: Call, process: Process) -> None:
        _path, inside = self._inside(process, "AT_FDCWD", call.arguments[0])
        if inside in self._names:
            self._resize(self._names[inside], int(call.arguments[1]))

    _begin_fallocate = _begin_dup

    def _end_fallocate(self, call: Call, _process: Process) -> None:
        if call.target is None or call.target.inode is None:
            return
        _number, mode, offset, length = call.arguments
        end = int(offset) + int(length)
        if mode not in {"0", "FALLOC_FL_KEEP_SIZE"}:
            self._refuse(call, call.target.path)
        if mode == "0" and end > self._sizes[call.target.inode]:
            self._resize(call.target.inode, end)

    def _begin_copy(self, call: Call, process: Process) -> None:
        out = process.handles.get(int(call.arguments[0 if call.name == "sendfile" else 2]))
        if out is not None and out.inode is not None and call.result != -1:
            self._refuse(call, out.path)

    def _end_mmap(self, call: Call, process: Process) -> None:
        _address, _length, protection, flags, number, _offset = call.arguments
        handle = process.handles.get(int(number))
        writes = "MAP_SHARED" in flags and "PROT_WRITE" in protection
        if writes and handle is not None and handle.inode is not None:
            self._refuse(call, handle.path)

    def _end_io_uring_setup(self, call: Call, _process: Process) -> None:
        self._refuse(call, "anything")

    # --- syncs ---

    def _begin_fsync(self, call: Call, process: Process) -> None:
        call.target = process.handles.get(int(call.arguments[0]))
        call.started = len(self.operations)

    def _end_fsync(self, call: Call, _process: Process) -> None:
        if call.target is None:
            return
        if call.target.inode is not None:
            self.operations.append(Sync(call.target.inode, call.started))
        elif call.target.folder is not None:
            self.operations.append(SyncDir(call.target.folder, call.started))

    def _begin_sync(self, call: Call, _process: Process) -> None:
        call.started = len(self.operations)

    def _end_sync(self, call: Call, process: Process) -> None:
        if call.name == "syncfs":
            handle = process.handles.get(int(call.arguments[0]))
            if handle is None or not handle.is_ours:
                return
        self.operations += [Sync(inode, call.started) for inode in self._paths]
        self.operations += [SyncDir(folder, call.started) for folder in sorted(self._folders)]

    # --- names ---

    def _end_mkdir(self, call: Call, process: Process) -> None:
        directory, name = (["AT_FDCWD", *call.arguments] if call.name == "mkdir" else call.arguments)[:2]
        inside = self._inside(process, directory, name)[1]
        if inside is not None:
            self._folders.add(inside)

    def _end_unlink(self, call: Call, process: Process) -> None:
        directory, name, flags = call.arguments if call.name == "unlinkat" else ("AT_FDCWD", call.arguments[0], "0")
        path, inside = self._inside(process, directory, name)
        if inside is None or inside.endswith(SHARED_MEMORY):
            return
        if call.name == "rmdir" or "AT_REMOVEDIR" in flags:
            self._folders.discard(inside)
        elif inside in self._names:
            del self._names[inside]
            self.operations.append(Unlink(inside))
        else:
            raise RecordingError(f"{path} was unlinked, and nothing made it")

    def _end_rename(self, call: Call, process: Process) -> None:
        given = call.arguments
        if call.name == "rename":
            given = ["AT_FDCWD", given[0], "AT_FDCWD", given[1]]
        old_path, old = self._inside(process, *given[:2])
        _new_path, new = self._inside(process, *given[2:4])
        if old is None and new is None:
            return
        if old not in self._names or new is None or new in self._folders or "RENAME_EXCHANGE" in given[-1]:
            self._refuse(call, old_path)
        if old != new:
            inode = self._names[new] = self._names.pop(old)
            self._paths[inode] = new
            self.operations.append(Rename(old, new))

    def _end_link(self, call: Call, process: Process) -> None:
        given = call.arguments
        directory = given[{"linkat": 2, "symlinkat": 1}[call.name]] if call.name.endswith("at") else "AT_FDCWD"
        path, inside = self._inside(process, directory, given[3 if call.name == "linkat" else -1])
        if inside is not None:
            self._refuse(call, path)


BY_NAME = {
    **dict.fromkeys(["clone3", "fork", "vfork"], "clone"),
    **dict.fromkeys(["dup2", "dup3"], "dup"),
    **dict.fromkeys(["readv"], "read"),
    **dict.fromkeys(["writev", "sendto", "sendmsg", "sendmmsg"], "write"),
    **dict.fromkeys(["pwrite64", "pwritev", "pwritev2"], "pwrite"),
    **dict.fromkeys(["sendfile", "copy_file_range", "splice"], "copy"),
    **dict.fromkeys(["fdatasync"], "fsync"),
    **dict.fromkeys(["syncfs"], "sync"),
    **dict.fromkeys(["mkdirat"], "mkdir"),
    **dict.fromkeys(["unlinkat", "rmdir"], "unlink"),
    **dict.fromkeys(["renameat", "renameat2"], "rename"),
    **dict.fromkeys(["linkat", "symlink", "symlinkat"], "link"),
}


@functools.lru_cache(maxsize=65536)
def _relative(path: str, folder: str) -> str | None:
    """Give a path relative to the folder, or None outside it; links on the way there are followed."""
    above, _, name = path.rpartition("/")
    for each in (path, f"{os.path.realpath(above or '/')}/{name}"):
        if each == folder:
            return ""
        if each.startswith(folder + "/"):
            return each[len(folder) + 1 :]
    return None


def no_marks(_path: str | None, _data: bytes) -> None:
    """Take nothing for an acknowledgement."""


# --- the recording ---


class Recording:
    """A command under strace, and what it did in a folder. A context manager: what still runs at its end is killed."""

    def __init__(
        self, command: list[str], folder: Path, *, env: dict[str, str] | None = None, cwd: Path | None = None
    ) -> None:
        self.command = [str(word) for word in command]
        self.folder = Path(folder)
        self.env = env
        self.cwd = str(cwd or Path.cwd())
        self.initial: dict[str, bytes] = {}
        self.output = ""  # what nobody had read of it by its end
        self.process: subprocess.Popen[str]
        self._lines: list[str] | None = None
        self._place: Path

    def start(self) -> Self:
        """Start the command; `process` is strace, with the command's standard output; `pid` is the command."""
        self.initial = read_folder(self.folder)
        self._place = Path(tempfile.mkdtemp(prefix="trace-"))
        (self._place / "trace").touch()
        options = ["-f", "--seccomp-bpf", "-xx", "-s", str(LONGEST), "-e", "raw=read,readv", "-e", "signal=none"]
        words = ["strace", *options, "-e", TRACED, "-o", str(self._place / "trace")]
        self.process = subprocess.Popen(
            [*LIFELINE, *words, *LIFELINE, *self.command],
            env=self.env,
            cwd=self.cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        until(lambda: self._first_line() or self.process.poll() is not None, "strace starts the command")
        if not self._first_line():
            self._forget()
            raise RecordingError(f"strace does not start {self.command[0]} (status {self.process.wait()})")
        return self

    def _first_line(self) -> str:
        with (self._place / "trace").open() as trace:
            line = trace.readline()
        return line if line.endswith("\n") else ""

    @property
    def pid(self) -> int:
        """The command's own number: signals go there, strace ends with it."""
        return int(self._first_line().split()[0])

    def stop(self, number: signal.Signals | None = None) -> int:
        """Send the command a signal, or none, and wait for its end; give its status, negative for a signal."""
        if number is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
        self.output = self.process.communicate(timeout=PATIENCE)[0]
        with (self._place / "trace").open() as trace:
            self._lines = list(trace)
        self._forget()
        return self.process.returncode

    def operations(self, mark: Marker = no_marks) -> list[Operation]:
        """Give what it did, once it has ended. Raises RecordingError."""
        if self._lines is None:
            raise RecordingError("it has not been stopped")
        return Reading(str(self.folder), self.initial, self.cwd, mark).read(self._lines)

    def _forget(self) -> None:
        self.process.stdout.close()
        shutil.rmtree(self._place, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if hasattr(self, "process") and self._lines is None:
            self.stop(signal.SIGKILL)


def record(command: list[str], folder: Path, *, env: dict[str, str] | None = None) -> Recording:
    """Run a command to its end, and give its recording. Raises RecordingError where it fails."""
    with Recording(command, folder, env=env).start() as recording:
        status = recording.stop()
    if status != 0:
        raise RecordingError(f"{command!r} ended with {status}: {recording.output[-2000:]}")
    return recording
