"""A workshop as there are many, for the demonstration: eight machines, forty members, a year of sessions and bills.

Run as a program it fills a new server, prints what whoever plays needs, and then is that server.
"""

from __future__ import annotations

import json
import random
import sys
import time
from datetime import date, timedelta
from typing import Any, Final

from common.texts import N_, _, spoken
from protocol.rows import (
    Badge,
    BadgeKind,
    Certification,
    Hours,
    Level,
    Machine,
    Member,
    Meter,
    Price,
    Row,
    Subscription,
    Training,
)
from simulator.workbench.drawer import DRAWER, tag
from simulator.workbench.drawer import MACHINES as CALLED

USER: Final = "demo"
PASSWORD: Final = "loquet-demo"  # noqa: S105 - on loopback, for an evening
TRAININGS: Final = {
    "laser": N_("Laser cutting"),
    "printer": N_("3D printing"),
    "wood": N_("Woodworking"),
    "cnc": N_("CNC milling"),
    "vinyl": N_("Vinyl cutting"),
    "sewing": N_("Sewing and embroidery"),
}
MACHINES: Final = {
    "laser": (CALLED["laser"], ("laser",)),
    "printer": (CALLED["printer"], ("printer",)),
    "saw": (CALLED["saw"], ("wood",)),
    "sander": (CALLED["sander"], ("wood",)),
    "cnc": (CALLED["cnc"], ("wood", "cnc")),
    "vinyl": (CALLED["vinyl"], ("vinyl",)),
    "embroidery": (N_("Embroidery machine"), ("sewing",)),
    "kiln": (N_("Kiln"), ()),
}
FIRST: Final = (
    "Anaïs", "Bastien", "Chloé", "Damien", "Élodie", "Fabrice", "Gaëlle", "Hugo", "Inès",
    "Jules", "Karima", "Léa", "Mathis", "Nadia", "Océane", "Pierre", "Quentin", "Romane",
    "Samir", "Thérèse", "Ugo", "Valérie", "William", "Yasmine", "Zoé", "Adèle", "Bruno",
    "Camille", "Denis", "Estelle", "Félix", "Ginette", "Henri", "Iris", "Joël", "Kévin",
)  # fmt: skip
LAST: Final = ("Dupré", "Moulin", "Faure", "Roux", "Blanc", "Gauthier", "Chabert", "Vernet", "Lombard", "Armand")
CATEGORIES: Final = ("particulier", "étudiant", "professionnel", "équipe")
SEED: Final = 1901
MONTHS: Final = 12
HALF: Final = 0.5


def uids() -> dict[str, list[str]]:
    """Return which number in the drawer is whose."""
    found = {thing.id: list(thing.uids) for thing in DRAWER}
    return {
        "marie": [*found.get("marie", []), *found.get("wallet", [])[:1]],
        "jean": found.get("jean", []),
        "laure": found.get("laure", []),
        "paul": found.get("paul", []),
    }


def rows(hash_of: Any) -> list[Row]:  # noqa: ANN401 - a badge key's hash
    """Return the whitelist of the workshop."""
    chance = random.Random(SEED)  # noqa: S311 - people of a play
    today = date.today()  # noqa: DTZ011 - a play's
    made: list[Row] = [Training(key, _(name)) for key, name in TRAININGS.items()]
    made += [Machine(key, _(name), requires) for key, (name, requires) in MACHINES.items()]
    made += [
        Member("marie", "Marie Curie", "particulier"),
        Member("jean", "Jean Perrin", "étudiant"),
        Member("laure", "Laure Gouze", "équipe"),
        Member("paul", "Paul Langevin", "particulier", excluded=True),
    ]
    made += [Certification("marie", training) for training in ("laser", "printer")]
    made += [Certification("jean", "printer"), Certification("jean", "wood"), Certification("jean", "vinyl")]
    made += [Certification("laure", training, Level.MAINTAINER) for training in TRAININGS]
    for number in range(36):
        name = f"{FIRST[number]} {LAST[number % len(LAST)]}"
        who = f"m{100 + number}"
        until = today + timedelta(days=chance.randrange(-40, 330))
        made.append(Member(who, name, CATEGORIES[number % 3], until=until))
        made.append(Badge(hash_of(f"{number + 1:08X}"), who))
        for training in chance.sample(sorted(TRAININGS), chance.randrange(0, 4)):
            end = today + timedelta(days=chance.randrange(-20, 500)) if chance.random() < HALF else None
            made.append(Certification(who, training, chance.choice([Level.USER] * 6 + [Level.TRAINER]), until=end))
    for who, mine in uids().items():
        made += [Badge(hash_of(uid), who) for uid in mine]
        made += [Badge(hash_of(tag(uid), "em4100"), who) for uid in mine]
    made += [
        Badge(hash_of(uid), "laure", BadgeKind.TEACHING)
        for thing in DRAWER
        if thing.id == "teaching"
        for uid in thing.uids
    ]
    spans = [(day * 1440 + 8 * 60, day * 1440 + 22 * 60) for day in range(6)]
    made.append(Hours("étudiant", tuple(spans)))
    return made + prices() + _subscriptions(today)


