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
from urllib.parse import urlsplit
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
MOST_SECRET: Final = 1000  # characters

Folder = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Host = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9.:_-]+$")]


class Certificate(StrEnum):
    """How browsers and controllers know the server."""

    OWN = "own"
    FILES = "files"
    PROXY = "proxy"


class ServerTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [server]. sheets: a folder, in data_dir unless a whole path, from which files are read each night.

    contact: to whom members write about their data, as the page Privacy says it.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)] = "Loquet"
    data_dir: Folder = "/var/lib/loquet-server"
    sheets: Folder = "sheets"
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


class Newcomers(StrEnum):
    """What somebody becomes whom the provider knows and who has no account here."""

    NOBODY = ""
    BY_GROUP = "by group"
    MEMBER = "member"
    TRAINER = "trainer"
    FABMANAGER = "fabmanager"


class SecondFactor(StrEnum):
    """Who asks for the second factor of whoever comes from the provider."""

    OURS = "ours"
    PROVIDER = "provider"


Claim = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
RoleName = Literal["administrator", "fabmanager", "trainer", "member"]


class OidcTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table [oidc]: a provider of OpenID Connect by which people may log in too; issuer: "" for none.

    roles: what a group there is here. Once read, client_secret holds the secret, whichever key brought it.
    """

    issuer: Annotated[str, msgspec.Meta(max_length=300)] = ""
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=40)] = "OpenID Connect"
    client_id: Annotated[str, msgspec.Meta(max_length=200)] = ""
    client_secret: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    client_secret_file: Annotated[str, msgspec.Meta(max_length=200)] = ""
    ca_file: Annotated[str, msgspec.Meta(max_length=200)] = ""
    algorithm: Literal["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"] = "RS256"
    scopes: Annotated[str, msgspec.Meta(max_length=300, pattern=r"^[ !#-\[\]-~]*$")] = "openid profile email"
    username_claim: Claim = "preferred_username"
    groups_claim: Claim = "groups"
    roles: Annotated[dict[Claim, RoleName], msgspec.Meta(max_length=100)] = {}
    default_role: Newcomers = Newcomers.NOBODY
    site: Annotated[str, msgspec.Meta(max_length=64)] = ""
    second_factor: SecondFactor = SecondFactor.OURS

    def __repr__(self) -> str:
        """Return what a log may have: not the secret."""
        return f"OidcTable(issuer={self.issuer!r}, client_id={self.client_id!r})"


class Configuration(msgspec.Struct, frozen=True):
    """All that the file says. Periods in days, None: for good."""

    server: ServerTable
    backup: BackupTable
    passages: int | None
    usage: int | None
    traces: int | None
    path: Path
    mail: MailTable = MailTable()
    oidc: OidcTable = OidcTable()

    @property
    def data_dir(self) -> Path:
        """Where the database, the keys and the backups are; relative to the settings file."""
        return self.path.parent / self.server.data_dir

    @property
    def sheets(self) -> Path:
        """Where files lie that are read each night."""
        return self.data_dir / self.server.sheets

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
    no_other_keys(document, ("server", "backup", "retention", "mail", "oidc"), str(file))
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
        _oidc(document.get("oidc", {}), file),
    )


def _oidc(table: object, file: Path) -> OidcTable:
    """Read the table [oidc], with its secret. Raises SettingsError, which never says the secret."""
    said = table.get("client_secret", "") if isinstance(table, dict) else ""
    if not isinstance(said, str) or len(said) > MOST_SECRET:
        raise SettingsError(N_("[oidc], client_secret: a text of {most} characters at the most"), most=MOST_SECRET)
    read = convert(table, OidcTable, "[oidc]")
    if not read.issuer:
        if table:
            raise SettingsError(N_('[oidc] needs an issuer: issuer = "https://login.example.org/realms/workshop"'))
        return read
    if not is_safe(read.issuer) or "?" in read.issuer or "#" in read.issuer:
        raise SettingsError(
            N_("[oidc], issuer: an address that begins with https:// is expected, as the provider has it")
        )
    if not read.client_id or bool(read.client_secret) == bool(read.client_secret_file):
        raise SettingsError(N_("[oidc] needs client_id, and either client_secret or client_secret_file"))
    if "openid" not in read.scopes.split():
        raise SettingsError(N_('[oidc], scopes: "openid" must be one of them'))
    if read.default_role is Newcomers.BY_GROUP and not read.roles:
        raise SettingsError(
            N_('[oidc], default_role = "by group" needs roles, under [oidc.roles]: fabmanagers = "fabmanager"')
        )
    if read.ca_file and not (file.parent / read.ca_file).is_file():
        raise SettingsError(N_("[oidc], ca_file: there is no file {path}"), path=file.parent / read.ca_file)
    return msgspec.structs.replace(
        read,
        client_secret=read.client_secret or _secret_of(file.parent / read.client_secret_file),
        ca_file=str(file.parent / read.ca_file) if read.ca_file else "",
    )


def is_safe(address: str) -> bool:
    """Return whether nobody on the way reads what is sent to an address: TLS, or this machine itself."""
    try:
        found = urlsplit(address)
        host = found.hostname
    except ValueError:
        return False
    if found.username is not None or not address.isascii() or not host:
        return False
    return found.scheme == "https" or (found.scheme == "http" and host in LOOPBACK)


def _secret_of(path: Path) -> str:
    """Read the secret that a file holds, for its owner and group alone. Raises SettingsError."""
    try:
        mode = path.stat().st_mode & 0o007
        said = path.read_text().strip()
    except (OSError, ValueError) as error:
        raise SettingsError(
            N_("[oidc], client_secret_file: {path} cannot be read ({error})"), path=path, error=type(error).__name__
        ) from error
    if mode:
        raise SettingsError(N_("[oidc], client_secret_file: {path} can be read by others; chmod 600 it"), path=path)
    if not 0 < len(said) <= MOST_SECRET:
        raise SettingsError(N_("[oidc], client_secret_file: {path} holds no secret"), path=path)
    return said


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
