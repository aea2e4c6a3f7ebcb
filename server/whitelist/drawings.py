"""Which drawing a machine has: the one that was chosen, else the one that its name speaks of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from common.folding import fold
from common.texts import N_
from server.core import small
from server.whitelist.models import Machine, Sheet

CALLED: Final = {
    "laser": N_("laser cutter"),
    "printer": N_("3D printer"),
    "router": N_("router, mill"),
    "saw": N_("saw"),
    "kiln": N_("kiln"),
    "vinyl": N_("vinyl cutter"),
    "embroidery": N_("sewing, embroidery"),
    "sander": N_("sander, grinder"),
    "drill": N_("drill"),
    "bench": N_("bench"),
    "machine": N_("another machine"),
}
# Words of names, in French and English, and which drawing they speak of; the first that is found.
_WORDS: Final = (
    ("laser", "laser"), ("trotec", "laser"), ("3d", "printer"), ("prusa", "printer"), ("bambu", "printer"),
    ("imprimante", "printer"), ("printer", "printer"), ("vinyl", "vinyl"), ("plotter", "vinyl"),
    ("fraiseuse", "router"), ("cnc", "router"), ("router", "router"), ("mill", "router"), ("defonceuse", "router"),
    ("toupie", "router"), ("scie", "saw"), ("saw", "saw"), ("four", "kiln"), ("kiln", "kiln"), ("oven", "kiln"),
    ("brod", "embroidery"), ("coudre", "embroidery"), ("surjet", "embroidery"), ("sewing", "embroidery"),
    ("embroid", "embroidery"), ("ponceuse", "sander"), ("touret", "sander"), ("sander", "sander"),
    ("grind", "sander"), ("tour", "sander"), ("lathe", "sander"), ("perceuse", "drill"), ("drill", "drill"),
    ("rabot", "bench"), ("degau", "bench"), ("planer", "bench"), ("etabli", "bench"), ("bench", "bench"),
)  # fmt: skip


def guessed(*said: str) -> str:
    """Return the drawing that a name or an id speaks of."""
    words = fold(" ".join(said))
    return next((drawing for word, drawing in _WORDS if word in words), "machine")


def of(machines: Iterable[Machine]) -> dict[str, str]:
    """Return the drawing of each machine, by its id."""
    found = list(machines)
    chosen = {each.pk: each.drawing for each in small.rows(Sheet)}
    return {each.pk: chosen.get(each.pk) or guessed(each.name, each.pk) for each in found}
