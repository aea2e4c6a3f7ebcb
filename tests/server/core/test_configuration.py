"""The server's settings file."""

import pytest

from common.strict import SettingsError
from server.core import configuration as configurations


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
