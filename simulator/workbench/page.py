"""The page: Starlette routes over a scene. HTML once, then a stream of what changes, and acts as JSON.

On loopback only, and only for pages of its own: a host name that is not ours is refused, and an act has to be
JSON, which no other page's form can send.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from common.errors import LoquetError
from common.texts import LANGUAGES, N_, _, language, spoken, translate
from controller.commands.journal import local_time
from controller.commands.status import STATES
from controller.station.states import MACHINE
from protocol.entries import Ending, kind
from protocol.sentences import ENDINGS, duration, fault, happened
from simulator.workbench.drawer import DRAWER, HINTS, MACHINES, WOOD_HINTS
from simulator.workbench.scene import FIRST, Scene
from simulator.workbench.seen import SESSIONS
from simulator.workbench.wiring import wiring

HERE: Final = Path(__file__).parent
SAFE: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
COLOURS: Final = {
    (0, 0, 0): N_("dark"),
    (1, 0, 0): N_("red"),
    (0, 1, 0): N_("green"),
    (0, 0, 1): N_("blue"),
    (1, 1, 0): N_("yellow"),
    (1, 0, 1): N_("purple"),
    (0, 1, 1): N_("turquoise"),
    (1, 1, 1): N_("white"),
}
INPUTS: Final = {
    "off-button": N_("Off button"),
    "lid": N_("Lid open"),
    "emergency-stop": N_("Emergency stop pressed"),
    "current": N_("Current"),
    "power": N_("Power"),
}
PARTS: Final = {  # names of makes: the same in every language
    "rc522": "RC522", "pn532": "PN532", "rdm6300": "RDM6300", "id12la": "ID-12LA", "keyboard": "USB", "pcsc": "ACR122U",
    "wiegand": "Wiegand",
    "lcus": "LCUS", "modbus": "Modbus", "shelly": "Shelly", "tasmota": "Tasmota",
}  # fmt: skip
CONTACTS: Final = {MACHINE: N_("Relay"), "extractor": N_("Extractor"), "beam": N_("Beam")}
# Which drawing each machine of the demonstrations has; one of another kind has that of any machine.
DRAWINGS: Final = {
    "laser": "laser", "printer": "printer", "saw": "saw", "sander": "sander", "cnc": "router", "mill": "router",
    "vinyl": "vinyl",
}  # fmt: skip
# What each part does, for whoever sees one for the first time.
EXPLAINED: Final = (
    (N_("Reader"), N_("reads the number of a badge that is laid on it; which badge that is, the program looks up.")),
    (N_("Relay"), N_("a switch between the socket and the machine: closed, the machine has power.")),
    (N_("Light"), N_("green: you may begin; red: refused; blue: in use. The colours are in the settings.")),
    (N_("Buzzer"), N_("says the same for those who do not look: one short sound for yes, a long one for no.")),
    (N_("Display"), N_("who is there, how long it may last, and what would help after a refusal.")),
    (N_("Extractor"), N_("a second switch that runs on for a while after the machine.")),
    (N_("Current"), N_("what the machine draws: by it the program knows that a job is done.")),
    (N_("Emergency stop"), N_("cuts the power by itself, without the program, which only sees that it was pressed.")),
)
MODES: Final = {
    "presence": N_("The badge stays on the reader while the machine is used."),
    "tap": N_("One tap begins, another tap ends; the badge goes back into the pocket."),
    "timed": N_("A tap gives a time; another tap gives it anew."),
    "job": N_("One tap begins; it switches itself off when the job is done."),
}
WORDS: Final = {  # what the page's script says by itself
    "open": N_("open"),
    "closed": N_("CLOSED"),
    "unplugged": N_("no power"),
    "on": N_("running"),
    "off": N_("ended; starts again by itself in a moment"),
    "frozen": N_("frozen: it answers nobody"),
    "gone": N_("The workbench has ended. Start it again: make demo"),
    "pull": N_("Unplug the reader"),
    "plug": N_("Plug the reader in"),
    "mains_pull": N_("Pull the mains plug"),
    "mains_plug": N_("Plug it in"),
    "network_pull": N_("Pull the network cable"),
    "network_plug": N_("Plug the network cable in"),
    "lay": N_("lay on"),
    "take": N_("back to the drawer"),
    "nobody": N_("nothing on the reader"),
}

_environment: Final = Environment(
    loader=FileSystemLoader(HERE / "templates"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
)


def application(
    scene: Scene, others: dict[str, str] | None = None, hosts: tuple[str, ...] = ("localhost", "127.0.0.1")
) -> Starlette:
    """Make the page of a scene; others: the addresses of the other controllers' pages, by name."""
    desk = Desk(scene, others or {})
    return Starlette(
        routes=[
            Route("/", desk.page),
            Route("/changes", desk.changes),
            Route("/do/{what}", desk.act, methods=["POST"]),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))],
        lifespan=desk.lifespan,
    )


