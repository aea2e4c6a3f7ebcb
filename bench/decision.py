"""What a decision costs, by the size of the whitelist."""

from __future__ import annotations

from datetime import date
from statistics import median
from time import perf_counter_ns

from protocol.access import Granted, decide
from protocol.moment import Moment, Quality
from protocol.rows import Badge, Certification, Machine, Member
from protocol.whitelist import Whitelist

DAY = date(2026, 11, 20)
MOMENT = Moment("boot", 0, 0, Quality.SYNCHRONISED, DAY, DAY)


def whitelist(badges: int) -> Whitelist:
    """Make a whitelist of so many members with a badge and a training each."""
    made = Whitelist([Machine("laser", requires=("laser",))])
    for number in range(badges):
        made.put(Member(f"m{number}"))
        made.put(Badge(f"{number:032x}", f"m{number}"))
        made.put(Certification(f"m{number}", "laser"))
    return made


def figures() -> dict[str, float]:
    """Decide about the same 200 badges in a small and in a large whitelist, in turn."""
    small, large = whitelist(200), whitelist(240_000)
    badges = [{f"{number:032x}"} for number in range(200)]
    times: dict[int, list[int]] = {0: [], 1: []}
    for _ in range(60):
        for which, found in enumerate((small, large)):
            began = perf_counter_ns()
            for badge in badges:
                assert isinstance(decide(found, "laser", badge, MOMENT), Granted)
            times[which].append(perf_counter_ns() - began)
    return {"decide_240k_over_200": median(times[1]) / median(times[0])}
