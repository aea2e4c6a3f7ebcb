"""The rows that say who may use what: trainings, machines, certifications, forced ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import msgspec
from django.db.models import QuerySet

from common.folding import fold
from common.texts import N_
from protocol import rows as protocol
from protocol.overlay import makes_stricter
from protocol.rows import Level
from server.edits.authors import Author, Standing
from server.edits.rows import Kind
from server.people.merging import aliases
from server.whitelist import fulfilment
from server.whitelist.models import Certification, ForcedEnd, Machine, Training
from server.whitelist.teaching import teaches_of


class Trainings(Kind[Training, protocol.Training]):
    """What people are trained for."""

    name, model, rank = "training", Training, 1
    unique, fields = ("id",), ("name",)

    def of(self, found: Training) -> protocol.Training:
        """Return the row that a model says."""
        return protocol.Training(found.id, found.name)

    def made(self, row: protocol.Training) -> Training:
        """Return the model that keeps a row."""
        return Training(id=row.id, name=row.name)

    def named(self, names: list[str]) -> QuerySet[Training]:
        """Find by id."""
        return Training.objects.filter(id__in=names)

    def sites(self, names: list[str]) -> dict[str, set[str]]:
        """Return where the machines are that ask for them."""
        return _sites_of_trainings(names)


class Machines(Kind[Machine, protocol.Machine]):
    """What is switched."""

    name, model, rank = "machine", Machine, 2
    unique, fields = ("id",), ("name", "requires", "locked", "now", "longest", "supervised", "buddy")

    def of(self, found: Machine) -> protocol.Machine:
        """Return the row that a model says."""
        return protocol.Machine(
            found.id,
            found.name,
            None if found.requires is None else tuple(found.requires),
            found.locked,
            found.now,
            found.longest,
            found.supervised,
            found.buddy,
        )

    def made(self, row: protocol.Machine) -> Machine:
        """Return the model that keeps a row."""
        return Machine(
            id=row.id,
            name=row.name,
            requires=None if row.requires is None else list(row.requires),
            locked=row.locked,
            now=row.now,
            longest=row.longest,
            supervised=row.supervised,
            buddy=row.buddy,
        )

    def refuses(self, author: Author, steps: list[tuple[protocol.Machine | None, protocol.Machine | None]]) -> str:
        """Let trainers lock and unlock the machines whose trainings they teach."""
        teaches = teaches_of(author)
        if teaches is None or all(before and _is_lock(before, after) and teaches & set(before.trainings)
                                  for before, after in steps):  # fmt: skip
            return ""
        return N_("you may lock and unlock the machines whose trainings you teach")

    def may_say(self, standing: Standing, before: protocol.Machine | None, after: protocol.Machine | None) -> bool:
        """Let a controller lock and unlock its own."""
        if before is None or after is None or before.id not in standing.machines:
            return False
        # Whether what runs is cut is not a controller's to say.
        return after == msgspec.structs.replace(before, locked=after.locked, now=before.now and bool(after.locked))

    def named(self, names: list[str]) -> QuerySet[Machine]:
        """Find by id."""
        return Machine.objects.filter(id__in=names)

    def sites(self, names: list[str]) -> dict[str, set[str]]:
        """Return where the controllers that switch them stand."""
        return sites_of_machines(names)

    def names(self) -> Iterable[str]:
        """Return the machines that are not retired."""
        return Machine.objects.filter(retired=False).values_list("pk", flat=True)

    def belonging_to(self, kind: str, names: list[str]) -> Iterable[Machine]:
        """Find the machines that ask for a training."""
        if kind != "training":
            return ()
        return [machine for machine in Machine.objects.all() if {*names} & {*(machine.requires or ())}]


class Certifications(Kind[Certification, protocol.Certification]):
    """Who has which training."""

    name, model, rank = "certification", Certification, 5
    unique, fields = ("member", "training"), ("level", "since", "until")

    def of(self, found: Certification) -> protocol.Certification:
        """Return the row that a model says."""
        return protocol.Certification(found.member, found.training, Level(found.level), found.since, found.until)

    def made(self, row: protocol.Certification) -> Certification:
        """Return the model that keeps a row."""
        return Certification(
            member=row.member, training=row.training, level=int(row.level), since=row.since, until=row.until
        )

    def settled(self, rows: list[protocol.Certification], *, enter: bool) -> list[protocol.Certification]:  # noqa: ARG002 - nothing is entered
        """Return certifications as they are kept here: nobody gives what follows from a member's particulars."""
        return fulfilment.settled(cast("list[protocol.Certification]", aliases.settled([*rows])))

    def refuses(
        self, author: Author, steps: list[tuple[protocol.Certification | None, protocol.Certification | None]]
    ) -> str:
        """Let trainers give and take what they teach, up to the level of a user."""
        teaches = teaches_of(author)
        touched = [row for step in steps for row in step if row is not None]
        if teaches is None or all(row.training in teaches and row.level <= Level.USER for row in touched):
            return ""
        return N_("you may give the trainings that you teach, up to the level of a user")

    def may_say(
        self, standing: Standing, before: protocol.Certification | None, after: protocol.Certification | None
    ) -> bool:
        """Let a controller give what a trainer at its reader may: its own trainings, up to the level of a user."""
        if after is None or not standing.is_taught or after.training not in standing.trainings:
            return False
        if before is not None and makes_stricter(before, after):
            return False  # a reader gives; who takes away is a person
        given = after.level <= Level.USER and (before is None or before.level <= Level.USER)
        return given and (after.member in standing.entered or after.member in standing.known)

    def named(self, names: list[str]) -> QuerySet[Certification]:
        """Find by member: a name is a member's and a training's."""
        return Certification.objects.filter(member__in={name.rpartition("/")[0] for name in names})

    def sites(self, names: list[str]) -> dict[str, set[str]]:
        """Return where the machines are that they open."""
        of_trainings = _sites_of_trainings([name.rpartition("/")[2] for name in names])
        return {name: of_trainings.get(name.rpartition("/")[2], set()) for name in names}

    def belonging_to(self, kind: str, names: list[str]) -> Iterable[Certification]:
        """Find members', or those for trainings."""
        return Certification.objects.filter(**{f"{kind}__in": names}) if kind in {"member", "training"} else ()


