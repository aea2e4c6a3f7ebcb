"""The server's settings file: strict, and loud about what is wrong.

Everything has a default, so that there may be no file at all.
"""

from __future__ import annotations

import os
import socket
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import dj_database_url
import msgspec

from common.strict import SettingsError, convert, days, no_other_keys
from common.texts import N_

DEFAULT_FILE: Final = Path("/etc/loquet/server.toml")
FILE: Final = "LOQUET_SERVER_CONFIG"
DATABASE_URL: Final = "DATABASE_URL"
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
MAX_BYTES: Final = 64 * 1024

Folder = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Host = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9.:_-]+$")]


class Certificate(StrEnum):
    """How browsers and controllers know the server."""

    OWN = "own"
    FILES = "files"
    PROXY = "proxy"


class ServerTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [server]. contact: to whom members write about their data, as the page Privacy says it."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)] = "Loquet"
    data_dir: Folder = "/var/lib/loquet-server"
    listen: Host = "0.0.0.0"  # noqa: S104 - a workshop's other controllers are to find it
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 8443
    hosts: Annotated[list[Host], msgspec.Meta(max_length=20)] = []
    language: Literal["en", "fr"] = "en"
    timezone: str = "Europe/Paris"
    certificate: Certificate = Certificate.OWN
    contact: Annotated[str, msgspec.Meta(max_length=200)] = ""
    certificate_file: str = ""
    key_file: str = ""


class BackupTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [backup]: to: a folder on another disk, or a mounted share."""

    to: Annotated[str, msgspec.Meta(max_length=200)] = ""
    keep: Annotated[int, msgspec.Meta(ge=1, le=365)] = 14


class RetentionTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [retention]."""

    passages: int | str = "90 d"
    usage: int | str = "3 y"
    traces: int | str = "1 y"


class Security(StrEnum):
    """How a mail server is spoken to (RFC 8314): TLS from the first byte, STARTTLS, or in clear on this machine."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


class MailTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [mail]: the server that takes our letters; "" for none."""

    host: Annotated[str, msgspec.Meta(max_length=255, pattern=r"^[A-Za-z0-9.:_-]*$")] = ""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    security: Security = Security.STARTTLS
    user: Annotated[str, msgspec.Meta(max_length=200)] = ""
    password: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    sender: Annotated[str, msgspec.Meta(max_length=254)] = ""


class Configuration(msgspec.Struct, frozen=True):
    """All that the file says. Periods in days, None: for good."""

    server: ServerTable
    backup: BackupTable
    passages: int | None
    usage: int | None
    traces: int | None
    path: Path
    mail: MailTable = MailTable()

    @property
    def data_dir(self) -> Path:
        """Where the database, the keys and the backups are; relative to the settings file."""
        return self.path.parent / self.server.data_dir

    @property
    def names(self) -> list[str]:
        """Every name and address under which it may be asked for."""
        host = socket.gethostname().lower()
        found = ["localhost", "127.0.0.1", "::1", host, f"{host.split('.', 1)[0]}.local", "loquet.local"]
        return list(dict.fromkeys([*map(_without_port, self.server.hosts), *found, *_addresses()]))

    @property
    def address(self) -> str:
        """Where browsers find it, as the links have it that commands print; behind a proxy its port is the proxy's."""
        host = self.server.hosts[0] if self.server.hosts else f"{socket.gethostname().split('.', 1)[0].lower()}.local"
        if self.server.certificate is Certificate.PROXY:
            return host
        return f"{_without_port(host)}:{self.server.port}"

    @property
    def link(self) -> str:
        """Where a browser on this network finds it now: a name that somebody chose, else this machine's address."""
        if self.server.hosts or self.server.certificate is Certificate.PROXY:
            return f"https://{self.address}/"
        everywhere = self.server.listen in {"0.0.0.0", "::"}  # noqa: S104 - it is compared
        here = [*_addresses(), "localhost"][0] if everywhere else self.server.listen
        return f"https://{f'[{here}]' if ':' in here else here}:{self.server.port}/"


