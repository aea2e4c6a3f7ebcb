"""What a display says: made for its size, on as many pages as that takes. Nothing is cut off."""

from __future__ import annotations

import textwrap
from typing import Final

from common.texts import N_, _, ngettext
from controller.indication.views import View
from controller.settings import Names
from controller.station.events import Signal
from protocol import amounts, price, sentences
from protocol.access import Reason
from protocol.sentences import duration

NARROW: Final = 2  # rows on which there is no room for the machine's name
MOST: Final = 5  # pages: a note of two hundred characters need not be read to its end there

Page = list[str]

SAYINGS: Final = {
    Signal.STARTING_UP: N_("starting up ..."),
    Signal.IDLE: N_("free; lay your badge on the reader"),
    Signal.OFFLINE: N_("free; no line to the server"),
    Signal.AWAITING: N_("now the badge"),
    Signal.TEACHING: N_("now each badge"),
    Signal.LEAVING: N_("about to end"),
    Signal.REPORTED: N_("noted: thank you"),
    Signal.WARNING: N_("about to end"),
    Signal.LOCKED: N_("locked: {note}"),
    Signal.FAULT: N_("out of order: {note}"),
    Signal.READER_LOST: N_("the reader does not answer; tell a fabmanager"),
}
SECONDS: Final = {
    Reason.SUPERVISION_NEEDED.value: N_("now a trainer's badge"),
    Reason.BUDDY_NEEDED.value: N_("now a second member's badge"),
}
# The same where there are two rows, for those that would take more.
SHORT: Final = {
    Signal.IDLE: N_("free: lay your badge"),
    Signal.OFFLINE: N_("free; no line"),
    Signal.READER_LOST: N_("no reader: ask a fabmanager"),
}


def shown_name(name: str, names: Names) -> str:
    """Shorten a name to what the settings allow."""
    words = name.split()
    match names:
        case Names.FULL:
            return name
        case Names.FIRST:
            return words[0] if words else ""
        case Names.INITIALS:
            return "".join(word[0].upper() + "." for word in words)
        case Names.NONE:
            return ""


def pages(view: View, title: str, names: Names, size: tuple[int, int]) -> list[Page]:
    """Put a view on pages of so many columns and rows; of several, whoever shows them turns them."""
    said = _refused(view, size) if view.denied else [_lasting(view, title, names, size[1])]
    made = [page for sentences_ in said for page in _pages_of(sentences_, size)]
    if len(made) > MOST:
        made = made[:MOST]
        made[-1][-1] = f"{made[-1][-1].rstrip()[: size[0] - 1]}…".ljust(size[0])
    return made


def _refused(view: View, size: tuple[int, int]) -> list[list[str]]:
    """Return why a tap was refused: in full where that fits, else in short; on several pages, what helps first."""
    columns, rows = size
    if len(_wrapped([view.denied], columns)) <= rows or not all(view.short):
        return [[view.denied]]
    why, helps = view.short
    return [[why, helps]] if len(_wrapped([why, helps], columns)) <= rows else [[helps], [why]]


def _lasting(view: View, title: str, names: Names, rows: int) -> list[str]:
    """Return how the machine is, and who uses it."""
    is_narrow = rows <= NARROW
    name = shown_name(view.name, names)
    said = [*([] if is_narrow else [title]), *([name] if name else [])]
    if view.age is not None and view.signal in {Signal.IDLE, Signal.OFFLINE}:
        old = ngettext("list {count} day old", "list {count} days old", view.age)
        if is_narrow:
            old = ngettext("list: {count} day", "list: {count} days", view.age)
        said += [_("free"), old.format(count=view.age)]
    elif view.typed is not None:
        said = [*([] if is_narrow else said), _("your PIN, then #"), "*" * view.typed]
    elif view.lacks:
        said.append(_(SECONDS[view.lacks]))
    elif view.signal is Signal.LOCKED and not view.note:
        said.append(_("closed: not set up") if is_narrow else _("closed: nobody has said yet what it asks for"))
    elif is_narrow and view.signal in SHORT:
        said.append(_(SHORT[view.signal]))
    elif view.signal in SAYINGS:
        said.append(_(SAYINGS[view.signal]).format(note=sentences.fault(view.note)))
    if view.count:
        said.append(_("{count} let in").format(count=view.count))
    return said + _times(view) + ([] if is_narrow else _rates(view))


def _wrapped(said: list[str], columns: int) -> list[str]:
    return [row for sentence in said for row in textwrap.wrap(sentence, columns, break_on_hyphens=False) or [""]]


def _pages_of(said: list[str], size: tuple[int, int]) -> list[Page]:
    columns, rows = size
    wrapped = [row.ljust(columns) for row in _wrapped(said, columns) or [""]]
    wrapped += [" " * columns] * (-len(wrapped) % rows)
    return [wrapped[start : start + rows] for start in range(0, len(wrapped), rows)]


def _times(view: View) -> list[str]:
    if view.used is None:
        return []
    ends = view.signal in {Signal.WARNING, Signal.LEAVING} and view.left is not None  # then only that counts
    used = _("used {time}").format(time=duration(view.used))
    if view.cost.prices:
        so_far = price.price(view.cost.prices, price.Used(view.used, view.cost.busy, view.cost.energy))
        used = f"{duration(view.used)}, {amounts.amount(price.total(so_far))}"
    left = [_("left {time}").format(time=duration(view.left))] if view.left is not None else []
    return left if ends else [used, *left]


def _rates(view: View) -> list[str]:
    """Say what the machine costs anybody, before somebody uses it, where there is room for it."""
    is_before = view.used is None and view.signal in {Signal.IDLE, Signal.OFFLINE, Signal.AWAITING}
    return amounts.rates(view.cost.prices) if is_before else []
