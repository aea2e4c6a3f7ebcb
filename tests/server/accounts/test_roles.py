"""Who may open which page, and what stays of their having looked."""

import pytest
from browsing import PAGES, client, do, fill
from django.test import Client

OWN = {"/explain", "/account", "/me", "/me/sessions", "/me/badge", "/me/costs", "/me/data", "/status", "/search"}
FOR = {
    "administrator": set(PAGES),
    "fabmanager": set(PAGES) - {"/mail", "/accounts", "/design"},
    "trainer": {"/today", "/refusals", "/whitelist", "/machines", "/machines-cards"} | OWN,
    "member": OWN,
}


@pytest.mark.parametrize("role", FOR)
def test_each_role_opens_its_own_pages_and_no_others(sqlite, role):
    fill()
    browser = client(role, "m000")
    for path in PAGES:
        status = browser.get(path, secure=True).status_code
        assert status == (200 if path in FOR[role] else 403), (role, path, status)


def test_a_stranger_is_sent_to_the_login_from_everywhere(sqlite):
    browser = Client(secure=True)
    for path in PAGES:
        answer = browser.get(path, secure=True)
        assert answer.status_code == 302 and answer.headers["Location"].startswith("/login"), path


def test_what_is_edited_and_looked_at_leaves_a_trace(sqlite):
    from server.accounts.models import AuditRecord

    fill()
    browser = client()
    browser.get("/members/m001", secure=True)
    do(browser, "/whitelist/cell/m002/laser", do="grant", level="user")
    found = set(AuditRecord.objects.values_list("account", "what", "about"))
    assert ("administrator-", "looked_member", "m001") in found
    assert ("administrator-", "granted", "certification/m002/laser") in found
