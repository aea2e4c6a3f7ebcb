"""What every command line of the house does alike: it suggests, and tells scripts of errors in JSON."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import click

from common.texts import N_, _

SETTINGS: Final = N_("Settings file; LOQUET_CONFIG, or /etc/loquet/controller.toml where none is named.")


class JSONError(click.ClickException):
    """An error for a script: one line of JSON on standard output, as its answer would have been."""

    def __init__(self, error: click.ClickException) -> None:
        super().__init__(error.format_message())
        self.exit_code = error.exit_code  # type: ignore[misc]

    def show(self, file: Any = None) -> None:  # noqa: ANN401 - click's own signature
        """Print it."""
        click.echo(json.dumps({"error": self.message}, ensure_ascii=False), file=file)


def settings_option(variable: str, text: str) -> click.Option:
    """Make a `--config` for whatever follows it: so it may stand before a command's name as well as after it.

    variable: of the environment, which names the settings for everybody.
    """

    def use(ctx: click.Context, _param: click.Parameter, config: Path | None) -> None:
        if config is None:
            return
        before = os.environ.get(variable)
        os.environ[variable] = str(config.absolute())
        ctx.call_on_close(lambda: _put_back(variable, before))

    path = click.Path(path_type=Path, dir_okay=False)
    return click.Option(
        ["--config"], type=path, metavar="FILE", expose_value=False, is_eager=True, callback=use, help=text
    )


def _put_back(variable: str, before: str | None) -> None:
    if before is None:
        os.environ.pop(variable, None)
    else:
        os.environ[variable] = before


class Group(click.Group):
    """Commands under one name. A mistyped one is told of with what may have been meant."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is asked for. Raises UsageError."""
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and self.get_command(ctx, name) is None:
            told = _("No such command {name!r}.").format(name=name)
            if meant := self._meant(ctx, name):
                told += " " + _("Did you mean {possibility}?").format(possibility=f"`{meant}`")
            raise click.UsageError(told, ctx)
        return super().resolve_command(ctx, args)

    def _meant(self, ctx: click.Context, name: str) -> str:
        """Return what somebody may have meant, in full: also what stands in one of the groups here."""
        here = self.list_commands(ctx)
        if close := get_close_matches(name.lower(), here, 1):
            return f"{ctx.command_path} {close[0]}"
        groups = []
        for head in here:
            with contextlib.suppress(ImportError):  # of a part that is not installed here
                if isinstance(group := self.get_command(ctx, head), click.Group):
                    groups.append((head, group))
        inside = {
            each: f"{ctx.command_path} {head} {each}" for head, group in groups for each in group.list_commands(ctx)
        }
        close = get_close_matches(name.lower(), inside, 1)
        return inside[close[0]] if close else ""


def is_for_a_script(arguments: Iterable[str]) -> bool:
    """Return whether what was typed asks for JSON."""
    return "--json" in arguments
