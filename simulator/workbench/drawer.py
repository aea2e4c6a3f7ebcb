"""What lies in the drawer: badges, cards and a wallet, and what there is to try with them."""

from __future__ import annotations

from typing import Final

import msgspec

from common.texts import N_

MARIES: Final = "04A3C6CAE26180"


def tag(uid: str) -> str:
    """Return the number of the same badge at 125 kHz: those in the drawer have two chips, as many in real life."""
    return f"0C{uid[-8:]}"


class Thing(msgspec.Struct, frozen=True):
    """Something to lay on a reader: one card, or a wallet with several. `who` is a name, `what` a text."""

    id: str
    face: str
    who: str
    what: str
    uids: tuple[str, ...]


DRAWER: Final = (
    Thing("marie", "M", "Marie Curie", N_("trained for laser and printer"), (MARIES,)),
    Thing("jean", "J", "Jean Perrin", N_("trained for the printer alone"), ("04A3C6112233FF",)),
    Thing("laure", "L", "Laure Gouze", N_("looks after the machines (maintainer)"), ("C0FFEE42",)),
    Thing("teaching", "T", N_("Laure's teaching badge"), N_("starts nothing: lets others in"), ("C0FFEE43",)),
    Thing("paul", "P", "Paul Langevin", N_("suspended by the fabmanager"), ("0102030405060708090A",)),
    Thing("stranger", "?", N_("A stranger"), N_("a card that nobody knows"), ("DEADBEEF",)),
    Thing("phone", "☎", N_("A phone"), N_("its number changes each time"), ("08112233",)),
    Thing(
        "wallet", "▤", N_("A wallet"), N_("Marie's second badge, a bus pass, a bank card"),
        ("04A3C6CAE26181", "04B7C112345680", "3D2A9F10"),
    ),
)  # fmt: skip


# What the demo's settings call its machines; settings have one language, the page has two.
MACHINES: Final = {
    "laser": N_("Laser cutter"),
    "printer": N_("3D printer"),
    "saw": N_("Table saw"),
    "sander": N_("Sander"),
    "cnc": N_("CNC router"),
    "vinyl": N_("Vinyl cutter"),
}
WOOD_HINTS: Final = {"deaf", "away"}  # those of the second controller, whose parts are of every kind


class Hint(msgspec.Struct, frozen=True):
    """Something to try, and what to look at."""

    id: str
    text: str


HINTS: Final = (
    Hint("grant", N_("Lay Marie's badge on the laser's reader: the light turns green, the relay closes.")),
    Hint("minutes", N_("Take it off again: the relay opens, and her use is in the table below.")),
    Hint("refusal", N_("Lay Jean's badge on the laser: it is refused, and the journal says what would help.")),
    Hint(
        "lid",
        N_("Open the lid while Marie cuts: the beam's output opens, and nothing else. Close it, and she goes on."),
    ),
    Hint(
        "emergency-stop",
        N_("Press the laser's emergency stop: everything opens. Release it; any certified badge clears it."),
    ),
    Hint(
        "teach",
        N_(
            "After a training: Laure's teaching badge on the laser, then a stranger's card. "
            "From now on it opens the laser."
        ),
    ),
    Hint("tap", N_("At the printer a tap is enough: lay Jean's badge there, and put it back into the drawer.")),
    Hint(
        "resume",
        N_("Turn the printer's current up: it prints. Now kill the program: the print goes on, as one session."),
    ),
    Hint("job", N_("Turn the current down: after five seconds the printer switches itself off.")),
    Hint(
        "kill",
        N_(
            "Kill the program while the laser runs: its guard opens the relay, and the program comes back by itself. "
            "The last minute of use may be missing."
        ),
    ),
    Hint(
        "mains",
        N_("Pull the mains plug while somebody works: at most a minute is lost, and nothing starts by itself."),
    ),
    Hint(
        "network",
        N_(
            "Pull the network cable, let people work, change the whitelist on the server's pages; "
            "plug it in and see both sides meet."
        ),
    ),
    Hint(
        "deaf",
        N_(
            "Have the sander's plug say yes and do nothing, and lay Jean's badge on its reader: what it was told is "
            "read back, and the machine is out of order, alone."
        ),
    ),
    Hint(
        "away",
        N_(
            "Take the sander's plug off the network while it runs, and end the session: OFF is tried until it is "
            "confirmed, and the plug opens by itself after a minute and a half."
        ),
    ),
)
