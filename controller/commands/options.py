"""What the sub-commands share: options, tables, progress, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import click
from tabulate import tabulate

from common.commands import SETTINGS, settings_option
from common.errors import LoquetError
from common.texts import _, translate
from controller.house import default_path
from controller.store.edits import Progress
from protocol import sheets

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def of_group() -> click.Option:
    """Make a group's `--config`, for the commands in it."""
    return settings_option("LOQUET_CONFIG", _(SETTINGS))


config: Final[Decorator] = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    default=default_path,
    metavar="FILE",
    help=_(SETTINGS),
)
as_json: Final[Decorator] = click.option("--json", "as_json", is_flag=True, help=_("For scripts: JSON."))
machine: Final[Decorator] = click.option("--machine", metavar="ID", help=_("Only this machine."))


def day(_ctx: click.Context, _param: click.Parameter, value: str | None) -> date | None:
    """Read a day as people write it."""
    try:
        return sheets.read_day(value or "")
    except LoquetError as error:
        raise click.BadParameter(translate(error)) from error


def show_json(value: Any) -> None:  # noqa: ANN401 - JSON
    """Print one line of JSON, at once."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def show_table(rows: Sequence[Sequence[object]], headers: Sequence[str]) -> None:
    """Print a table."""
    click.echo(tabulate(rows, headers=headers, disable_numparse=True))


class ProgressBar:
    """A bar on standard error, for what takes more than one step. Nothing where nobody watches."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._bar: Any = None

    def __enter__(self) -> Progress:
        return self._step

    def __exit__(self, *_error: object) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)

    def _step(self, done: int, total: int) -> None:
        if self._bar is None:
            self._bar = click.progressbar(length=total, label=self._label, file=sys.stderr)
            self._bar.__enter__()
        self._bar.update(done - self._bar.pos)
