"""`loquet enrol`: take this controller into a workshop's server, by a code from its page Controllers."""

from __future__ import annotations

import contextlib
import os
import secrets
import ssl
from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from common.errors import LoquetError
from common.texts import N_, _
from controller.commands import options
from controller.commands.options import ProgressBar
from controller.control import client
from controller.settings import Settings, load
from controller.store import database
from controller.store.key import join_ring

if TYPE_CHECKING:
    from controller.sync.identity import Identity
    from protocol.messages import Code, Enrol, Enrolled, Hello
    from protocol.rows import AnyRow

ROWS: Final = 1_000  # in one message
TIMEOUT_S: Final = 10.0


class EnrolError(LoquetError):
    """This controller cannot be enrolled."""


@click.command(
    help=_(
        "Enrol this controller with a server. The page Controllers there shows a code, once; type it here, or paste "
        "it. From then on the server keeps the whitelist, and usage goes there by itself whenever there is a line.\n\n"
        "What this controller knew so far is proposed to the server: the page Import there shows it. Badges stay "
        "readable. "
        "Trying again does no harm."
    )
)
@click.argument("code")
@options.config
@click.option("--again", is_flag=True, help=_("With a new identity, where this controller is enrolled already."))
@click.option("--yes", is_flag=True, help=_("Do not ask whether the server's fingerprint is the right one."))
def enrol(code: str, config: Path, again: bool, yes: bool) -> None:
    """Enrol this controller."""
    from protocol.messages import read_code  # noqa: PLC0415 - signatures are of no use before

    settings = load(config)
    read = read_code(code)
    with as_owner(settings):
        identity = _identity(settings, read, again=again)
        enrolled = _ask(settings, read, identity)
        _propose(settings, identity, again=again)
    tell_daemon(settings)
    click.echo(_('enrolled as "{name}" ({device})').format(name=enrolled.name, device=enrolled.device))
    if enrolled.settings and not yes and enrolled.settings != _text(settings):
        click.echo(
            _("the server has the settings of the controller that this one replaces: {path}").format(
                path=settings.data_dir / "controller.toml.from-server"
            )
        )


@contextlib.contextmanager
def as_owner(settings: Settings) -> Iterator[None]:
    """As root, write as whoever the daemon runs as."""
    before = os.geteuid(), os.getegid()
    settings.data_dir.mkdir(mode=0o750, parents=True, exist_ok=True)
    client.become_owner(settings.data_dir)
    try:
        yield
    finally:
        os.seteuid(before[0])
        os.setegid(before[1])


def _identity(settings: Settings, code: Code, *, again: bool) -> Identity:
    """Make who we are, or go on with what an earlier try made. Raises EnrolError."""
    from controller.sync import identity as identities  # noqa: PLC0415
    from protocol.signing import SealingKey, SigningKey, VerifyKey, decoded, encoded  # noqa: PLC0415

    hello, certificate = _meet(code)
    if VerifyKey(decoded(hello.key)).fingerprint != code.fingerprint:
        raise EnrolError(
            N_("{address} is not the server that made this code: its key has another fingerprint"), address=code.address
        )
    if hello.certificate and hello.certificate != certificate:
        raise EnrolError(
            N_("somebody stands between this controller and {address}: its certificate is another's"),
            address=code.address,
        )
    found = None if again else identities.load(settings.data_dir)
    if found is not None and found.device and found.server != hello.key:
        raise EnrolError(
            N_("this controller is enrolled with {address} already; say --again to leave it"), address=found.address
        )
    signing = found.signing if found else encoded(SigningKey().raw)
    sealing = found.sealing if found else encoded(SealingKey().raw)
    device = found.device if found else ""
    identity = identities.Identity(code.address, hello.key, hello.certificate, signing, sealing, device)
    identities.save(settings.data_dir, identity)  # before it is sent: trying again reuses the key
    return identity


