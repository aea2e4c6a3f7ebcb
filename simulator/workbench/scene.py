"""The scene: board, guard and daemon as processes; what people do to them, and what is seen of it.

The daemon is the one that ships, supervised as systemd does: two seconds after its end it is started again.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import Final, Self

import config as examples
from common.texts import language
from controller.settings import Settings
from simulator.attached import at_home
from simulator.stage import Stage, StageError
from simulator.workbench.acts import THINGS, Acts
from simulator.workbench.drawer import MARIES, tag
from simulator.workbench.seen import LOOK_EVERY, Seen
from simulator.workbench.situation import Situation, Uplink

EXAMPLES: Final = Path(examples.__file__).parent
FIRST: Final = "demo.toml"
RESTART_AFTER: Final = 2.0  # seconds, as in systemd/loquet.service
WATCHDOG: Final = 6.0  # seconds; 30 in the unit, which is long to look at


class Scene:
    """All of it. A context manager: `with Scene() as scene`."""

    def __init__(self, example: str = FIRST, uplink: Uplink | None = None) -> None:
        self.example = example
        self.uplink = uplink
        self._folder = Path(tempfile.mkdtemp(prefix="loquet-"))
        for name in (example, "members.csv"):
            shutil.copy(EXAMPLES / name, self._folder / name)
        settings = self._folder / example
        said = settings.read_text().replace('language = "en"', f'language = "{language()}"')
        settings.write_text(at_home(said, self._folder))
        self.stage = Stage(settings)
        self._situation = Situation(uplink)
        self.seen = Seen(self.stage, self._situation)
        self.acts = Acts(self.stage, self._situation, self.seen.look)
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def settings(self) -> Settings:
        """What the daemon runs on."""
        return self.stage.settings

    def __enter__(self) -> Self:
        try:
            self.stage.start_board()
            if self.uplink is None:
                self._fill_whitelist()
            self.stage.start_guard()
            self.stage.start_daemon()
            if self.uplink is not None:
                self._enrol(self.uplink)
        except BaseException:
            self.__exit__()
            raise
        self.seen.levels = self.stage.hand.do("pins")
        self.seen.look()
        for work in (self._watch_pins, self._supervise):
            thread = threading.Thread(target=work, name=work.__name__, daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(5)
        self.stage.__exit__(None, None, None)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _enrol(self, uplink: Uplink) -> None:
        done = self.stage.loquet("enrol", uplink.code, "--yes")
        if done.returncode:
            raise StageError(done.stderr)

    def _fill_whitelist(self) -> None:
        if self.example != FIRST:
            machines = [station.machine for station in self.settings.stations]
            self._loquet(
                "whitelist", "grant", "marie", *machines, "--badge", MARIES, "--badge", f"em4100:{tag(MARIES)}"
            )
            for machine in machines:
                self._loquet("whitelist", "require", machine, machine)
            return
        for arguments in (
            ("require", "laser", "laser"),
            ("require", "printer", "printer"),
            ("import", "--replace", str(self._folder / "members.csv")),
            ("revoke", "paul"),  # not an ended membership: this machine's clock may not know that it ended
            ("grant", "marie", "laser", "printer", "--badge", THINGS["wallet"].uids[0]),
            ("grant", "laure", "--badge", THINGS["teaching"].uids[0], "--teaching"),
        ):
            self._loquet("whitelist", *arguments)

    def _loquet(self, *arguments: str) -> None:
        done = self.stage.loquet(*arguments)
        if done.returncode:
            raise StageError(done.stderr)

    def _supervise(self) -> None:
        """Start what died, as systemd does; look at how everything is."""
        while not self._ended.wait(LOOK_EVERY):
            with self._situation.acting:
                self._start_what_died()
            self.seen.look()

    def _start_what_died(self) -> None:
        if not self._situation.mains:
            return
        guard, daemon = self.stage.process("guard"), self.stage.process("daemon")
        if guard is None or guard.poll() is not None:
            self._forget("guard")
            self.stage.start("guard", ["guard.process", "--run-dir", str(self.stage.settings.run_dir)])
        now = time.monotonic()
        if daemon is not None and daemon.poll() is None:
            self._situation.down_since = None
            if self._situation.frozen_since is not None and now - self._situation.frozen_since > WATCHDOG:
                self.acts.end("daemon", signal.SIGKILL)
            return
        self._situation.frozen_since = None
        self._forget("daemon")
        self._situation.down_since = self._situation.down_since or now
        if now - self._situation.down_since >= RESTART_AFTER:
            self.stage.start("daemon", ["controller", "run"])

    def _forget(self, name: str) -> None:
        with contextlib.suppress(KeyError):
            self.stage.kill(name)

    def _watch_pins(self) -> None:
        self.seen.watch_pins(self._ended)
