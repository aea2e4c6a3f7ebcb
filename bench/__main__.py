"""`python -m bench`: the design's figures, measured in one run, beside their bounds. Exit 1 where one is broken."""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from pathlib import Path

BOUNDS: dict[str, float] = {
    "tap_over_commit_median": 2,
    "tap_over_commit_p99": 3,
    "tap_over_slow_commit": 1.1,
    "tap_beside_commit_over_hop": 8,
    "commits_per_tap": 1,
    "off_event_to_pin_ms_p99": 10,
    "tap_ms_p99_during_purge": 50,
    "sessions_cost_1e6_over_1e5": 11,
    "rc522_transfers_empty_poll": 14,
    "rc522_transfers_7byte": 60,
    "rc522_detect_ms_p95": 100,
    "decide_240k_over_200": 1.5,
    "anon_mb_4_stations": 40,
    "idle_cpu_percent": 2,
    "anon_mb_4_mixed": 40,
    "idle_cpu_percent_mixed": 2,
    "idle_bytes_written_mixed": 0,
    "help_over_python": 10,
    "ready_over_import": 2,
    "idle_bytes_written": 0,
    "backlog_rss_mb": 64,
    "delta_over_full": 0.01,
    "ingest_over_insert": 0.5,
    "ingest_over_insert_postgres": 0.5,
    "revoke_to_refused_s_p99": 0.5,
    "revoke_to_refused_s_p99_postgres": 0.5,
    "bystander_ms_p99": 1_000,
    "bystander_ms_p99_postgres": 1_000,
    "storm_lost": 0,
    "storm_lost_postgres": 0,
    "ingest_server_mb": 400,
    "ingest_server_mb_postgres": 400,
    "change_server_mb": 400,
    "change_server_mb_postgres": 400,
    "revoke_server_mb": 400,
    "revoke_server_mb_postgres": 400,
    "storm_server_mb": 400,
    "storm_server_mb_postgres": 400,
    "whitelist_change_bytes": 2_048,
    "whitelist_change_bytes_postgres": 2_048,
    "grid_ms": 200,
    "grid_ms_postgres": 200,
    "grid_queries": 20,
    "grid_queries_postgres": 20,
    "price_over_decide": 10,
    "close_month_s": 10,
    "wire_list_2000_kb": 500,
    "wire_month_kb": 800,
    "wire_2g_s": 600,
}
LONGEST_S = 1_800  # for one part of it; what takes longer hangs
EXACT = {"commits_per_tap"}
AT_LEAST = {"ingest_over_insert", "ingest_over_insert_postgres"}


def holds(name: str, value: float) -> bool:
    """Return whether a figure is within its bound; a figure without one holds if it is a number."""
    if math.isnan(value):
        return False
    bound = BOUNDS.get(name)
    if bound is None:
        return True
    if name in AT_LEAST:
        return value >= bound
    return value == bound if name in EXACT else value <= bound


def measure() -> dict[str, float]:
    """Measure everything, on the file system that this folder is on."""
    from bench import decision, process

    folder = Path.cwd() / ".bench"  # on a real file system, as a temporary folder may not be
    folder.mkdir(exist_ok=True)
    apart = _apart(f"tap.figures(Path({str(folder)!r}))") | _apart("reader.figures()")
    apart |= _apart("billing.reckoning()") | _apart(f"billing.figures(Path({str(folder)!r}))")
    apart |= _apart(f"wire.figures(Path({str(folder)!r}))")
    apart |= _apart(f"storage.figures(Path({str(folder)!r}))")
    for kind in ("sqlite", "postgres"):
        apart |= _apart(f"central.figures(Path({str(folder)!r}), {kind!r})")
        apart |= _apart(f"bystander.figures(Path({str(folder)!r}), {kind!r})")
    return process.figures(folder) | decision.figures() | apart


def _apart(figures: str) -> dict[str, float]:
    """Measure in a process of its own: with a heap like the daemon's, or with another `spidev`."""
    module = figures.partition(".")[0]
    where = f"import faulthandler; faulthandler.dump_traceback_later({LONGEST_S - 10}, exit=True)"
    code = f"{where}; import json; from pathlib import Path; from bench import {module}; print(json.dumps({figures}))"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True, timeout=LONGEST_S
        )
    except subprocess.TimeoutExpired as error:
        raise SystemExit(f"bench.{module}: not done in {LONGEST_S} s; it had said: {error.stdout!r}") from error
    except subprocess.CalledProcessError as error:
        raise SystemExit(f"bench.{module}: ended with {error.returncode}; it had said: {error.stdout!r}") from error
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Measure, print, write; return whether all bounds hold."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as {name: value}")
    options = parser.parse_args()
    found = measure()
    for name in (*BOUNDS, *(name for name in found if name not in BOUNDS)):
        value = found[name]
        bound = BOUNDS.get(name)
        shown = "" if bound is None else f"{'=' if name in EXACT else '≥' if name in AT_LEAST else '≤'} {bound:g}"
        verdict = "" if bound is None else ("holds" if holds(name, value) else "BROKEN")
        print(f"{name:<36}{value:>12.3f}   {shown:<8}{verdict}")
    if options.json:
        known = {name: None if math.isnan(value) else value for name, value in found.items()}
        options.json.write_text(json.dumps(known, indent=2) + "\n")
    return 0 if all(holds(name, value) for name, value in found.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