def _meet(code: Code) -> tuple[Hello, str]:
    """Ask the server who it is, before anything is believed: its word, its certificate's SHA-256. Raises EnrolError."""
    import socket  # noqa: PLC0415

    import requests  # noqa: PLC0415

    from common.http import Session  # noqa: PLC0415
    from controller.sync.line import Pinned, check_answer  # noqa: PLC0415
    from protocol import messages, signing  # noqa: PLC0415

    host, _sep, port = code.address.rpartition(":")
    if not host:
        host, port = code.address, "443"
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # its key's fingerprint is asked for instead
    try:
        with (
            socket.create_connection((host.strip("[]"), int(port)), TIMEOUT_S) as link,
            context.wrap_socket(link, server_hostname=host.strip("[]")) as tls,
        ):
            certificate = sha256(tls.getpeercert(binary_form=True) or b"").hexdigest()
        target, nonce = f"{messages.PREFIX}/hello", secrets.token_hex(16)
        with Session() as session:
            session.trust_env = False
            session.mount("https://", Pinned(certificate))  # the same server answers, on whatever connection
            answer = session.get(
                f"https://{code.address}{target}",
                headers={signing.NONCE: nonce},
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
        hello: Hello = messages.read(messages.Hello, answer.content)
        check_answer(signing.VerifyKey(signing.decoded(hello.key)), answer, target, nonce, answer.content)
    except (OSError, ValueError, requests.RequestException) as error:
        raise EnrolError(
            N_("{address} does not answer ({error}); is the server running, and in the same network?"),
            address=code.address,
            error=error,
        ) from error
    else:
        return hello, certificate


def _ask(settings: Settings, code: Code, identity: Identity) -> Enrolled:
    """Prove the code; keep what the server gives."""
    import msgspec  # noqa: PLC0415

    from controller.sync import identity as identities  # noqa: PLC0415
    from controller.sync.line import ServerLine  # noqa: PLC0415
    from protocol import messages  # noqa: PLC0415
    from protocol.signing import SealingKey, SigningKey, decoded, encoded  # noqa: PLC0415

    signing, sealing = SigningKey(decoded(identity.signing)), SealingKey(decoded(identity.sealing))
    key, seal = signing.public.text, encoded(sealing.public)
    asked = asked_by(settings, code, messages.proof(code.secret, identity.server, key, seal), key, seal)
    line = ServerLine(msgspec.structs.replace(identity, device=""))
    enrolled: Enrolled = messages.read(messages.Enrolled, line.post("/enrol", messages.encode(asked)))
    line.close()
    join_ring(settings.data_dir, sealing.unseal(enrolled.ring))
    if enrolled.settings and enrolled.settings != asked.settings:
        (settings.data_dir / "controller.toml.from-server").write_text(enrolled.settings)
    identities.save(settings.data_dir, identity.taken_in(enrolled))
    return enrolled


def asked_by(settings: Settings, code: Code, proof: str, key: str, seal: str) -> Enrol:
    """Return what a controller says of itself when it asks to be taken in."""
    from protocol import messages  # noqa: PLC0415

    stations = tuple(messages.StationSaid(each.machine, each.name, each.mode.value) for each in settings.stations)
    return messages.Enrol(code.id, proof, key, seal, version("loquet"), stations, _text(settings))


def kept_alone(settings: Settings, *, again: bool = False) -> list[AnyRow]:
    """Return the rows that this controller has kept by itself; none where a server keeps them already."""
    from controller.store import served  # noqa: PLC0415
    from controller.store import whitelist as stored  # noqa: PLC0415
    from protocol.rows import FIRST  # noqa: PLC0415

    try:
        db = database.open_for_reading(settings.data_dir)
    except database.StorageError:
        return []  # it has never run
    try:
        if served.served(db) is not None and not again:
            return []
        # Whatever server this is, it knows these; other kinds it writes itself.
        return [cast("AnyRow", row) for row in stored.load(db).rows() if row.head() in FIRST]
    finally:
        db.close()


def _text(settings: Settings) -> str:
    try:
        return settings.path.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return ""


def _propose(settings: Settings, identity: Identity, *, again: bool = False) -> None:
    """Propose to the server what this controller has kept by itself."""
    from controller.sync.identity import load as load_identity  # noqa: PLC0415
    from controller.sync.line import ServerLine  # noqa: PLC0415
    from protocol import messages  # noqa: PLC0415

    rows = kept_alone(settings, again=again)
    if not rows:
        return
    line = ServerLine(load_identity(settings.data_dir) or identity)
    with ProgressBar(_("proposing")) as progress:
        for start in range(0, len(rows), ROWS):
            part = tuple(rows[start : start + ROWS])
            line.post("/proposals", messages.encode(messages.Proposals(part, len(rows))))
            progress(start + len(part), len(rows))
    line.close()


def tell_daemon(settings: Settings) -> None:
    """Have the daemon speak to the server, where it runs."""
    link = client.connect(settings)
    if link is None:
        click.echo(_("the controller does not run; it speaks to the server once it is started"))
        return
    link.close()
    client.ask_one(settings, {"do": "enrolled"})