def _without_port(host: str) -> str:
    """Leave out the port of a name or an IPv4 address; an IPv6 address has none here."""
    return host.partition(":")[0] if host.count(":") == 1 else host


def _addresses() -> list[str]:
    """Return this machine's own address in the local network, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing: the kernel says from where it would
            return [str(probe.getsockname()[0])]
        except OSError:
            return []


def path() -> Path:
    """Return LOQUET_SERVER_CONFIG, or the usual place."""
    return Path(os.environ.get(FILE) or DEFAULT_FILE)


def load() -> Configuration:
    """Read and check the settings file. Raises SettingsError."""
    file = path()
    if not file.exists() and FILE not in os.environ:
        return read({}, file)
    try:
        raw = file.read_bytes()
        document = tomllib.loads(raw.decode())
    except OSError as error:
        raise SettingsError(
            N_("{path} cannot be read ({error}); name another with --config FILE or LOQUET_SERVER_CONFIG"),
            path=file,
            error=error.strerror,
        ) from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(N_("{path} is not valid TOML: {error}"), path=file, error=error) from error
    if len(raw) > MAX_BYTES:
        raise SettingsError(N_("{path} is no settings file: it is larger than 64 kB"), path=file)
    return read(document, file)


def read(document: dict[str, object], file: Path) -> Configuration:
    """Check what a settings file says. Raises SettingsError."""
    no_other_keys(document, ("server", "backup", "retention", "mail"), str(file))
    server = convert(document.get("server", {}), ServerTable, "[server]")
    backup = convert(document.get("backup", {}), BackupTable, "[backup]")
    kept = convert(document.get("retention", {}), RetentionTable, "[retention]")
    mail = convert(document.get("mail", {}), MailTable, "[mail]")
    if mail.host and "@" not in mail.sender:
        raise SettingsError(N_('[mail] needs a sender: sender = "workshop@example.org"'))
    if mail.user and mail.security is Security.NONE and mail.host not in LOOPBACK:
        raise SettingsError(N_('[mail], security: "none" would send a password in clear; use "starttls"'))
    try:
        ZoneInfo(server.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SettingsError(
            N_('[server], timezone: "{zone}" is not a time zone; one is "Europe/Paris"'), zone=server.timezone
        ) from error
    if server.certificate is Certificate.FILES and not (server.certificate_file and server.key_file):
        raise SettingsError(N_('[server], certificate = "files" needs certificate_file and key_file'))
    return Configuration(
        server,
        backup,
        days(kept.passages, "[retention], passages", "for good"),
        days(kept.usage, "[retention], usage", "for good"),
        days(kept.traces, "[retention], traces", "for good"),
        file,
        mail,
    )


def in_force() -> Configuration:
    """Return the settings that this process runs with, once Django is up."""
    from django.conf import settings  # noqa: PLC0415 - read by commands before Django is there

    found: Configuration = settings.LOQUET
    return found


def database(data_dir: Path) -> dict[str, object]:
    """Return which database: SQLite in the data directory, or what DATABASE_URL names. Raises SettingsError."""
    url = os.environ.get(DATABASE_URL, "")
    if not url:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": data_dir / "server.db",
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "pragma journal_mode=wal; pragma synchronous=full; pragma foreign_keys=on; "
                "pragma secure_delete=on",
            },
        }
    try:
        found = dict(dj_database_url.parse(url))
    except (ValueError, dj_database_url.ParseError) as error:
        raise SettingsError(N_("DATABASE_URL cannot be read: {error}"), error=type(error).__name__) from error
    if "postgresql" not in str(found["ENGINE"]):
        raise SettingsError(
            N_("DATABASE_URL names no PostgreSQL database; write postgresql://USER:PASSWORD@HOST/NAME, or leave it out")
        )
    return found