def _is_for(hint: str, scene: Scene) -> bool:
    """Return whether a hint can be followed here."""
    if hint == "network":
        return scene.uplink is not None
    return (scene.example == FIRST) != (hint in WOOD_HINTS)


class Desk:
    """What the routes share."""

    def __init__(self, scene: Scene, others: dict[str, str]) -> None:
        self._scene = scene
        self._others = others
        self._zone = ZoneInfo(scene.settings.controller.timezone)
        self._watchers: set[asyncio.Queue[str]] = set()

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Hand what the scene tells, from its threads, to everybody who watches."""
        loop = asyncio.get_running_loop()

        def told(what: str) -> None:
            with contextlib.suppress(RuntimeError):  # the page has ended
                loop.call_soon_threadsafe(self._spread, what)

        self._scene.seen.told.append(told)
        yield
        self._scene.seen.told.remove(told)

    def _spread(self, what: str) -> None:
        for watcher in self._watchers:
            with contextlib.suppress(asyncio.QueueFull):  # whoever is slow gets the whole at the next change
                watcher.put_nowait(what)

    async def page(self, request: Request) -> Response:
        """Return the page, in the reader's language."""
        spoken_here = _language_of(request)
        with spoken(spoken_here):
            text = _environment.get_template("page.html").render(
                _=_,
                language=spoken_here,
                other="fr" if spoken_here == "en" else "en",
                things=DRAWER,
                hints=[each for each in HINTS if _is_for(each.id, self._scene)],
                uplink=self._scene.uplink,
                others=self._others,
                wiring=self._wiring(),
                inputs={name: _(label) for name, label in INPUTS.items()},
                modes={name: _(sentence) for name, sentence in MODES.items()},
                drawn=DRAWINGS,
                explained=[(_(part), _(does)) for part, does in EXPLAINED],
                parts=PARTS,
                contacts={name: _(label) for name, label in CONTACTS.items()},
                words={name: _(word) for name, word in WORDS.items()},
                colours={"".join(map(str, colour)): _(word) for colour, word in COLOURS.items()},
            )
        return HTMLResponse(text, headers=SAFE | {"Content-Language": spoken_here})

    async def changes(self, request: Request) -> Response:
        """Return everything once, then what changes, as server-sent events."""
        return StreamingResponse(
            self._stream(_language_of(request)), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def _stream(self, spoken_here: str) -> AsyncIterator[str]:
        watcher: asyncio.Queue[str] = asyncio.Queue(1_000)
        self._watchers.add(watcher)
        give: dict[str, Callable[[], Any]] = {
            "pins": self._pins,
            "now": self._now,
            "displays": lambda: self._scene.seen.displays,
            "journal": self._journal,
        }
        try:
            for name, whole in give.items():
                yield _event(name, spoken_here, whole)
            while True:
                try:
                    what = await asyncio.wait_for(watcher.get(), timeout=10)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                yield _event(what, spoken_here, give[what])
        finally:
            self._watchers.discard(watcher)

    async def act(self, request: Request) -> Response:
        """Do one thing on the bench."""
        spoken_here = _language_of(request)
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return JSONResponse({"error": "application/json"}, 415)
        try:
            parameters = msgspec.json.decode(await request.body(), type=dict[str, str])
        except msgspec.DecodeError as error:
            return JSONResponse({"error": str(error)}, 400)
        try:
            await run_in_threadpool(self._scene.acts.act, request.path_params["what"], parameters)
        except LoquetError as error:
            with spoken(spoken_here):
                return JSONResponse({"error": translate(error)}, 409)
        return JSONResponse({})

    # --- what is shown ---

    def _name(self, machine: str) -> str:
        named = {wired["machine"]: wired["name"] for wired in self._wiring()}
        return str(named.get(machine, machine))

    def _wiring(self) -> list[dict[str, Any]]:
        named = wiring(self._scene.stage)
        return [wired | {"name": _(MACHINES.get(wired["machine"], wired["name"]))} for wired in named]

    def _pins(self) -> list[int]:
        return self._scene.seen.levels

    def _now(self) -> dict[str, Any]:
        now = self._scene.seen.now
        return {
            "mains": now.mains,
            "network": now.network,
            "daemon": now.daemon,
            "guard": now.guard,
            "lying": now.lying,
            "cables": now.cables,
            "switched": now.switched,
            "amounts": now.amounts,
            "tried": now.tried,
            "stations": {each["machine"]: self._station(each) for each in now.stations},
        }

    def _station(self, status: dict[str, Any]) -> dict[str, Any]:
        member = self._scene.seen.whitelist.members.get(status.get("member", ""))
        said = _(STATES[status["state"]])
        if status["state"] == "fault":
            said += f": {fault(status['cause'])}"
        if status["state"] == "locked":
            said += f": {status['locked']}"
        if member is not None:
            said += f" · {member.name or member.id}"
        if status["reader"] is None:
            said = _("reader lost") if status["state"] == "idle" else f"{said} · {_('reader lost')}"
        used = duration(status["powered_s"]) if "powered_s" in status else ""
        lying = status["badges_lying"]
        sensed = _("badges sensed: {count}").format(count=lying) if status["reader"] else _("lost")
        return {"state": status["state"], "said": said, "used": used, "sensed": sensed}

    def _journal(self) -> dict[str, Any]:
        scene = self._scene
        lines = []
        for line in reversed(scene.seen.lines):
            wall = scene.seen.clocks.wall(line.boot, line.at)[0] if scene.seen.clocks else None
            lines.append(
                {
                    "seq": line.seq,
                    "kind": kind(line.entry),
                    "time": local_time(wall, self._zone)[-8:],
                    "machine": self._name(getattr(line.entry, "machine", None) or ""),
                    "said": happened(line.entry, scene.seen.whitelist),
                    "station": getattr(line.entry, "machine", None) or "",
                }
            )
        return {"lines": lines, "sessions": [self._session(each) for each in reversed(scene.seen.sessions[-SESSIONS:])]}

    def _session(self, usage: Any) -> dict[str, Any]:  # noqa: ANN401 - usage.Usage, read only
        member = self._scene.seen.whitelist.members.get(usage.member)
        return {
            "machine": self._name(usage.machine),
            "member": member.name if member and member.name else usage.member,
            "start": local_time(usage.started, self._zone)[-8:],
            "used": duration(usage.powered_s) if usage.powered_s is not None else "…",
            "why": _(ENDINGS[Ending(usage.why)]) if usage.why else _("in use"),
        }


def _event(name: str, spoken_here: str, give: Callable[[], Any]) -> str:
    with spoken(spoken_here):
        return f"event: {name}\ndata: {json.dumps(give(), ensure_ascii=False)}\n\n"


def _language_of(request: Request) -> str:
    """Return the reader's language: what the page's switch says, else the browser's, else the house's."""
    asked = request.query_params.get("lang", "")
    if asked in LANGUAGES:
        return asked
    for part in request.headers.get("accept-language", "").split(","):
        wished = part.partition(";")[0].strip()[:2].lower()
        if wished in LANGUAGES:
            return wished
    return language()
