"""What it costs to reckon a session, and to close a month of 20,000."""

from __future__ import annotations

import os
import shutil
import time
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Final

from bench.decision import MOMENT, whitelist
from protocol import price
from protocol.access import Granted, decide
from protocol.rows import Meter, Price

SESSIONS: Final = 20_000
PAYERS: Final = 2_000


def reckoning() -> dict[str, float]:
    """Reckon a session on a machine with every kind of price, beside a decision about the same badge."""
    listed = whitelist(200)
    for row in (
        Price(Meter.BUSY, "laser", cents=1800),
        Price(Meter.IDLE, "laser", cents=300, step=60),
        Price(Meter.POWERED, plan="resident", off=25),
        Price(Meter.VISIT, cents=100, least=50, most=500),
    ):
        listed.put(row)
    granted = decide(listed, "laser", {f"{1:032x}"}, MOMENT)
    assert isinstance(granted, Granted)
    used = price.Used(2_820, 1_380)
    decided, priced = [], []
    for _turn in range(200):
        began = perf_counter_ns()
        decide(listed, "laser", {f"{1:032x}"}, MOMENT)
        between = perf_counter_ns()
        price.price(granted.applied.prices, used)
        decided.append(between - began)
        priced.append(perf_counter_ns() - between)
    return {"price_over_decide": median(priced) / median(decided)}


def figures(folder: Path) -> dict[str, float]:
    """Close a month of many sessions, on SQLite."""
    here = folder / "billing"
    shutil.rmtree(here, ignore_errors=True)
    here.mkdir()
    try:
        return {"close_month_s": _close(here)}
    finally:
        shutil.rmtree(here, ignore_errors=True)


def _close(folder: Path) -> float:
    config = folder / "server.toml"
    config.write_text('[server]\ndata_dir = "data"\n')
    os.environ["LOQUET_SERVER_CONFIG"] = str(config)
    from server.commands.begin import prepare

    prepare()
    from server.billing import closing, ledger
    from server.billing.models import Posting, Transfer
    from server.core import clock

    clock.hand(lambda: datetime(2026, 12, 1, 12, tzinfo=UTC).timestamp())
    lines = [
        {"per": "powered", "quantity": 2820, "billed": 2820, "cents": 940, "rate": 1200, "row": "price//powered///"}
    ]
    Transfer.objects.bulk_create(
        (
            Transfer(cause=f"session/d/{n}/0", what="session", month="2026-11", payer=f"p{n % PAYERS}", machine="laser",
                     member=f"p{n % PAYERS}", session=f"s{n}", lines=lines)
            for n in range(SESSIONS)
        ),
        batch_size=1_000,
    )  # fmt: skip
    legs = []
    for transfer in Transfer.objects.iterator(chunk_size=2_000):
        for account, cents in ((ledger.payer(transfer.payer), -940), ("machine/laser", 940)):
            legs.append(Posting(transfer=transfer, account=account, unit="EUR", amount=cents, month=transfer.month))
    Posting.objects.bulk_create(legs, batch_size=1_000)
    assert date(2026, 12, 1) == clock.today()
    began = time.perf_counter()
    made = closing.close("2026-11", "bench", anyway=True)
    took = time.perf_counter() - began
    assert made.count == PAYERS
    return took
