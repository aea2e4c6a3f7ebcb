"""The daemon keeps its locks on its own database, whatever command runs beside it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from controller.commands import loquet
from controller.store.database import DATABASE
from simulator.stage import until

pytestmark = pytest.mark.process
MARIE = "04A3C6CAE26180"
NOT_BESIDE_IT = {
    "run",
    "demo",
    "completion",
    "enrol",
    "read",
    "setup",
    "stop",
    "stick recover",
}  # or without the database, or for ever
COMMANDS = """
card laser
check
clock
correct {session} --purpose training --reason tried
journal
machine clear laser
machine end laser {session}
machine group laser
machine list
machine lock laser --reason broken
machine maintained laser
machine mended laser
machine report laser squeaks
machine teach laser
machine unlock laser
member block marie
member lend jean --badge 04A3C6AA
member list
member merge tom paul
member name marie Marie
member forget marie --yes
pin set jean
pin clear jean
sessions
status
stick copy
stick enrol what {folder}
stick export {folder}
stick import {folder}
stick keep {folder}
stick plugged {folder}
whitelist confirm
whitelist explain jean laser
whitelist export
whitelist grant tom laser --level trainer
whitelist import --merge {sheet}
whitelist list
whitelist require laser laser
whitelist revoke tom laser
"""


def locks(pid, data_dir):
    """The locks that a process has on the files of the database: (file, kind, first byte, last byte)."""
    named = {}
    for suffix in ("", "-wal", "-shm"):
        path = data_dir / f"{DATABASE}{suffix}"
        if path.exists():
            named[str(path.stat().st_ino)] = path.name
    found = set()
    for line in Path("/proc/locks").read_text().splitlines():
        _number, kind, *_manner, owner, place, begin, end = line.replace("-> ", "").split()
        inode = place.rpartition(":")[2]
        if kind == "POSIX" and owner == str(pid) and inode in named:
            found.add((named[inode], _manner[-1], begin, end))
    return found


def leaves(group, *before):
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        if isinstance(command, click.Group):
            yield from leaves(command, *before, name)
        else:
            yield " ".join((*before, name))


def test_every_command_that_runs_beside_the_daemon_is_tried_here():
    tried = {" ".join(line.split()[:2]) for line in COMMANDS.split("\n")} | {
        line.split(" ")[0] for line in COMMANDS.split("\n")
    }
    missing = {name for name in leaves(loquet) if not name.startswith("server ")} - tried - NOT_BESIDE_IT
    assert missing == set()


def test_no_command_takes_the_daemons_locks(stage):
    daemon = stage.start_daemon()
    stage.lay("laser", MARIE)
    until(lambda: stage.closed("laser"), "laser closes")
    stage.take("laser", MARIE)
    until(lambda: stage.state("laser")["state"] == "idle", "laser is idle")
    (told,) = stage.loquet("sessions", "--json").stdout.splitlines()
    session = json.loads(told)["session"]
    sheet = stage.config.parent / "members.csv"
    folder = stage.config.parent / "stick"
    folder.mkdir()
    held = locks(daemon.pid, stage.settings.data_dir)
    assert {name for name, *_where in held} >= {DATABASE, f"{DATABASE}-shm"}, "the daemon holds its own database"
    for line in filter(None, COMMANDS.split("\n")):
        done = stage.loquet(*line.format(session=session, sheet=sheet, folder=folder).split(), text="4711\n")
        assert done.returncode in {0, 1}, (line, done.stderr)
        assert locks(daemon.pid, stage.settings.data_dir) >= held, line


def test_a_daemon_that_was_killed_and_started_again_holds_its_locks(stage):
    """The log of the killed one is read at the start, and no lock is lost by it."""
    stage.start_daemon()
    stage.lay("laser", MARIE)
    until(lambda: stage.closed("laser"), "laser closes")
    stage.kill("daemon")
    assert (stage.settings.data_dir / f"{DATABASE}-wal").stat().st_size
    daemon = stage.start_daemon()
    held = locks(daemon.pid, stage.settings.data_dir)
    assert {name for name, *_where in held} >= {DATABASE, f"{DATABASE}-shm"}


def test_a_process_that_opens_a_database_beside_sqlite_is_refused(tmp_path):
    """The control: what watches over the other tests does see it."""
    code = (
        "import sqlite3, sys; db = sqlite3.connect(sys.argv[1]); db.execute('create table t (x)');"
        "db.execute('pragma journal_mode=wal'); db.execute('select * from t').fetchone();"
        "open(sys.argv[1] + sys.argv[2], 'rb')"
    )
    said = tmp_path / "said"
    said.mkdir()
    for suffix in ("", "-wal", "-shm"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / f"a{suffix[1:]}.db"), suffix],
            env={**os.environ, "LOQUET_OPENINGS": str(said)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert "OpenedBesideSQLiteError" in done.stderr, suffix
    assert len(list(said.iterdir())) == 3
