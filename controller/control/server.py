"""The control socket: how commands speak to the daemon while it runs.

Lines of JSON. A caller is known by the credentials that the kernel gives; who may connect is the socket's
mode (0660, group loquet). Each connection asks one thing. Bounded: a line, the rows of an edit, the
connections at once.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import queue
import select
import shutil
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from common.errors import LoquetError
from common.texts import N_, translate
from controller.runtime.messages import (
    Asked,
    ClockAsked,
    Message,
    Request,
    StickTold,
    StopAsked,
    WatchAsked,
    WatchEnded,
)
from controller.sensing.messages import FromReader
from controller.station.events import ClearAsked, EndAsked, GroupAsked, LockAsked, TeachAsked
from controller.store.edits import Edit
from controller.store.whitelist import MAX_ROWS, Change
from controller.store.write_queue import WriteQueue
from drivers.contracts import Typed
from drivers.readers import presence
from protocol.badge import BadgeKey, is_random
from protocol.entries import Corrected, Maintained, Mended, Reported
from protocol.moment import Moment
from protocol.pin import SALT_BYTES, made_pin
from protocol.rows import Machine, Row, decode_row

SOCKET: Final = "control"
GROUP: Final = "loquet"
MAX_SEEN: Final = 1_000  # events that a slow reader of them may lag behind
MAX_LINE: Final = 65_536
MAX_CONNECTIONS: Final = 16
MAX_LONG: Final = 6  # that may take long among them, so that a quick question always finds a place
ASK_S: Final = 2.0  # in which a caller has said what it wants, and sends each line of what it brings
ANSWER_S: Final = 5.0
EDIT_S: Final = 600.0


class RequestError(LoquetError, ValueError):
    """A request that cannot be carried out as it is."""


def reader_lines(message: FromReader) -> list[dict[str, Any]]:
    """Return a reader's events as `loquet read --json` prints them."""
    return [_reader_line(message.machine, event) for event in message.events]


def _reader_line(machine: str, event: presence.PresenceEvent) -> dict[str, Any]:
    match event:
        case presence.Presented(card, fresh):
            return {
                "event": "presented",
                "machine": machine,
                "uid": card.uid.hex().upper(),
                "technology": card.technology,
                "random": is_random(card.uid, card.technology),
                "fresh": fresh,
            }
        case presence.Removed(card):
            return {
                "event": "removed",
                "machine": machine,
                "uid": card.uid.hex().upper(),
                "technology": card.technology,
            }
        case presence.Lost(error):
            return {"event": "reader_lost", "machine": machine, "detail": translate(error)}
        case Typed(keys):
            return {"event": "typed", "machine": machine, "count": len(keys)}
        case presence.Unread(why):
            return {"event": "unread", "machine": machine, "detail": translate(why)}
        case presence.Found(chip):
            return {"event": "reader_found", "machine": machine, "chip": chip}


