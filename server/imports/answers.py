"""What a person said about a sheet: kept with it, so that the next look is over the same answers."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import msgspec
from django.http import QueryDict

from common.texts import N_
from protocol.sheets.cells import read_day
from protocol.sheets.columns import Columns, Meaning
from protocol.sheets.people import AS_IT_STANDS
from server.core.forms import FormError

MOST: Final = 2_000  # answers of one kind
LEFT_OUT: Final = "-"


class Answers(msgspec.Struct):
    """badges: by the name of a doubt, the number, "" to leave it out. trainings: by word, an id, "" to leave it out.

    without_bad: lines that are wrong are left out. until: the last day of those of whom the sheet says none.
    whole: whoever is missing loses access, but for those of `kept`; sure: though they are many.
    """

    badges: dict[str, str] = {}
    trainings: dict[str, str] = {}
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
    if not any(name.startswith("column-") for name in post):
        return before
    said = {int(name[7:]): str(value) for name, value in post.items() if name[:7] == "column-" and name[7:].isdecimal()}
    return {index: Meaning(value) for index, value in sorted(said.items()) if value in set(Meaning)}


def said(post: QueryDict, before: Answers) -> Answers:
    """Return what a form answers, over what was answered before. Raises FormError."""
    badges = dict.fromkeys(map(str, post.getlist("right")[:MOST]), AS_IT_STANDS) | _by_name(post, "badge-", 200)
    trainings = {word: "" if said == LEFT_OUT else said for word, said in _by_name(post, "training-", 64).items()}
    found = msgspec.structs.replace(
        before,
        badges={**before.badges, **{name: "" if said == LEFT_OUT else said for name, said in badges.items()}},
        trainings={**before.trainings, **trainings},
    )
    if "asked" in post:  # a box that is not ticked says nothing by itself
        found.without_bad = before.without_bad or "without_bad" in post
        found.whole = "whole" in post
        found.sure = "sure" in post
        found.kept = [str(each)[:64] for each in post.getlist("kept")[:MOST]]
        found.until = _day(str(post.get("until", "")))
    return found


def _by_name(post: QueryDict, head: str, most: int) -> dict[str, str]:
    """Return the fields of a kind that say something."""
    found = {name[len(head) :]: str(value).strip() for name, value in post.items() if name.startswith(head)}
    if len(found) > MOST or any(len(name) > 200 or len(value) > most for name, value in found.items()):  # noqa: PLR2004
        raise FormError(N_("this form says more than one can"))
    return {name: value for name, value in found.items() if value}


def _day(text: str) -> date | None:
    if len(text) > 40:  # noqa: PLR2004 - a day's letters
        raise FormError(N_("this form says more than one can"))
    return read_day(text)