class ForcedEnds(Kind[ForcedEnd, protocol.ForcedEnd]):
    """What is to end now."""

    name, model, rank = "cut", ForcedEnd, 7
    unique, fields = ("machine", "member", "session"), ("by",)
    holds = False

    def of(self, found: ForcedEnd) -> protocol.ForcedEnd:
        """Return the row that a model says."""
        return protocol.ForcedEnd(found.machine, found.member, found.session, found.by)

    def made(self, row: protocol.ForcedEnd) -> ForcedEnd:
        """Return the model that keeps a row."""
        return ForcedEnd(machine=row.machine, member=row.member, session=row.session, by=row.by)

    def settled(self, rows: list[protocol.ForcedEnd], *, enter: bool) -> list[protocol.ForcedEnd]:  # noqa: ARG002 - likewise
        """Return forced ends as they are kept here: for whoever an id is now."""
        return cast("list[protocol.ForcedEnd]", aliases.settled([*rows]))

    def refuses(self, author: Author, steps: list[tuple[protocol.ForcedEnd | None, protocol.ForcedEnd | None]]) -> str:
        """Let trainers end what runs on the machines whose trainings they teach, and lift that again."""
        teaches = teaches_of(author)
        if teaches is None:
            return ""
        wanted = {row.machine for step in steps for row in step if row is not None}
        found = Machine.objects.filter(pk__in=wanted).values_list("requires", flat=True)
        if len(found) == len(wanted) and all(teaches & set(requires or ()) for requires in found):
            return ""
        return super().refuses(author, steps)

    def named(self, names: list[str]) -> QuerySet[ForcedEnd]:
        """Find by machine: a name is a machine's, a member's and a session's."""
        return ForcedEnd.objects.filter(machine__in={name.split("/", 1)[0] for name in names})

    def sites(self, names: list[str]) -> dict[str, set[str]]:
        """Return where their machines are."""
        of_machines = sites_of_machines([name.split("/", 1)[0] for name in names])
        return {name: of_machines.get(name.split("/", 1)[0], set()) for name in names}

    def belonging_to(self, kind: str, names: list[str]) -> Iterable[ForcedEnd]:
        """Find those that are for one of these members."""
        return ForcedEnd.objects.filter(member__in=names) if kind == "member" else ()


def training_words() -> frozenset[str]:
    """Return the words, folded, by which trainings are known."""
    known = Training.objects.values_list("pk", "name")
    return frozenset(fold(word) for pair in known for word in pair) - {""}


def _is_lock(before: protocol.Machine | None, after: protocol.Machine | None) -> bool:
    """Return whether a machine is locked or unlocked, and nothing else."""
    if before is None or after is None:
        return False
    return after == msgspec.structs.replace(before, locked=after.locked, now=after.now)


def sites_of_machines(names: list[str]) -> dict[str, set[str]]:
    """Return where machines are; those that no controller switches are left out."""
    known = dict(Machine.objects.exclude(device=None).values_list("pk", "device__site"))
    return {name: {known[name]} for name in names if name in known}


def _sites_of_trainings(names: list[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in names}
    for requires, site in Machine.objects.exclude(device=None).values_list("requires", "device__site"):
        for training in requires or ():
            if training in found:
                found[training].add(site)
    return found


KINDS = (Trainings(), Machines(), Certifications(), ForcedEnds())