class ControlServer:
    """Serves the socket; one thread waits for connections, one a connection carries it out."""

    def __init__(
        self,
        path: Path,
        put: Callable[[Message], None],
        writes: WriteQueue,
        machines: tuple[str, ...],
        key: Callable[[], BadgeKey],
        now: Callable[[], Moment],
        enrolled: Callable[[], None],
        take_stick: Callable[[], dict[str, Any]],
    ) -> None:
        """put: hands the loop a message. key: gives the badge keys in force. enrolled: hears of a new identity.

        take_stick: takes up what was brought on a stick, and says what came of it.
        """
        self._path = path
        self._put = put
        self._writes = writes
        self._machines = machines
        self._key = key
        self._now = now
        self._enrolled = enrolled
        self._take_stick = take_stick
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._long = threading.BoundedSemaphore(MAX_LONG)
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        path.chmod(0o660)
        with contextlib.suppress(LookupError, PermissionError):
            shutil.chown(path, group=GROUP)  # on a machine where Loquet was not installed there is no such group
        self._listener.listen(MAX_CONNECTIONS)

    def run(self) -> None:
        """Serve until stopped."""
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            if not self._places.acquire(blocking=False):
                link.close()
                continue
            threading.Thread(target=self._serve, args=(link,), name="control", daemon=True).start()

    def stop(self) -> None:
        """Serve nobody any more."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _serve(self, link: socket.socket) -> None:
        try:
            with link, link.makefile("rb") as received:
                link.settimeout(ASK_S)
                try:
                    for answer in self._answers(link, received):
                        _send(link, answer)
                except LoquetError as error:
                    _send(link, {"error": {"template": error.template, "parameters": _plain(error.parameters)}})
                except Exception as error:  # noqa: BLE001 - whatever was asked, others are served
                    _send(
                        link,
                        {
                            "error": {
                                "template": N_("the request makes no sense: {error}"),
                                "parameters": {"error": ascii(error)},
                            }
                        },
                    )
        except OSError:
            pass  # the caller went away
        finally:
            self._places.release()

    def _answers(self, link: socket.socket, received: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a file
        request = json.loads(_line(received))
        link.settimeout(ANSWER_S)
        msgspec.json.encode(request)  # what cannot be written is refused here, and never waits to be written
        by = _caller(link)
        match request["do"]:
            case "status":
                yield {"is": self._ask(None, "")}
            case "end" | "clear" | "group" | "teach":
                yield {"is": self._ask(_asked(request, by), self._machine(request))}
            case "clock":
                said = request.get("ms")
                yield {"is": self._answered(lambda answer: ClockAsked(by, None if said is None else int(said), answer))}
            case "enrolled" | "stick" | "stick_told":
                yield {"is": self._of_the_server(link, request)}
            case "stop":
                yield {"is": self._answered(StopAsked)}
            case "hash" | "fingerprint" | "pin":
                yield {"is": self._by_key(request)}
            case "read":
                with self._long_one():
                    yield from self._read(link)
            case "edit":
                with self._long_one():
                    yield from self._edit(link, request, received, by)
            case "record":
                entry = msgspec.convert(request["entry"] | {"by": by}, type=Corrected | Maintained | Reported | Mended)
                self._writes.record(self._now(), entry)
                yield {"is": True}
            case other:
                raise RequestError(N_('the controller does not know "{do}"; is it an older version?'), do=other)

    @contextlib.contextmanager
    def _long_one(self) -> Iterator[None]:
        """Do what may take long, if there is a place for it. Raises RequestError."""
        if not self._long.acquire(blocking=False):
            raise RequestError(N_("the controller is busy with other commands; try again in a moment"))
        try:
            yield
        finally:
            self._long.release()

    def _of_the_server(self, link: socket.socket, request: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        if request["do"] == "enrolled":
            self._enrolled()
            return True
        if request["do"] == "stick_told":
            self._put(StickTold(bool(request["well"])))
            return True
        with self._long_one():
            link.settimeout(EDIT_S)
            return self._take_stick()

    def _by_key(self, request: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        key = self._key()
        if request["do"] == "pin":
            made = made_pin(str(request["member"]), str(request["pin"]), key, os.urandom(SALT_BYTES))
            return msgspec.to_builtins(made)
        if request["do"] == "fingerprint":
            return key.fingerprint
        return [key.hash(bytes.fromhex(uid), str(kind)) for uid, kind in request["cards"]]

    def _machine(self, request: dict[str, Any]) -> str:
        machine = str(request["machine"])
        if machine not in self._machines:
            raise RequestError(
                N_('there is no machine "{machine}"; there are: {machines}'),
                machine=machine,
                machines=", ".join(self._machines),
            )
        return machine

    def _ask(self, request: Request | None, machine: str) -> Any:  # noqa: ANN401 - JSON
        return self._answered(lambda answer: Asked(request, machine, answer))

    def _answered(self, message: Callable[[Callable[[Any], None]], Message]) -> Any:  # noqa: ANN401 - JSON
        answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._put(message(answers.put))
        try:
            return answers.get(timeout=ANSWER_S)
        except queue.Empty:
            raise RequestError(N_("the controller does not answer; `loquet check` may say why")) from None

    def _read(self, link: socket.socket) -> Iterator[dict[str, Any]]:
        """Return every reader's events until the caller goes away."""
        seen: queue.Queue[FromReader | None] = queue.Queue(MAX_SEEN)

        def hand_on(message: FromReader | None) -> None:
            with contextlib.suppress(queue.Full):  # whoever does not read misses events, and holds up nobody
                seen.put_nowait(message)

        readers = self._answered(lambda answer: WatchAsked(hand_on, answer))
        link.settimeout(ANSWER_S)
        closed = threading.Thread(target=_until_closed, args=(link, hand_on), daemon=True)
        closed.start()
        try:
            yield {"readers": readers}
            while (message := seen.get()) is not None:
                yield from reader_lines(message)
        finally:
            self._put(WatchEnded(hand_on))

    def _edit(self, link: socket.socket, request: dict[str, Any], received: Any, by: str) -> Iterator[dict[str, Any]]:  # noqa: ANN401
        count = int(request["rows"])
        if not 0 <= count <= MAX_ROWS:
            raise RequestError(N_("a whitelist has at most {most} rows"), most=MAX_ROWS)
        put: list[Row] = []
        drop: list[Row] = []
        for _ in range(count):
            line = _line(received)
            (drop if line[:1] == b"-" else put).append(decode_row(line[1:]))
        link.settimeout(EDIT_S)
        change = Change(tuple(put), tuple(drop), bool(request["replace"]))
        steps: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        edit = Edit(
            change,
            by,
            self._now(),
            lambda done, total: steps.put({"done": done, "of": total}),
            base=None if request.get("base") is None else int(request["base"]),
            cut=bool(request.get("cut")),
            forgets=bool(request.get("forgets")),
        )
        if edit.cut:  # "now" waits for no disk, and for nothing that is written before it
            for row in put:
                if isinstance(row, Machine) and row.locked and row.id in self._machines:
                    self._ask(LockAsked(row.locked, by, now=True), row.id)
        waiter = threading.Thread(target=_finish, args=(edit, steps.put), daemon=True)
        self._writes.edit(edit)
        waiter.start()
        while True:
            step = steps.get()
            if "failed" in step:
                raise step["failed"]
            yield step
            if "is" in step:
                return


