"""What holds of every page, whatever is asked of it."""

import pytest
from browsing import PAGES, client, do, fill, row
from django.test import Client

from protocol.rows import Machine, Member, Training


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_of_an_empty_server_opens_in_both_languages(sqlite, language):
    browser = client()
    for path in PAGES:
        answer = browser.get(path, secure=True, headers={"accept-language": language})
        assert answer.status_code == 200, path
        assert f'<html lang="{language}" ' in answer.content.decode()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_script_in_a_name_is_shown_and_never_run(sqlite):
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    fill()
    bad = "<script>alert(1)</script>"
    carry_out(Author(name=bad), "demo", [Member("bad", bad), Training("t", bad), Machine("m", bad, ("t",), bad)])
    browser = client()
    for path in [*PAGES, "/whitelist?q=%3Cscript%3Ealert(1)", "/members/bad", "/explain?member=bad&machine=m"]:
        assert bad not in browser.get(path, secure=True).content.decode(), path


def test_a_form_from_elsewhere_changes_nothing(sqlite):
    from server.accounts.models import Account

    fill()
    account = Account.objects.create(username="x", role="administrator")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.post("/whitelist/cell/m002/laser", {"do": "grant"}, secure=True).status_code == 403
    assert row("certification/m002/laser") is None


@pytest.mark.parametrize(
    "path",
    ["/usage?month=9999-12", "/usage?month=0001-01", "/usage?month=-1", "/whitelist?from=-9&q=%27", "/whitelist?from=x",
     "/whitelist?q=%00", "/members/%00", "/explain?machine=%00&member=%00", "/devices/%00/settings",
     "/whitelist/cell/a%00/b", "/history/99999999999999999999/undo", "/import/none"],
)  # fmt: skip
def test_whatever_stands_in_an_address_nothing_breaks(postgres, path):
    fill()
    assert client().get(path, secure=True).status_code < 500


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/inbox", {"notice": ["²", "9" * 5000]}),
        ("/setup", {"do": "machine", "id": "laser", "longest": "9" * 5000}),
        ("/whitelist/class", {"back": "/whitelist\r\nX: y", "training": "laser"}),
        ("/login", {"username": "a\0", "password": "b"}),
        ("/badges", {"do": "give", "hash": "\0", "member": "\0"}),
        ("/login", {"a\0b": "x"}),
        ("/members/m001", {"do": "save", "pay\0er": "x"}),
        ("/inbox", {"notice\0": "1"}),
        ("/setup", {"do": "hours", "day0": "9" * 5000}),
        ("/members/m001", {"do": "save", "name": "x" * 5000}),
        ("/members/m001", {"do": "save", "until": "0000-00-00"}),
        ("/whitelist/cell/m001/laser", {"do": "grant", "level": "god", "until": "31/02/2027"}),
    ],
)
def test_whatever_stands_in_a_form_nothing_breaks(postgres, path, fields):
    fill()
    assert do(client(), path, **fields).status_code < 500


def test_what_is_named_with_a_nul_is_refused_as_what_has_one(postgres):
    from django.core.files.uploadedfile import SimpleUploadedFile

    fill()
    browser = client()
    urlencoded = "application/x-www-form-urlencoded"
    for path in ("/login", "/members/m001", "/badges", "/setup"):
        assert browser.post(path, "a%00b=x", content_type=urlencoded, secure=True).status_code == 400, path
    assert browser.get("/whitelist?a%00b=x", secure=True).status_code == 400
    files = {"a\0b": SimpleUploadedFile("x.csv", b"x")}
    assert browser.post("/import", files, secure=True).status_code in {400, 403, 404, 422}