def prices() -> list[Row]:
    """Return what the machines cost."""
    return [
        Price(Meter.POWERED, "laser", cents=1200, least=200),
        Price(Meter.POWERED, "printer", cents=150, step=900),
        Price(Meter.POWERED, "cnc", cents=1800),
        Price(Meter.POWERED, "kiln", cents=250, most=2000),
        Price(Meter.POWERED, "vinyl", cents=600),
        Price(Meter.POWERED, "laser", category="professionnel", cents=2400, least=500),
        Price(Meter.POWERED, plan="resident", off=25),
        Price(Meter.POWERED, category="équipe", off=100),
    ]


def _subscriptions(today: date) -> list[Row]:
    """Return who has which plan: residents for a while, some by the hour, one that ends soon."""
    begins = today - timedelta(days=200)
    found: list[Row] = [Subscription(f"m{number}", "resident", begins) for number in (102, 105, 108)]
    found += [Subscription(f"m{number}", "nomad", begins + timedelta(days=number - 100)) for number in range(110, 116)]
    return [*found, Subscription("marie", "ten-hours", begins, today + timedelta(days=12))]


def fill(port_of: dict[str, int]) -> dict[str, Any]:
    """Fill an empty server; return the codes of its two controllers, by the cable that each is on."""
    from django.utils import timezone  # noqa: PLC0415 - Django is up by now

    from server.accounts.models import Account, Role  # noqa: PLC0415
    from server.core import keys  # noqa: PLC0415
    from server.core.configuration import load  # noqa: PLC0415
    from server.devices import enrolment  # noqa: PLC0415
    from server.devices.models import Device  # noqa: PLC0415
    from server.edits import editing  # noqa: PLC0415
    from server.edits.authors import Author  # noqa: PLC0415
    from server.operations import backup  # noqa: PLC0415
    from server.whitelist.models import Machine  # noqa: PLC0415

    configuration = load()
    mine = keys.load(configuration.data_dir)
    key = mine.badge_keys[0]
    account = Account(username=USER, role=Role.ADMINISTRATOR)
    account.set_password(PASSWORD)
    account.save()
    author = Author(account=account, name=USER)
    editing.carry_out(
        author, "demo", rows(lambda uid, technology="iso14443a": key.hash(bytes.fromhex(uid), technology))
    )
    old = timezone.now() - timedelta(days=9)
    silent = Device.objects.create(id="d-saillans", name="Saillans (annexe)", key="-", sealing="-", seen=old)
    Device.objects.filter(pk=silent.pk).update(
        report={"version": "0.1.0", "clock": "kept", "backlog": 0, "free": 9_000_000_000}
    )
    Machine.objects.filter(pk__in=["embroidery", "kiln"]).update(device=silent)
    _accounts()
    _sessions(silent, account)
    _bill()
    editing.carry_out(author, "revoked", drop=["certification/m103/vinyl"])
    _a_revocation_that_has_not_arrived(author, silent)
    backup.left()
    return {name: str(enrolment.make_code(mine, f"localhost:{port}", name)) for name, port in port_of.items()}


def _a_revocation_that_has_not_arrived(author: Any, silent: Any) -> None:  # noqa: ANN401 - server's
    from server.core import state  # noqa: PLC0415
    from server.devices.models import Device  # noqa: PLC0415
    from server.edits import editing  # noqa: PLC0415
    from server.people.models import Member  # noqa: PLC0415
    from server.whitelist.models import Certification  # noqa: PLC0415

    Device.objects.filter(pk=silent.pk).update(holds=int(state.get(state.VERSION)))
    held = Certification.objects.filter(training="sewing", member__startswith="m").first()
    if held is not None:
        sewing = TRAININGS["sewing"]
        about = {"name": Member.objects.get(pk=held.member).name, "training": _(sewing)}
        editing.carry_out(author, "revoked", drop=[f"certification/{held.member}/sewing"], about=about)


