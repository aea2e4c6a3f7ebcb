"""Asking people at a terminal: yes or no, one of several, a text, a number."""

from __future__ import annotations

import click
import msgspec

from common.texts import _


def text(question: str, default: str = "") -> str:
    """Ask for a text; the default where nothing is typed."""
    answer: str = click.prompt(question, default=default or None, show_default=bool(default)).strip()
    return answer


def yes(question: str, *, default: bool) -> bool:
    """Ask for yes or no, in the words of the language that is spoken."""
    yes, no = _("y"), _("n")
    shown = f"{yes.upper()}/{no}" if default else f"{yes}/{no.upper()}"
    while True:
        answer = click.prompt(f"{question} [{shown}]", default="", show_default=False).strip().lower()
        if not answer:
            return default
        if answer[0] in {yes, "y", no}:
            return answer[0] != no
        click.echo(_("Type {yes} or {no}.").format(yes=yes, no=no))


def choose(question: str, words: dict[str, str], default: str) -> str:
    """Ask for one of several, by number or by name."""
    click.echo(question)
    names = list(words)
    for number, name in enumerate(names, 1):
        click.echo(f"  {number}  {_(words[name])}")
    while True:
        answer = click.prompt(_("Which one"), default=str(names.index(default) + 1)).strip()
        if answer in names:
            return answer
        if answer.isdigit() and 1 <= int(answer) <= len(names):
            return names[int(answer) - 1]
        click.echo(_("Type a number from 1 to {most}.").format(most=len(names)))


def number(question: str, default: int, least: int, most: int) -> int:
    """Ask for a number between two, both allowed."""
    number: int = click.prompt(question, type=click.IntRange(least, most), default=default)
    return number


def fitting(question: str, kind: object, remedy: str, default: str = "") -> str:
    """Ask for a text that is of a kind that settings know (a type of msgspec's); else say what is, and ask again."""
    while True:
        answer = text(question, default)
        try:
            return msgspec.convert(answer, kind)  # type: ignore[no-any-return]
        except msgspec.ValidationError:
            click.echo(remedy)
