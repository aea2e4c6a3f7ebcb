"""Member lists as people keep them, and as other programs export them: columns, persons, rows of the whitelist.

`read` is for whoever has a file and nobody to ask; the server's page asks (`server/imports/`).
"""

from __future__ import annotations

import secrets
import tomllib
from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from common.texts import N_
from protocol.rows import Row, Training
from protocol.sheets import columns, guessing, people, tables
from protocol.sheets.badges import Number
from protocol.sheets.cells import read_day
from protocol.sheets.errors import BadLine, CellError, SheetError, hold
from protocol.sheets.laying import lay
from protocol.sheets.matching import Members, Trainings
from protocol.sheets.people import Person, Sheet, Unread
from protocol.sheets.tables import MAX_BYTES
from protocol.whitelist import Whitelist

__all__ = ["MAX_BYTES", "BadLine", "CellError", "List", "Person", "SheetError", "read", "read_day", "read_mapping"]

FAB_MANAGER: Final = "Fab-manager"


class List(msgspec.Struct, frozen=True):
    """A member list that was read, with nobody to ask about it; unread: the columns that nobody reads."""

    sheet: Sheet
    unread: tuple[Unread, ...] = ()
    trainings: dict[str, str] = {}
    is_numbered: bool = False

    @property
    def people(self) -> tuple[Person, ...]:
        """Its people."""
        return self.sheet.people

    @property
    def cards(self) -> tuple[Number, ...]:
        """Every badge that it names, once."""
        return self.sheet.cards

    def rows(self, hashes: Mapping[Number, str], before: Whitelist) -> list[Row]:
        """Return whitelist rows: what the list says laid over what was *before*. Raises SheetError.

        Whoever has no id, and whose name nobody bears, gets one that is no name.
        """
        taken = set(before.members)

        def fresh(_line: int) -> str:
            while (made := f"m-{secrets.token_hex(3)}") in taken:
                pass
            taken.add(made)
            return made

        def may_make(word: str) -> bool:
            if self.is_numbered and word.isdigit():
                raise CellError(
                    N_('Fab-manager\'s training {number} has no name here; add {number} = "…" to --trainings'),
                    number=word,
                )
            return True

        known = {each: Training(each) for each in self.trainings.values()} | before.trainings
        trainings = Trainings(known.values(), self.trainings, may_make=may_make)
        found = lay(self.people, hashes, before, Members(before, fresh), trainings)
        hold(list(found.bad))
        return list(found.rows)


def read(raw: bytes, trainings: Mapping[str, str] | None = None, known: Collection[str] = ()) -> List:
    """Read a member list that is text. Raises SheetError, which names each bad line and each badge that is in doubt.

    trainings: Fab-manager's numbers of trainings to our ids; one that it lacks is an error of `rows`. known: the words,
    folded, by which trainings are known here.
    """
    table = tables.of_text(raw)
    guess = guessing.guess(table, known)
    columns.hold(guess.columns, table.headings)
    meant = {index: meaning for index, meaning in guess.columns.items() if meaning not in columns.PARTICULARS}
    sheet = people.read_people(table, meant)
    hold([*sheet.bad, *sheet.left, *(BadLine(each.line, each.error) for each in sheet.doubts)])
    unread = people.unread(table, meant, known)
    return List(sheet, unread, dict(trainings or {}), guess.system == FAB_MANAGER)


def read_mapping(raw: bytes) -> dict[str, str]:
    """Read the small file that names Fab-manager's trainings: lines as `12 = "laser"`. Raises SheetError."""
    try:
        document = tomllib.loads(raw.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SheetError(N_('the trainings file has lines as 12 = "laser": {error}'), error=error) from error
    for key, value in document.items():
        if not isinstance(value, str) or not value:
            raise SheetError(
                N_('the trainings file: {key} is to be followed by an id in quotes, as 12 = "laser"'), key=key
            )
    return document
