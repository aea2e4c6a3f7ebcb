"""The server's settings file."""

import re
import tomllib
from pathlib import Path

import pytest

from common.strict import SettingsError
from server.core import configuration as configurations

OIDC = {"issuer": "https://login.example.org/realms/x", "client_id": "loquet", "client_secret": "hush hush"}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"server": {"prot": 1}}, 'did you mean "port"'),
        ({"server": {"port": 0}}, "[server], port"),
        ({"server": {"timezone": "Mars"}}, "is not a time zone"),
        ({"server": {"certificate": "files"}}, "needs certificate_file"),
        ({"server": {"certificate": "none"}}, "there are"),
        ({"backups": {}}, 'did you mean "backup"'),
        ({"retention": {"passages": "soon"}}, "is not a period"),
        ({"server": {"hosts": ["a b"]}}, "[server], hosts"),
        ({"oidc": {"isuer": "https://x"}}, 'did you mean "issuer"'),
        ({"oidc": {"name": "X"}}, "needs an issuer"),
        ({"oidc": OIDC | {"issuer": "http://login.example.org"}}, "begins with https"),
        ({"oidc": OIDC | {"issuer": "https://user:word@login.example.org"}}, "begins with https"),
        ({"oidc": OIDC | {"issuer": "https://login.example.org?x"}}, "begins with https"),
        ({"oidc": OIDC | {"issuer": "https://[::1"}}, "begins with https"),
        ({"oidc": OIDC | {"client_id": ""}}, "needs client_id"),
        ({"oidc": OIDC | {"client_secret": ""}}, "either client_secret or client_secret_file"),
        ({"oidc": OIDC | {"client_secret_file": "s"}}, "either client_secret or client_secret_file"),
        ({"oidc": OIDC | {"client_secret": "", "client_secret_file": "s"}}, "cannot be read"),
        ({"oidc": OIDC | {"algorithm": "none"}}, "[oidc], algorithm"),
        ({"oidc": OIDC | {"algorithm": "HS256"}}, "[oidc], algorithm"),
        ({"oidc": OIDC | {"scopes": "email"}}, '"openid" must be one'),
        ({"oidc": OIDC | {"roles": {"x": "boss"}}}, "[oidc], roles"),
        ({"oidc": OIDC | {"default_role": "administrator"}}, "[oidc], default_role"),
        ({"oidc": OIDC | {"default_role": "by group"}}, "needs roles"),
        ({"oidc": OIDC | {"second_factor": "none"}}, "[oidc], second_factor"),
        ({"oidc": OIDC | {"ca_file": "gone.pem"}}, "there is no file"),
    ],
)
def test_settings_that_are_wrong_are_refused_with_place_and_remedy(document, said, tmp_path):
    with pytest.raises(SettingsError) as refused:
        configurations.read(document, tmp_path / "server.toml")
    assert said in str(refused.value)


def test_a_database_that_is_no_postgresql_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("DATABASE_URL", "mysql://x@y/z")
    with pytest.raises(SettingsError, match="PostgreSQL"):
        configurations.database(tmp_path)


@pytest.mark.parametrize(
    ("table", "address"),
    [
        ({"hosts": ["lab.example.org"], "certificate": "proxy", "port": 8080}, "lab.example.org"),
        ({"hosts": ["lab.example.org:8443"], "certificate": "proxy", "port": 8080}, "lab.example.org:8443"),
        ({"hosts": ["lab.example.org"], "port": 8080}, "lab.example.org:8080"),
        ({"hosts": ["lab.example.org:8443"], "port": 8080}, "lab.example.org:8080"),
    ],
)
def test_behind_a_proxy_the_servers_links_name_no_port_but_the_proxys(table, address, tmp_path):
    found = configurations.read({"server": table}, tmp_path / "server.toml")
    assert found.address == address
    assert found.names[0] == "lab.example.org"


def test_a_providers_secret_comes_from_the_settings_or_from_a_file_that_others_cannot_read(tmp_path):
    file = tmp_path / "secret"
    file.write_text("hush hush\n")
    file.chmod(0o640)
    by_file = OIDC | {"client_secret": "", "client_secret_file": "secret"}
    assert configurations.read({"oidc": by_file}, tmp_path / "server.toml").oidc.client_secret == "hush hush"
    assert configurations.read({"oidc": OIDC}, tmp_path / "server.toml").oidc.client_secret == "hush hush"
    assert configurations.read({}, tmp_path / "server.toml").oidc.issuer == ""
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="can be read by others"):
        configurations.read({"oidc": by_file}, tmp_path / "server.toml")
    file.chmod(0o600)
    file.write_text(" \n")
    with pytest.raises(SettingsError, match="holds no secret"):
        configurations.read({"oidc": by_file}, tmp_path / "server.toml")


@pytest.mark.parametrize("secret", ["hush" * 300, ["hush"], 17])
def test_no_error_and_no_repr_says_the_providers_secret(tmp_path, secret):
    found = configurations.read({"oidc": OIDC}, tmp_path / "server.toml")
    assert "hush" not in repr(found)
    assert "hush" not in str(found.oidc)
    with pytest.raises(SettingsError) as refused:
        configurations.read({"oidc": OIDC | {"client_secret": secret}}, tmp_path / "server.toml")
    assert "client_secret" in str(refused.value)
    assert "hush" not in str(refused.value)


def test_the_page_on_providers_gives_settings_that_are_read_and_the_same_in_french(tmp_path):
    docs = Path(__file__).parents[3] / "docs"
    pages = [(docs / name).read_text(encoding="utf-8") for name in ("provider.md", "provider.fr.md")]
    english, french = (re.findall(r"^```(\w+)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL) for page in pages)
    assert english == french
    said = tomllib.loads("\n".join(text for kind, text in english if kind == "toml"))
    (tmp_path / "oidc-secret").write_text("hush hush")
    (tmp_path / "oidc-secret").chmod(0o600)
    found = configurations.read(said, tmp_path / "server.toml").oidc
    assert found.client_secret == "hush hush"
    assert set(found.roles.values()) == {"fabmanager", "administrator"}
