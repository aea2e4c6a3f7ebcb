"""What is wrong with a sheet, with a line, with a cell."""

from __future__ import annotations

from typing import Final

import msgspec

from common.errors import LoquetError
from common.texts import NP_

MAX_ERRORS: Final = 50


class BadLine(msgspec.Struct, frozen=True):
    """What is wrong with one line of a sheet."""

    line: int
    error: LoquetError


class SheetError(LoquetError, ValueError):
    """A sheet that cannot be read; `lines` names each bad line."""

    def __init__(self, template: str, lines: tuple[BadLine, ...] = (), **parameters: object) -> None:
        super().__init__(template, **parameters)
        self.lines = lines


class CellError(LoquetError, ValueError):
    """What is wrong with one cell."""


def hold(bad: list[BadLine]) -> None:
    """Refuse a sheet that has bad lines. Raises SheetError, which names them."""
    if bad:
        raise SheetError(
            NP_("nothing was imported: {count} line needs a look", "nothing was imported: {count} lines need a look"),
            tuple(sorted(bad, key=lambda each: each.line)[:MAX_ERRORS]),
            count=len(bad),
        )