def _asked(request: dict[str, Any], by: str) -> Request:
    """Read what is asked of one station."""
    match request["do"]:
        case "end":
            return EndAsked(str(request["session"]), by)
        case "clear":
            return ClearAsked(by)
        case "teach":
            return TeachAsked()
        case _:
            parameters = {key: value for key, value in request.items() if key not in {"do", "machine"}}
            return msgspec.convert(parameters, GroupAsked)


def _finish(edit: Edit, put: Callable[[dict[str, Any]], None]) -> None:
    try:
        put({"is": edit.wait(EDIT_S)})
    except LoquetError as error:
        put({"failed": error})


def _until_closed(link: socket.socket, put: Callable[[None], None]) -> None:
    with contextlib.suppress(OSError, ValueError):
        select.select([link], [], [])
    put(None)


def _line(received: Any) -> bytes:  # noqa: ANN401 - a file
    line: bytes = received.readline(MAX_LINE + 1)
    if len(line) > MAX_LINE or not line.endswith(b"\n"):
        raise RequestError(N_("a line of the request is too long, or cut short"))
    return line


def _send(link: socket.socket, answer: dict[str, Any]) -> None:
    link.sendall(msgspec.json.encode(answer) + b"\n")


def _plain(parameters: dict[str, object]) -> dict[str, str]:
    plain = {key: translate(v) if isinstance(v, Exception) else str(v) for key, v in parameters.items()}
    return {key: text.encode(errors="replace").decode() for key, text in plain.items()}


def _caller(link: socket.socket) -> str:
    """Name the person at the other end, by the kernel's word."""
    _pid, uid, _gid = struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return user_name(uid)


def user_name(uid: int | None = None) -> str:
    """Name a user of this system, this process's own where none is given."""
    number = os.getuid() if uid is None else uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"
