"""What the server says of a proxy that does not pass what it should: on the page, and once in the log."""

import html
import re

import msgspec
import pytest
from django.test import Client

from server.core.configuration import Certificate

NAME = "lab.example.org"
GOOD = {"Host": NAME, "Origin": f"https://{NAME}", "X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1"}
GENERAL = "This form was open for too long"
PROXY = pytest.mark.usefixtures("behind_a_proxy")


@pytest.fixture
def behind_a_proxy(sqlite):
    """The server as it is set up with `certificate = "proxy"`."""
    from django.conf import settings
    from django.test import override_settings

    table = msgspec.structs.replace(settings.LOQUET.server, certificate=Certificate.PROXY, hosts=[NAME])
    whole = msgspec.structs.replace(settings.LOQUET, server=table)
    with override_settings(LOQUET=whole, SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https")):
        yield


@pytest.fixture
def logged(caplog):
    """What we logged; Django and axes log of their own."""
    return lambda: [each.getMessage() for each in caplog.records if each.name == "loquet.server"]


def send(**other):
    """Send the form of the login without its token, with headers that may be other than a good proxy's; None: none."""
    said = GOOD | {name.replace("_", "-"): value for name, value in other.items()}
    headers = {name: value for name, value in said.items() if value is not None}
    answer = Client(enforce_csrf_checks=True).post("/login", {"username": "x"}, headers=headers)
    assert answer.status_code == 403
    return html.unescape(re.search(r'role="alert">(.*?)</p>', answer.content.decode())[1])


@PROXY
def test_a_proxy_without_x_forwarded_proto_is_told_of():
    assert "does not pass X-Forwarded-Proto" in send(X_Forwarded_Proto=None)


@PROXY
def test_a_proxy_that_passes_forwarded_alone_is_told_of():
    said = send(X_Forwarded_Proto=None, X_Forwarded_For=None, Forwarded="for=203.0.113.9;proto=https")
    assert "passes Forwarded (RFC 7239)" in said
    assert "docs/server.md" in said


@PROXY
def test_a_proxy_behind_one_that_takes_tls_off_is_told_of():
    assert "passes `X-Forwarded-Proto: http` where" in send(X_Forwarded_Proto="http")


@PROXY
@pytest.mark.parametrize("proto", [None, "http"])
def test_a_page_that_was_opened_without_tls_is_not_the_proxys_fault(proto):
    said = send(X_Forwarded_Proto=proto, Origin=f"http://{NAME}:8443", Host=f"{NAME}:8443")
    assert f"opened without TLS, at {NAME}:8443." in said


@PROXY
@pytest.mark.parametrize(
    ("host", "asked"),
    [(NAME, f"{NAME}:8443"), (f"{NAME}:443", NAME), (f"{NAME}:8080", NAME), ("127.0.0.1:8080", NAME)],
)
def test_a_proxy_that_changes_host_or_its_port_is_told_of(host, asked):
    assert f"passes `Host: {host}`, but the browser asked for {asked}." in send(Host=host, Origin=f"https://{asked}")


@PROXY
def test_a_page_says_where_it_is_from_by_origin_or_referer():
    assert "passes `Host: " in send(Origin=None, Referer=f"https://{NAME}:8443/login")
    assert GENERAL in send(Origin="null")
    assert GENERAL in send(Origin="https://[")


@PROXY
def test_a_form_of_another_site_gets_no_advice_about_the_proxy():
    assert GENERAL in send(Origin="https://elsewhere.example.org")
    assert GENERAL in send(Origin=f"https://{NAME}:8443", Sec_Fetch_Site="same-site")


@PROXY
def test_a_name_that_the_settings_do_not_have_is_ours_where_the_browser_says_so():
    said = send(Origin="https://other.example.org", Host="127.0.0.1:8080", Sec_Fetch_Site="same-origin")
    assert "passes `Host: 127.0.0.1:8080`" in said


@PROXY
def test_the_control_a_form_too_old_behind_a_good_proxy_is_too_old():
    assert GENERAL in send()


def test_the_control_without_a_proxy_in_the_settings_no_proxy_is_told_of(sqlite):
    assert GENERAL in send(X_Forwarded_Proto=None, Forwarded="proto=https")


@PROXY
def test_it_is_said_in_french():
    said = send(X_Forwarded_Proto=None, Accept_Language="fr")
    assert "ne transmet pas X-Forwarded-Proto\u00a0: " in said
    assert "docs/server.fr.md" in said


@PROXY
def test_a_proxy_that_hides_the_clients_address_is_logged_once(logged):
    browser = Client()
    headers = GOOD | {"X-Forwarded-For": ""}
    for _try in range(2):
        browser.post("/login", {"username": "x", "password": "y"}, headers=headers)
    (said,) = logged()
    assert "Your proxy at 127.0.0.1 does not pass X-Forwarded-For" in said
    assert "Behind a proxy" in said


@PROXY
def test_a_proxy_whose_addresses_are_not_believed_is_logged_with_the_remedy(logged):
    headers = GOOD | {"X-Forwarded-For": "203.0.113.9"}
    Client(REMOTE_ADDR="172.18.0.2").post("/login", {"username": "x", "password": "y"}, headers=headers)
    (said,) = logged()
    assert "not believed from 172.18.0.2" in said
    assert "FORWARDED_ALLOW_IPS" in said


@PROXY
def test_what_keeps_forms_out_is_in_the_log_too(logged):
    send(X_Forwarded_Proto=None)
    assert [each for each in logged() if "does not pass X-Forwarded-Proto" in each]


@PROXY
def test_the_control_behind_a_good_proxy_the_log_is_silent(logged):
    Client().post("/login", {"username": "x", "password": "y"}, headers=GOOD)
    assert logged() == []