def _sessions(device: Any, _account: Any) -> None:  # noqa: ANN401 - server's
    """Make a year of sessions."""
    from server.people.models import Member  # noqa: PLC0415
    from server.usage.models import Session  # noqa: PLC0415
    from server.whitelist.models import Certification  # noqa: PLC0415

    chance = random.Random(SEED)  # noqa: S311
    now = int(time.time() * 1000)
    certified: dict[str, list[str]] = {}
    for held in Certification.objects.all():
        certified.setdefault(held.training, []).append(held.member)
    members = dict(Member.objects.values_list("pk", "category"))
    organisations = {"m104": "college", "m107": "college", "m111": "smith"}
    made = []
    for number in range(900):
        machine = chance.choice(list(MACHINES))
        able = [m for t in MACHINES[machine][1][:1] for m in certified.get(t, [])] or list(members)
        who = chance.choice(able)
        started = now - chance.randrange(3_600_000, MONTHS * 30 * 86_400_000)
        powered = int(chance.lognormvariate(3.4, 0.8) * 60_000)
        made.append(
            Session(
                device=device,
                session=f"demo{number:012d}",
                machine=machine,
                member=who,
                said=who,
                boot="demo",
                began=0,
                started=started,
                quality="synchronised",
                ended=True,
                powered=powered,
                busy=int(powered * 0.8),
                why=chance.choice(["badge_removed", "badge_tapped", "rested", "idle"]),
                category=members[who],
                payer=organisations.get(who, ""),
            )
        )
    Session.objects.bulk_create(made)


def _accounts() -> None:
    """Make three plans, two organisations that pay for people, and two machines that several own."""
    from server.billing.models import Plan, Share  # noqa: PLC0415
    from server.people.models import Organisation  # noqa: PLC0415

    hours = 36_000
    for pk, name, fee, included in (
        ("resident", N_("Resident"), 4_000, 0),
        ("nomad", N_("Nomad"), 1_500, 0),
        ("ten-hours", N_("Ten hours"), 6_000, hours),
    ):
        Plan.objects.create(pk=pk, name=_(name), fee=fee, included=included)
    Organisation.objects.create(pk="college", name="Collège Jean Moulin")
    Organisation.objects.create(pk="smith", name="Forge du Diois")
    begins = (date.today() - timedelta(days=MONTHS * 31)).replace(day=1)  # noqa: DTZ011 - a play's
    for machine in ("kiln", "printer"):
        parts = (("college", 4, True), ("m101", 1, False), ("m103", 1, False), ("m106", 1, False), ("smith", 1, False))
        for holder, weight, is_rest in parts:
            Share.objects.create(machine=machine, holder=holder, weight=weight, since=begins, is_rest=is_rest)


def _bill() -> None:
    """Post what the sessions cost, each on its day, and close the months that are over."""
    import msgspec  # noqa: PLC0415

    from protocol import price  # noqa: PLC0415
    from server.billing import charges, closing, ledger  # noqa: PLC0415
    from server.billing.ledger import Leg  # noqa: PLC0415
    from server.core import clock  # noqa: PLC0415
    from server.usage.models import Session  # noqa: PLC0415

    listed, this_month = charges.prices_in_force(), ledger.month_of(clock.today())
    at = [0.0]
    clock.hand(lambda: at[0])
    try:
        for session in Session.objects.order_by("started"):
            at[0] = ((session.started or 0) + session.powered) / 1000
            month = ledger.month_of(clock.today())
            while closing.next_month() < month and ledger.last_closed() < month:
                _close(closing.next_month(), at)
                at[0] = ((session.started or 0) + session.powered) / 1000
            applied = price.applied(listed, session.machine, session.member, session.category, clock.today())
            lines = charges.own_lines(session, applied)
            cents, who = price.total(lines), charges.who_pays(session)
            whose = {"payer": who, "machine": session.machine, "member": session.member}
            if lines:
                ledger.post(
                    f"session/{session.device_id}/{session.session}/0", charges.SESSION, month,
                    [Leg(ledger.payer(who), -cents), Leg(ledger.machine(session.machine), cents)],
                    device=session.device, session=session.session, lines=msgspec.to_builtins(lines), **whose,
                )  # fmt: skip
        while closing.next_month() < this_month:
            _close(closing.next_month(), at)
    finally:
        clock.hand(time.time)


def _close(month: str, at: list[float]) -> None:
    """Close a month a day after its end; most have paid what they owed by then."""
    from server.billing import closing, ledger, plans  # noqa: PLC0415
    from server.core import clock  # noqa: PLC0415

    _first, last = plans.days_of(month)
    at[0] = time.mktime((last + timedelta(days=1)).timetuple()) + 86_400
    closing.close(month, USER, anyway=True)
    for number, (who, cents) in enumerate(sorted(ledger.every_balance().items())):
        if cents < 0 and number % 4:
            ledger.pay(who, -cents, f"{month}-{number:03}", clock.today(), USER)


def main() -> int:
    """Fill a server by its settings (LOQUET_SERVER_CONFIG), say what is needed, and run it."""
    from server.commands.begin import prepare  # noqa: PLC0415
    from server.commands.run import run  # noqa: PLC0415

    prepare()
    from server.core.configuration import load  # noqa: PLC0415

    with spoken(load().server.language):
        codes = fill({name: int(port) for name, port in (word.split("=") for word in sys.argv[1:])})
    sys.stdout.write(json.dumps({"codes": codes, "user": USER, "password": PASSWORD}) + "\n")
    sys.stdout.flush()
    run.main([], standalone_mode=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
