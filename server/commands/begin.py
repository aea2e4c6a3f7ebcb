"""`loquet server init|run|check|rekey|recover`."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from typing import TYPE_CHECKING, Any, Final

import click

from common.errors import LoquetError
from common.texts import N_, NP_, _, sentence, translate

if TYPE_CHECKING:
    from server.core.configuration import Configuration

LOW_BYTES: Final = 200_000_000
STEPS: Final = NP_(
    "{count} step to go: `loquet server init` takes it", "{count} steps to go: `loquet server init` takes them"
)
LEFT: Final = NP_("the last left {count} day ago", "the last left {count} days ago")


class MissingError(LoquetError, ImportError):
    """What the server needs is not installed."""


def set_up() -> Configuration:
    """Read the settings and bring Django up. Raises LoquetError."""
    try:
        from server.core import configuration  # noqa: PLC0415 - see the package's docstring

        found = configuration.load()
        os.environ["DJANGO_SETTINGS_MODULE"] = "server.core.settings"
        import django  # noqa: PLC0415

        django.setup()
    except ModuleNotFoundError as error:
        raise MissingError(
            N_('the server\'s parts are not installed ({error}); pip install "loquet[server]"'), error=error
        ) from error
    else:
        return found


def migrate() -> None:
    """Bring the database up to date."""
    from django.core.management import call_command  # noqa: PLC0415

    from server.core import former, state  # noqa: PLC0415

    former.adopt()
    call_command("migrate", verbosity=0, interactive=False)
    state.begin()


@click.command(
    help=_(
        "Make the server's keys, its certificate and its database, and print the link to the first visit. "
        "What is there already stays as it is."
    )
)
def init() -> None:
    """Make what the server needs."""
    configuration = prepare()
    from server.accounts import first_visit  # noqa: PLC0415

    click.echo(_("ready in {path}").format(path=configuration.data_dir))
    link = first_visit.link(configuration)
    if link is None:
        click.echo(_("somebody has an account already: {link}").format(link=configuration.link))
        return
    click.echo(_("start it with `loquet server run`, then open once:\n{link}").format(link=link))
    if configuration.server.certificate.value == "own":
        click.echo(
            _(
                "The browser will warn of the certificate, because the server made it itself: the first page says why "
                "that is all right here, and how to compare it."
            )
        )


def prepare() -> Configuration:
    """Make keys, certificate and database where there are none. Raises LoquetError, OSError."""
    found = make_files()
    migrate()
    return found


def make_files() -> Configuration:
    """Make keys and certificate where there are none, and bring Django up. Raises LoquetError, OSError."""
    try:
        from server.core import configuration, keys, tls  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise MissingError(
            N_('the server\'s parts are not installed ({error}); pip install "loquet[server]"'), error=error
        ) from error
    found = configuration.load()
    found.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    if found.sheets.parent == found.data_dir:  # elsewhere it is whose that writes into it
        found.sheets.mkdir(mode=0o700, exist_ok=True)
    if not (found.data_dir / keys.FILE).exists():
        keys.save(found.data_dir, keys.make())
    if found.server.certificate is configuration.Certificate.OWN and not (found.data_dir / tls.FILE).exists():
        tls.make(found.data_dir, found.names)
    set_up()
    return found


@click.command(help=_("Look whether everything is as it should be, and say what to do where it is not."))
@click.option("--json", "as_json", is_flag=True, help=_("For scripts: JSON."))
def check(as_json: bool) -> None:
    """Check the server."""
    found = _checks()
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        for each in found:
            click.echo(f"{'ok ' if each['ok'] else '!! '} {each['what']}: {each['said']}")
    if not all(each["ok"] for each in found):
        sys.exit(1)


def _checks() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def add(what: str, said: str, *, ok: bool = True) -> None:
        found.append({"what": what, "ok": ok, "said": said})

    try:
        configuration = set_up()
    except (LoquetError, OSError) as error:
        add(_("settings and keys"), translate(error), ok=False)
        return found
    add(_("settings and keys"), str(configuration.path if configuration.path.exists() else _("as shipped")))
    from django.db import DatabaseError, connection  # noqa: PLC0415
    from django.db.migrations.executor import MigrationExecutor  # noqa: PLC0415

    from server.operations import backup, certificates  # noqa: PLC0415

    free = shutil.disk_usage(configuration.data_dir).free
    add(_("disk"), _("{free} MB free").format(free=free // 1_000_000), ok=free > LOW_BYTES)
    wrong = certificates.trouble(configuration)
    add(_("certificate"), wrong or "ok", ok=not wrong)
    try:
        executor = MigrationExecutor(connection)
        due = executor.migration_plan(executor.loader.graph.leaf_nodes())
        said = sentence(STEPS, count=len(due)) if due else "ok"
        add(_("database"), said, ok=not due)
        if not due:
            days = backup.days_since_left()
            said = _("no backup has ever left this machine") if days is None else sentence(LEFT, count=days)
            add(_("backup"), said, ok=not backup.is_overdue())
    except DatabaseError as error:
        add(_("database"), str(error).strip(), ok=False)
    return found


@click.command(
    help=_(
        "Put a new badge key in force, after a controller's card was stolen. Controllers fetch it when they next "
        "speak to the server; badges hashed under the old ones stay readable. With --tls: make a new certificate "
        "instead; every controller must then be enrolled again."
    )
)
@click.option("--tls", "certificate", is_flag=True, help=_("A new certificate for the names of today."))
@click.option("--yes", is_flag=True, help=_("Do not ask."))
def rekey(certificate: bool, yes: bool) -> None:
    """Change keys."""
    configuration = set_up()
    from server.core import keys, tls  # noqa: PLC0415

    if certificate:
        if not yes:
            click.confirm(_("Every controller must be enrolled again. Go on?"), abort=True)
        tls.make(configuration.data_dir, configuration.names)
    else:
        keys.save(configuration.data_dir, keys.load(configuration.data_dir).with_new_badge_key())
    click.echo(_("done; restart the server: `sudo systemctl restart loquet-server`, or stop it and run it again"))


@click.command(
    help=_(
        "Let somebody in again: the colleague who knew the password has gone, or a telephone is lost. Gives an account "
        "a new password, the administrator's role and no second factor; prints the password once."
    )
)
@click.argument("username")
def recover(username: str) -> None:
    """Let somebody in again."""
    set_up()
    from axes.utils import reset  # noqa: PLC0415
    from django_otp import devices_for_user  # noqa: PLC0415

    from server.accounts.models import Account, AuditRecord, Role  # noqa: PLC0415

    account, made = Account.objects.get_or_create(username=username)
    password = secrets.token_urlsafe(12)
    account.set_password(password)
    account.role = Role.ADMINISTRATOR
    account.is_active = True
    account.save()
    for device in devices_for_user(account, confirmed=None):
        device.delete()
    reset(username=username)
    AuditRecord.objects.create(account="shell", what="recovered", about=username[:300])
    click.echo(_("made a new account") if made else _("found the account"))
    click.echo(_("{username} logs in with: {password}").format(username=username, password=password))
