"""What a person said about a sheet: kept with it, so that the next look is over the same answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import msgspec
from django.http import QueryDict

from common.texts import N_
from protocol.sheets.cells import read_day
from protocol.sheets.columns import Columns, Meaning
from protocol.sheets.people import AS_IT_STANDS
from protocol.sheets.tables import MAX_LINES
from server.core.forms import FormError

MOST: Final = 2_000  # answers of one kind
LONGEST: Final = 200
LEFT_OUT: Final = "-"
NEW: Final = "+"  # a training of its own
_COLUMN: Final = re.compile(r"column-[0-9]{1,3}")


class Answers(msgspec.Struct):
    """What was said.

    badges: by the name of a doubt, the number, "" to leave it out. trainings: by word, an id, "" to leave it out. same:
    lines that are of whoever seems to be meant; all_same: all that bear somebody's name are. without_bad: lines that
    are wrong are left out. until: the last day of those of whom the sheet says none. whole: whoever is missing loses
    access, but for those of `kept`; sure: though they are many.
    """

    badges: dict[str, str] = {}
    trainings: dict[str, str] = {}
    same: list[int] = []
    all_same: bool = False
    without_bad: bool = False
    until: date | None = None
    whole: bool = False
    kept: list[str] = []
    sure: bool = False


def of(kept: dict[str, Any]) -> Answers:
    """Return answers as they were kept."""
    return msgspec.convert(kept, Answers)


def kept(answers: Answers) -> dict[str, Any]:
    """Return answers as they are kept."""
    found: dict[str, Any] = msgspec.to_builtins(answers)
    return found


def columns_said(post: QueryDict, before: Columns) -> Columns:
    """Return what a form says that columns mean; where it says nothing, it is as before."""
    said = {int(name[7:]): str(value) for name, value in post.items() if _COLUMN.fullmatch(name)}
    if not said:
        return before
    return {index: Meaning(value) for index, value in sorted(said.items()) if value in set(Meaning)}


def said(post: QueryDict, before: Answers, doubts: Sequence[str], words: Sequence[str]) -> Answers:
    """Return what a form answers, over what was answered before. Raises FormError.

    doubts, words: what the form asked about, in its order.
    """
    badges = {name: answer for at, name in enumerate(doubts) if (answer := _line(post, f"badge-{at}"))}
    right = {doubts[int(at)]: AS_IT_STANDS for at in post.getlist("right") if _is_below(at, len(doubts))}
    asked = {word: answer for at, word in enumerate(words) if (answer := _line(post, f"training-{at}"))}
    found = msgspec.structs.replace(
        before,
        badges={**before.badges, **right, **badges},
        trainings={**before.trainings, **{word: "" if said == LEFT_OUT else said for word, said in asked.items()}},
    )
    for word in {word for word, answer in asked.items() if answer == NEW}:
        found.trainings.pop(word, None)
    if "asked" in post:  # a box that is not ticked says nothing by itself
        found.whole = "whole" in post
        found.sure = "sure" in post
        found.all_same = "all_same" in post
        found.same = sorted({int(each) for each in post.getlist("same")[:MOST] if _is_below(each, MAX_LINES)})
        found.kept = [str(each)[:64] for each in post.getlist("kept")[:MOST]]
        found.until = read_day(_line(post, "until"))
    return found


def _line(post: QueryDict, name: str) -> str:
    text = str(post.get(name, "")).strip()
    if len(text) > LONGEST:
        raise FormError(N_("this form says more than one can"))
    return text


def _is_below(text: str, most: int) -> bool:
    """Return whether a text is a number below another one."""
    return text.isascii() and text.isdigit() and len(text) < 8 and int(text) < most  # noqa: PLR2004 - a line's digits
