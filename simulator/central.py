"""The central server of the demonstration: the one that ships, a process of its own, with a workshop in it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from common.texts import language
from simulator.network import Cable
from simulator.stage import LIFELINE
from simulator.workbench.situation import Uplink

NAMES: Final = ("Laser & 3D", "Atelier bois")
SETTINGS: Final = """[server]
name = "Atelier de la Drôme"
data_dir = "data"
listen = "127.0.0.1"
port = {port}
hosts = ["localhost"]
language = "{language}"
"""


class CentralError(RuntimeError):
    """The server did not come up."""


class Central:
    """The process, its folder, and a cable to it for each controller. A context manager."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="loquet-server-"))
        self.uplinks: dict[str, Uplink] = {}
        self._process: subprocess.Popen[str] | None = None
        self._cables: list[Cable] = []

    def __enter__(self) -> Self:
        port = _free_port()
        config = self._folder / "server.toml"
        config.write_text(SETTINGS.format(port=port, language=language()), encoding="utf-8")
        self._cables = [Cable(port) for _name in NAMES]
        words = [f"{name}={cable.port}" for name, cable in zip(NAMES, self._cables, strict=True)]
        around = {**os.environ, "LOQUET_SERVER_CONFIG": str(config), "PYTHONUNBUFFERED": "1"}
        around.pop("DATABASE_URL", None)
        log = (self._folder / "log.txt").open("w")
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [*LIFELINE, sys.executable, "-m", "simulator.village", *words],
            env=around,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        log.close()
        try:
            self._read(port)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _read(self, port: int) -> None:
        assert self._process is not None  # noqa: S101 - started just now
        assert self._process.stdout is not None  # noqa: S101 - a pipe
        try:
            said = json.loads(self._process.stdout.readline())
        except ValueError as error:
            self._process.wait(5)
            raise CentralError((self._folder / "log.txt").read_text()[-2000:]) from error
        self._process.stdout.readline()  # it is about to listen
        threading.Thread(target=self._process.stdout.read, daemon=True).start()
        _until_it_listens(port)
        for name, cable in zip(NAMES, self._cables, strict=True):
            pages = f"https://localhost:{port}/"
            self.uplinks[name] = Uplink(cable, said["codes"][name], pages, said["user"], said["password"])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for cable in self._cables:
            cable.__exit__()
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _until_it_listens(port: int, seconds: float = 60.0) -> None:
    from simulator.stage import until  # noqa: PLC0415 - it raises for us

    def listens() -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return True
        return False

    until(listens, "the server", seconds)
