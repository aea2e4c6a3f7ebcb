"""A workshop that people have used for months: what pages are looked at with, in pictures and at ten years' size."""

import random
from datetime import timedelta

FIRST = [
    "Adèle",
    "Anaïs",
    "Bastien",
    "Bruno",
    "Camille",
    "Chloé",
    "Damien",
    "Denis",
    "Élodie",
    "Estelle",
    "Fabrice",
    "Félix",
    "Gaëlle",
    "Ginette",
    "Hugo",
    "Inès",
    "Jean",
    "Laure",
    "Marie",
    "Pierre",
    "Thérèse",
    "Ugo",
    "Zoé",
    "Noé",
    "Océane",
    "Éric",
]
LAST = [
    "Gauthier",
    "Dupré",
    "Moulin",
    "Chabert",
    "Vernet",
    "Faure",
    "Roux",
    "Lombard",
    "Blanc",
    "Armand",
    "Gouze",
    "Perrin",
    "Curie",
    "Pinatel",
]
TRAININGS = [
    ("laser", "Découpeuse laser"), ("print", "Impression 3D"), ("mill", "Fraiseuse numérique"),
    ("wood", "Atelier bois"),
    ("vinyl", "Découpe vinyle"), ("sewing", "Couture et broderie"), ("clay", "Terre et cuisson"), ("metal", "Métal"),
]  # fmt: skip
MACHINES = [
    ("laser", "Découpeuse laser", ("laser",), "d-num"), ("prusa", "Imprimante 3D", ("print",), "d-num"),
    ("saw", "Scie sur table", ("wood",), "d-wood"), ("kiln", "Four céramique", ("clay",), "d-clay"),
    ("mill", "Fraiseuse numérique", ("mill",), "d-wood"), ("vinyl", "Découpe vinyle", ("vinyl",), "d-num"),
    ("sander", "Ponceuse", ("wood",), "d-wood"), ("drill", "Perceuse à colonne", (), "d-wood"),
    ("sewing", "Brodeuse", ("sewing",), "d-far"),
]  # fmt: skip
CONTROLLERS = [
    ("d-num", "Salle numérique"),
    ("d-wood", "Atelier bois"),
    ("d-clay", "Atelier terre"),
    ("d-far", "Saillans (annexe)"),
]
PURPOSES = ["own", "own", "own", "training", "order", "maintenance"]
HOUR = 3_600_000


def live(members=37, sessions=900, days=200, seed=7, lately=1.3):
    """Fill the database that Django uses."""
    from protocol.rows import Badge, Certification, Level, Machine, Member, Training
    from server.core import clock
    from server.devices.models import Device
    from server.edits.authors import Author
    from server.edits.editing import carry_out
    from server.people.models import Category, Organisation
    from server.sites.models import Site
    from server.whitelist import models

    random.seed(seed)
    rng = random.Random(seed)
    now = clock.now()
    today = clock.today()
    Site.objects.filter(pk="main").update(name="Atelier du Diois")
    for name in ("Particulier", "Étudiant", "Entreprise"):
        Category.objects.get_or_create(name=name)
    Organisation.objects.get_or_create(id="lycee", defaults={"name": "Lycée du Diois"})
    for number, (pk, name) in enumerate(CONTROLLERS):
        Device.objects.create(
            id=pk, name=name, key=f"key-{number}", sealing="s", seen=now - timedelta(days=9 if pk == "d-far" else 0),
            holds=1,
            report={"version": "1.0", "backlog": 0, "free": 9_000_000_000, "temperature": 51.2, "stations": []},
        )  # fmt: skip
    rows = [
        *(Training(*each) for each in TRAININGS),
        *(Machine(pk, name, requires) for pk, name, requires, _d in MACHINES),
    ]
    known = []
    for number in range(members):
        name = f"{FIRST[number % len(FIRST)]} {LAST[number * 5 % len(LAST)]}" + (
            f" {number // 300}" if number >= 300 else ""
        )
        pk = f"{number + 1:04d}"
        until = (
            today + timedelta(days=rng.choice([20, 90, 200, 300])) if rng.random() < 0.9 else today - timedelta(days=14)
        )
        category = rng.choice(["Particulier", "Particulier", "Étudiant", "Entreprise"])
        rows.append(
            Member(
                pk,
                name,
                category,
                "lycee" if category == "Étudiant" and number % 3 == 0 else "",
                until if number % 4 else None,
            )
        )
        rows.append(Badge(f"{number + 1:032x}", pk, since=today - timedelta(days=150)))
        known.append(pk)
        for training, _name in TRAININGS:
            if rng.random() < 0.45:
                level = rng.choice([Level.USER] * 7 + [Level.SUPERVISED, Level.TRAINER])
                end = rng.choice([None, None, today + timedelta(days=200), today - timedelta(days=20)])
                rows.append(Certification(pk, training, level, today - timedelta(days=rng.randrange(20, 180)), end))
    carry_out(Author(name="Laure Gouze"), "demo", rows)
    for pk, _name, _requires, device in MACHINES:
        models.Machine.objects.filter(pk=pk).update(device=device)
    used(rng, known, sessions, days, lately)
    now_running(known)
    things_to_do(known)
    return known


