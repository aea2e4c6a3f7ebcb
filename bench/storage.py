"""What a long absence of any server costs: a million entries that nobody fetched, a change into a long list."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from bench.decision import whitelist as sample
from simulator.stage import Stage

BACKLOG = 1_000_000
SETTINGS = """
[controller]
data_dir = "data"
run_dir = "run"

[[station]]
machine = "laser"
reader = { driver = "rc522" }
relay = { driver = "gpio", pin = 17 }
"""


def figures(folder: Path) -> dict[str, float]:
    """Measure both, each on a database of its own."""
    here = folder / "storage"
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir()
    try:
        return _delta(here / "list") | _backlog(here) | _sessions(here)
    finally:
        shutil.rmtree(here, ignore_errors=True)


def _delta(folder: Path) -> dict[str, float]:
    """One change into 240,000 badges, digest and commit included ÷ loading the whole; medians."""
    from controller.store import whitelist
    from controller.store.damage import open_store
    from controller.store.edits import Edit, carry_out
    from controller.store.key import badge_key
    from controller.store.whitelist import Change
    from protocol.moment import Moment, Quality
    from protocol.rows import Member

    folder.mkdir()
    badge_key(folder, make=True)
    db = open_store(folder).db
    moment = Moment("boot", 0, 0, Quality.SYNCHRONISED, None, None)  # type: ignore[arg-type]
    carry_out(db, Edit(Change(tuple(sample(240_000).rows()), replace=True), "bench", moment), 0, lambda: None)
    whole, one = [], []
    for turn in range(5):
        began = time.monotonic()
        found = whitelist.load(db)
        whole.append(time.monotonic() - began)
        for number in range(20):
            began = time.monotonic()
            row = Member(f"m{number}", f"name {turn}")
            with db.atomic():
                whitelist.merge(db, [row], [])
                whitelist.next_version(db)
            found.put(row)
            one.append(time.monotonic() - began)
    db.close()
    return {"delta_over_full": median(one) / median(whole)}


def _backlog(here: Path) -> dict[str, float]:
    """Resident memory of the daemon with a million entries that no server has fetched."""
    config = _filled(here / "million", BACKLOG)
    with Stage(config) as stage:
        stage.start_board()
        stage.start_guard()
        began = time.monotonic()
        daemon = stage.start_daemon()
        ready = time.monotonic() - began
        status = Path(f"/proc/{daemon.pid}/status").read_text().splitlines()
        resident = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return {"backlog_rss_mb": resident / 1024, "backlog_ready_s": ready}


def _sessions(here: Path) -> dict[str, float]:
    """What `loquet sessions` costs of the processor over a million entries ÷ over a hundred thousand."""
    _filled(here / "tenth", BACKLOG // 10)
    costs = {}
    for name in ("million", "tenth"):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [
                sys.executable,
                "-m",
                "controller",
                "sessions",
                "--json",
                "--config",
                str(here / name / "controller.toml"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs[name] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "sessions_cost_1e6_over_1e5": costs["million"] / costs["tenth"],
        "sessions_1e6_cpu_s": costs["million"],
    }


def _filled(folder: Path, count: int) -> Path:
    """Make a controller with so many entries in its journal; return its settings file."""
    from controller.store.damage import open_store
    from controller.store.key import badge_key
    from controller.store.seal import seal

    data = folder / "data"
    data.mkdir(parents=True)
    (folder / "controller.toml").write_text(SETTINGS)
    badge_key(data, make=True)
    db = open_store(data).db
    rows = []
    for seq in range(1, count + 1):
        session = f"{seq // 2:016x}"
        what: dict[str, object] = {"type": "ended" if seq % 2 else "granted", "session": session, "machine": "laser"}
        what |= {"why": "idle", "powered": 1} if seq % 2 else {"member": "m", "badge": "a" * 32, "level": 2}
        row = (seq, "b" * 36, seq, str(what["type"]), "laser", session, json.dumps(what))
        rows.append((*row, seal("journal", *row)))
        if len(rows) == 50_000:
            with db.atomic():
                db.conn.executemany("insert into journal values (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            rows = []
    db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    return folder / "controller.toml"
