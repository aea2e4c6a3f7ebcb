"""`loquet completion`: let the shell complete commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from common.texts import _


@click.command(
    help=_(
        "Print what makes a shell complete `loquet` commands and options.\n\n"
        "For bash: loquet completion bash >> ~/.bashrc, then open a new terminal."
    )
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a completion script."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(_("there is no completion for {shell}").format(shell=shell))
    click.echo(kind(ctx.find_root().command, {}, "loquet", "_LOQUET_COMPLETE").source())
