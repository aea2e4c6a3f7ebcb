"""The `loquet` command: one module a sub-command, gathered from the entry-point group `loquet.commands`."""

from __future__ import annotations

import gettext
import io
import os
import sys
from importlib.metadata import entry_points
from typing import Any, Final

import click

from common.commands import SETTINGS, Group, JSONError, is_for_a_script, settings_option
from common.errors import LoquetError
from common.texts import LOCALE, _, language, speak, translate
from controller.commands.summaries import SUMMARIES
from controller.house import language_of_house

GROUP: Final = "loquet.commands"


class Gathered(Group):
    """Loads a sub-command only when it is asked for, and turns our errors into sentences."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Name the sub-commands that are installed."""
        return sorted(entry.name for entry in entry_points(group=GROUP))

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one sub-command."""
        for entry in entry_points(group=GROUP, name=cmd_name):
            command: click.Command = entry.load()
            return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line for each sub-command, without loading those that are ours."""
        names = self.list_commands(ctx)
        width = formatter.width - 6 - max(map(len, names), default=0)
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, self._summary(ctx, name, width)) for name in names])

    def _summary(self, ctx: click.Context, name: str, width: int) -> str:
        if name in SUMMARIES:
            return _(SUMMARIES[name])
        command = self.get_command(ctx, name)
        return "" if command is None else command.get_short_help_str(width)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own signature
        """Run; what goes wrong is one sentence on standard error, and exit status 1. For a script it is JSON."""
        if not is_for_a_script(ctx.args):
            return self._invoke(ctx)
        try:
            return self._invoke(ctx)
        except click.ClickException as error:
            raise JSONError(error) from error

    def _invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - likewise
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            if ctx.invoked_subcommand == "run":
                raise
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # `loquet journal | head` is no error
            return None
        except Exception as error:
            told = _sentence(error)
            if told is None:
                raise
            raise click.ClickException(told) from error


def _sentence(error: Exception) -> str | None:
    """Return what a person is told of an error; None where it is click's, or a mistake of ours."""
    import sqlite3  # noqa: PLC0415 - what help does not need

    import msgspec  # noqa: PLC0415

    from drivers.contracts import DriverError  # noqa: PLC0415

    if isinstance(error, LoquetError | DriverError):
        return translate(error)
    if isinstance(error, sqlite3.Error | msgspec.DecodeError):
        return _(
            "the database cannot be read whole ({error}); stop the controller, and keep a copy of data_dir"
        ).format(error=error)
    if isinstance(error, OSError | UnicodeError):
        return str(error).encode("ascii", "backslashreplace").decode()
    return None


speak(language_of_house(sys.argv[1:]))
# click asks gettext for its own words ("Usage:", "Options"): they come from the same catalogue.
os.environ["LANGUAGE"] = language()
gettext.bindtextdomain("loquet", LOCALE)
gettext.textdomain("loquet")

loquet = Gathered(
    name="loquet",
    help=_(
        "The latch on a workshop's machines.\n\n"
        "Reads badges, checks the local whitelist, switches relays, keeps a journal of usage. "
        "A first evening:\n\n"
        "\b\n"
        "  loquet check              settings and hardware\n"
        "  loquet read               what badge is this?\n"
        "  loquet whitelist require  which trainings a machine asks for\n"
        "  loquet whitelist grant    who has them\n"
        "  loquet run                go\n\n"
        "Loquet decides who may use a machine. It is not a safety function: emergency stops and guards "
        "are wired to cut the power without it."
    ),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
click.version_option(package_name="loquet", prog_name="loquet")(loquet)
loquet.params.append(settings_option("LOQUET_CONFIG", _(SETTINGS)))


def main() -> None:
    """Run the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a letter shows its number
    loquet(prog_name="loquet")
