"""What a sheet would change, and what has to be asked about it: worked out anew after each answer."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final

import msgspec

from common.errors import LoquetError
from common.folding import fold, sort_key
from common.texts import N_, NP_, Plural
from protocol.rows import Badge, Certification, Member, Row
from protocol.sheets import columns as meanings
from protocol.sheets.columns import Columns
from protocol.sheets.errors import BadLine, SheetError
from protocol.sheets.laying import lay
from protocol.sheets.matching import Members, Trainings
from protocol.sheets.people import Person, Sheet, read_people, unread
from protocol.sheets.tables import Table
from protocol.whitelist import Whitelist
from server.core import clock
from server.edits import rows
from server.imports import filling
from server.imports.answers import Answers
from server.imports.filling import Values
from server.people.badges import known_hashes
from server.people.merging import aliases
from server.people.models import Member as People
from server.people.models import MergedMember
from server.whitelist.sameness.resembling import resembling

MANY: Final = 10  # of so many members may one lose access without being asked again
SHOWN: Final = 200  # of what a person is asked about or told of, line by line
MOST_NEW: Final = 100  # trainings that one sheet may make: more are no trainings

Said = dict[str, Any]  # an error, as it is kept


class Training(msgspec.Struct):
    """A word that no training here is known by. lines: how many say it; made: its id where one is made, else "".

    like: the one that it may be, "" where none comes near; said: what a person said, None where nobody did.
    """

    word: str
    lines: int
    made: str = ""
    like: str = ""
    said: str | None = None


class Plan(msgspec.Struct):
    """What a sheet would change. wrong, bad: why it cannot be taken over as it is.

    strangers: bad lines whose id is somebody's who is called otherwise; namesakes: lines of somebody new, with whoever
    bears that name here. fresh: ids in its rows that are still to be made; people: those whom its lines are about;
    endless: how many of the new ones have no end; lapsing: who has access, and would have none by the sheet's own days;
    missing: whom it lacks, if it is the whole truth; of how many members. particulars: what it fills that is empty;
    left: cells that say nothing.
    """

    wrong: Said | None = None
    bad: list[tuple[int, Said]] = []
    bad_count: int = 0
    without_bad: bool = False
    strangers: list[int] = []
    namesakes: list[tuple[int, str, str]] = []
    namesake_count: int = 0
    doubts: list[tuple[str, int, str, Said, bool]] = []
    doubt_count: int = 0
    ended: list[tuple[int, str]] = []
    ended_count: int = 0
    unread: list[tuple[str, str]] = []
    trainings: list[Training] = []
    fresh: list[str] = []
    people: int = 0
    endless: int = 0
    lapsing: list[str] = []
    missing: list[str] = []
    of_members: int = 0
    particulars: Values = {}
    left: list[tuple[int, Said]] = []
    left_count: int = 0
    days_said: bool = True

    @property
    def may_be_taken(self) -> bool:
        """Whether nothing has to be said first."""
        return self.wrong is None and (self.without_bad or not self.bad)

    @property
    def is_bold(self) -> bool:
        """Whether so many would lose access that somebody has to mean it."""
        return (len(self.missing) + len(self.lapsing)) * MANY > self.of_members


def keep(error: LoquetError) -> Said:
    """Return an error as it is kept until it is shown, in the language of whoever looks then."""
    template = error.template
    text = [template.one, str(template)] if isinstance(template, Plural) else [template]
    values = {
        key: {"error": keep(value)}
        if isinstance(value, LoquetError)
        else value
        if isinstance(value, int)
        else str(value)
        for key, value in error.parameters.items()
    }
    return {"text": text, "values": values}


def kept(said: Said) -> LoquetError:
    """Return an error that was kept."""
    text = said["text"]
    values = {key: kept(value["error"]) if isinstance(value, dict) else value for key, value in said["values"].items()}
    return LoquetError(NP_(*text) if len(text) > 1 else text[0], **values)


def make(
    table: Table, columns: Columns, answers: Answers, *, is_numbered: bool, quiet: Collection[str] = ()
) -> tuple[Plan, list[Row]]:
    """Work out what a sheet would change; nothing is where something has to be said first.

    quiet: headings of columns of which somebody has said before that they are not read.
    """
    try:
        meanings.hold(columns, table.headings)
    except SheetError as error:
        return Plan(wrong=keep(error)), []
    before = Whitelist(rows.everything())
    sheet = read_people(table, columns, answers.badges)
    same = {person.line for person in sheet.people} if answers.all_same else set(answers.same)
    members = Members(before, _fresh, _known_as(), same)
    trainings = Trainings(
        before.trainings.values(),
        answers.trainings,
        may_make=lambda word: not (is_numbered and word.isdigit()) and len(trainings.made) < MOST_NEW,
    )
    plan = _told(sheet, table, columns, trainings, quiet)
    people = tuple(_with_end(person, answers.until) for person in sheet.people)
    laid = lay(people, known_hashes(sheet.cards), before, members, trainings)
    _add_bad(plan, [*sheet.bad, *laid.bad], members, answers)
    plan.fresh, plan.people = members.made, len(set(laid.who.values()))
    plan.trainings = [_training(word, count, trainings, answers) for word, count in _first(trainings.unknown)]
    plan.particulars = filling.wanted(people, laid.who)
    put = rows.settled(laid.rows, enter=False)
    plan.endless = sum(isinstance(row, Member) and row.id not in before.members and row.until is None for row in put)
    current = {each.id for each in _current(before)}
    plan.of_members = len(current)
    plan.lapsing = [row.id for row in put if isinstance(row, Member) and row.id in current and _is_over(row)]
    if answers.whole:
        missing = _missing(before, set(laid.who.values()))
        plan.missing = [each.id for each in missing]
        plan.wrong = keep(_no_truth()) if plan.bad_count else None
        put += [_ended(each) for each in missing if each.id not in set(answers.kept)]
    here = rows.find(row.key for row in put)
    return plan, _by_person([row for row in put if here.get(row.key) != row])


def _add_bad(plan: Plan, bad: list[BadLine], members: Members, answers: Answers) -> None:
    """Have a plan say which lines are wrong, and which may be of somebody who is here."""
    plan.bad_count, plan.without_bad = len(bad), answers.without_bad
    plan.bad = [(each.line, keep(each.error)) for each in sorted(bad, key=lambda each: each.line)[:SHOWN]]
    plan.strangers = members.strangers[:SHOWN]
    plan.namesake_count = len(members.namesakes)
    some = dict(list(members.namesakes.items())[:SHOWN])
    names = dict(People.objects.filter(pk__in=some.values()).values_list("pk", "name"))
    plan.namesakes = [(line, names.get(id_, id_), id_) for line, id_ in some.items()]


def _first(unknown: Mapping[str, int]) -> list[tuple[str, int]]:
    return list(unknown.items())[:SHOWN]


def _known_as() -> dict[str, str]:
    """Return whose ids are that were merged, exact and folded."""
    gone = list(MergedMember.objects.values_list("pk", flat=True))
    now = aliases.resolve(gone)
    return {fold(each): now[each] for each in gone} | now


def _told(sheet: Sheet, table: Table, columns: Columns, trainings: Trainings, quiet: Collection[str]) -> Plan:
    """Return a plan that says what was not read as it stands."""
    return Plan(
        doubts=[(each.name, each.line, each.text[:60], keep(each.error), each.uid is not None)
                for each in sheet.doubts[:SHOWN]],
        doubt_count=len(sheet.doubts),
        ended=list(sheet.ended[:SHOWN]),
        ended_count=len(sheet.ended),
        left=[(each.line, keep(each.error)) for each in sheet.left[:SHOWN]],
        left_count=len(sheet.left),
        unread=[(each.heading, "" if meanings.heading(each.heading) in quiet else each.holds)
                for each in unread(table, columns, trainings.words)],
        days_said=meanings.Meaning.MEMBERSHIP_UNTIL in columns.values(),
    )  # fmt: skip


_FRESH: Final = f"line-{secrets.token_hex(8)}-"  # nobody's id begins so


def _fresh(line: int) -> str:
    """Return what stands for an id that is made once the sheet is taken over."""
    return f"{_FRESH}{line}"


def _with_end(person: Person, until: date | None) -> Person:
    return person if person.until is not None or until is None else msgspec.structs.replace(person, until=until)


def _training(word: str, count: int, trainings: Trainings, answers: Answers) -> Training:
    folded = fold(word)
    made = trainings.made[folded].id if folded in trainings.made else ""
    like = resembling(word, "", {each: each for each in trainings.words})
    known = trainings.known(like) if like else None
    return Training(word, count, made, "" if known is None else known.id, answers.trainings.get(word))


def _no_truth() -> LoquetError:
    return LoquetError(
        N_(
            "a sheet with lines that are left out is not the whole truth: whoever stands on them would lose access; "
            "mend these lines first"
        )
    )


def _current(before: Whitelist) -> list[Member]:
    """Return who has access today, as far as memberships go."""
    today = clock.today()
    return [
        each for each in before.members.values() if not each.excluded and (each.until is None or each.until >= today)
    ]


def _missing(before: Whitelist, present: set[str]) -> list[Member]:
    missing = [each for each in _current(before) if each.id not in present]
    return sorted(missing, key=lambda each: (sort_key(each.name or each.id), each.id))


def _is_over(member: Member) -> bool:
    return member.until is not None and member.until < clock.today()


def _ended(member: Member) -> Member:
    """Return a member whose membership is over since yesterday."""
    return msgspec.structs.replace(member, until=clock.today() - timedelta(days=1))


def person_of(row: Row) -> str:
    """Return whom a row is about; "" for what is nobody's."""
    match row:
        case Member():
            return row.id
        case Badge() | Certification():
            return row.member
    return ""


def _by_person(put: Iterable[Row]) -> list[Row]:
    """Return rows so that those of one person follow one another, in the order of the sheet."""
    groups: dict[str, list[Row]] = {}
    for row in put:
        groups.setdefault(person_of(row), []).append(row)
    return [*groups.pop("", []), *(row for group in groups.values() for row in group)]


def with_ids(put: list[Row], ids: Mapping[str, str]) -> list[Row]:
    """Return rows in which ids that were still to be made are those that were made."""
    found: list[Row] = []
    for row in put:
        match row:
            case Member() if row.id in ids:
                found.append(msgspec.structs.replace(row, id=ids[row.id]))
            case Badge() | Certification() if row.member in ids:
                found.append(msgspec.structs.replace(row, member=ids[row.member]))
            case _:
                found.append(row)
    return found