def used(rng, known, count, days, lately):
    """Sessions over so many days, more of them lately (1: as many), and times down."""
    from server.core import clock
    from server.upkeep.models import Downtime
    from server.usage.models import Session

    end = clock.ms()
    machines = [(pk, device) for pk, _name, _requires, device in MACHINES if device != "d-far"]
    made = []
    for number in range(count):
        pk, device = rng.choice(machines)
        day = clock.local() - timedelta(days=rng.random() ** lately * days)
        at = day.replace(
            hour=rng.choice([9, 10, 10, 11, 14, 14, 15, 15, 16, 16, 17, 18]), minute=rng.randrange(60), second=0
        )
        if at.weekday() in (0, 6) and rng.random() < 0.9:
            at += timedelta(days=2)
        long = int(rng.choice([10, 20, 30, 45, 60, 90, 150]) * 60_000 * rng.uniform(0.7, 1.3))
        start = int(at.timestamp() * 1000)
        while start + long > end - 2 * HOUR:
            start -= 24 * HOUR
        member = known[int(len(known) * rng.random() ** 2)]
        made.append(
            Session(
                device_id=device, session=f"s{number}", machine=pk, member=member, said=member, boot="b", began=start,
                badge=f"{int(member):032x}", started=start, quality="synchronised", ended=True, powered=long,
                busy=long // 2,
                energy=int(long / HOUR * 400), why=rng.choice(["badge_removed", "badge_tapped", "idle"]),
                purpose=rng.choice(PURPOSES), category=rng.choice(["Particulier", "Étudiant"]),
                payer=rng.choice(["", "", "lycee"]),
            )
        )  # fmt: skip
        if len(made) == 2_000:
            Session.objects.bulk_create(made)
            made = []
    Session.objects.bulk_create(made)
    for number, pk in enumerate(("saw", "kiln", "mill")):
        began = end - (40 + number * 90) * HOUR
        Downtime.objects.create(
            machine=pk, device="d-wood", what="fault", why="arrêt d'urgence", boot="b", at=began, began=began,
            ended=began + 3 * HOUR, over=True, by="Laure Gouze",
        )  # fmt: skip


def now_running(known):
    """What is on at this moment: three machines run, one is locked, one is out of order."""
    from server.core import clock
    from server.upkeep.models import Downtime
    from server.usage.models import Session
    from server.whitelist import models

    end = clock.ms()
    for number, (pk, device, minutes) in enumerate(
        (("laser", "d-num", 27), ("prusa", "d-num", 292), ("vinyl", "d-num", 12))
    ):
        member, start = known[number], end - minutes * 60_000
        Session.objects.create(
            device_id=device, session=f"now-{pk}", machine=pk, member=member, said=member, boot="b", began=start,
            started=start, quality="synchronised", ended=False, powered=minutes * 60_000, badge=f"{int(member):032x}",
        )  # fmt: skip
        state = {"machine": pk, "state": "running", "member": member, "session": f"now-{pk}", "powered_s": minutes * 60}
        models.Machine.objects.filter(pk=pk).update(state=state, longest=5_400 if pk != "prusa" else None)
    for pk in ("mill", "sander", "drill"):
        models.Machine.objects.filter(pk=pk).update(state={"machine": pk, "state": "idle"})
    models.Machine.objects.filter(pk="kiln").update(
        locked="Refroidit : ne pas ouvrir avant 18 h", state={"machine": "kiln", "state": "locked", "locked": True}
    )
    models.Machine.objects.filter(pk="saw").update(
        state={"machine": "saw", "state": "fault", "cause": "arrêt d'urgence"}
    )
    for pk, what, why in (
        ("kiln", "lock", "Refroidit : ne pas ouvrir avant 18 h"),
        ("saw", "fault", "arrêt d'urgence"),
    ):
        began = end - 2 * HOUR
        Downtime.objects.create(machine=pk, device="d-clay", what=what, why=why, boot="b", at=began, began=began, by="")


def things_to_do(known):
    """A defect, an unknown badge, a refusal or three."""
    from server.core import clock
    from server.inbox.notices import notify
    from server.people.models import UnknownBadge
    from server.upkeep import records

    records.reported_here("saw", note="Lame voilée", by="Jean Perrin", member=known[0])
    notify("defect", None, machine="Scie sur table", id="saw", why="Lame voilée")
    UnknownBadge.objects.create(hash="f" * 32, machine="mill", at=clock.now() - timedelta(minutes=40))
    refused(known)


def refused(known):
    """Three people who could not start a machine today."""
    from server.core import clock
    from server.usage.models import Refusal

    for number, (member, machine, reason, wants) in enumerate(
        (
            (known[7], "mill", "training_missing", ["mill"]),
            (known[8], "laser", "training_expired", ["laser"]),
            (known[9], "sander", "membership_ended", []),
        )
    ):
        at = clock.ms() - (number * 50 + 10) * 60_000
        Refusal.objects.create(
            device_id="d-wood", machine=machine, member=member, reason=reason, wants=wants, boot="b", began=at, at=at,
            badge=f"{int(member):032x}", day=clock.today() - timedelta(days=14),
        )  # fmt: skip
