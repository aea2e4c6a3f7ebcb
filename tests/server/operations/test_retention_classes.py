"""Every table says for how long it holds what it knows of a person; and what that says is true."""

import subprocess

from browsing import MORE, PAGES, client, do, row
from central import configuration
from everything import every_model, one_of_everything

LATER = 20 * 365 * 86_400


def test_every_table_has_a_period(sqlite):
    from server.operations.retention import KEPT

    assert {each._meta.label for each in every_model()} == set(KEPT)


def test_what_has_a_period_is_gone_after_it(sqlite, monkeypatch):
    from server.core import clock
    from server.journal.models import Stream
    from server.operations import retention
    from server.operations.retention import KEPT, Keep
    from server.usage.models import Session

    one_of_everything()
    Stream.objects.update(processed_seq=10, acknowledged_seq=10, booked_seq=10)
    Session.objects.update(ended=True)
    monkeypatch.setattr(retention, "_kept_changes", lambda: 10**9)
    now = clock._clock
    monkeypatch.setattr(clock, "_clock", lambda: now() + LATER)
    retention.purge(configuration)
    with_period = {each._meta.label: each for each in every_model() if KEPT[each._meta.label] not in for_longer(Keep)}
    left = {label: each._default_manager.count() for label, each in with_period.items()}
    # What waits for a person is not deleted under their hands, nor a machine's time down that goes on.
    waiting = {"inbox.Notice", "upkeep.Defect", "upkeep.Downtime"}
    assert {label for label, count in left.items() if count} <= waiting, left


def for_longer(keep):
    return {keep.MEMBER, keep.ACCOUNT, keep.HOUSE, keep.LEDGER}


def test_nothing_of_whoever_is_forgotten_is_in_any_table(database):
    from axes.models import AccessAttempt, AccessFailureLog, AccessLog

    from server.accounts.models import Account, AuditRecord, Identity, Invitation
    from server.imports.models import Draft
    from server.inbox.notices import notify
    from server.mail.models import Letter
    from server.people.models import Particulars

    one_of_everything()
    browser = client()
    name, login, mail = "Zebulon Quartzheim", "zebulon.q", "zebulon@example.org"
    do(browser, "/members/new", id="z-1", name=name)
    mine = Account.objects.create(username=login, role="member", member="z-1")
    Particulars.objects.create(pk="z-1", email=mail)
    Invitation.objects.create(account=mine, digest="z" * 64, email="other.zebulon@example.org")
    Letter.objects.create(to="other.zebulon@example.org", subject="your account", body="Zebulon Quartzheim")
    Identity.objects.create(account=mine, issuer="https://login.example.org", subject="zebulon.q@directory")
    AuditRecord.objects.create(account="owner", what="account_made", about=f"{login} member")
    Letter.objects.create(to=mail, subject=name, body=f"Dear {name}")
    for each in (AccessLog, AccessFailureLog):
        each.objects.create(username=login, ip_address="192.0.2.1")
    AccessAttempt.objects.create(username=login, ip_address="192.0.2.1", failures_since_start=1)
    AuditRecord.objects.create(account=login, what="logged_in")
    AuditRecord.objects.create(account="x", what="looked_names", about="zebulon quartz")
    Draft.objects.create(token="t", account=mine, name=name, tables=b"", rows=name.encode(), of=0, version=1)
    notify("edited", None, by=login, keys="member/z-1")
    browser.get("/members/z-1", secure=True)
    browser.get("/whitelist?q=Quartzheim", secure=True)
    do(browser, "/members/z-1", do="forget", sure="z-1")
    for model in every_model():
        for found in model._default_manager.values():
            said = " ".join(str(value) for value in found.values()).lower()
            assert "zebulon q" not in said, model
            assert login not in said, model
            assert mail not in said, model
            assert "other.zebulon" not in said, model


def test_what_was_deleted_is_in_no_file_of_the_database(sqlite):
    from pathlib import Path

    from django.db import connection

    from server.core import erasing

    one_of_everything()
    browser = client()
    do(browser, "/members/new", id="z-1", name="Zebulon Quartzheim")
    do(browser, "/members/z-1", do="save", name="Zebulon Quartzheim the Second")
    path = Path(connection.settings_dict["NAME"])

    def found():
        # By another process: nothing in this one opens what SQLite has open.
        said = ["grep", "-l", "-a", "Zebulon", *path.parent.glob(f"{path.name}*")]
        return subprocess.run(said, check=False, capture_output=True).stdout

    assert found()
    do(browser, "/members/z-1", do="forget", sure="z-1")
    assert row("member/z-1") is None
    assert not erasing.is_due()
    assert not found()


def test_where_somebody_reads_just_then_it_is_erased_later(sqlite):
    import sqlite3

    from django.db import connection

    from server.core import erasing

    one_of_everything()
    connection.cursor().execute("select 1")
    reader = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    connection.connection.execute("pragma busy_timeout = 50")
    reader.execute("begin")
    reader.execute("select count(*) from people_member").fetchone()
    do(client(), "/members/new", name="Somebody")
    assert not erasing.erase()
    assert erasing.is_due()
    reader.close()
    assert erasing.erase()
    assert not erasing.is_due()


def test_names_that_are_read_leave_a_trace_on_every_page(sqlite):
    from server.accounts.models import AuditRecord

    one_of_everything()
    for path in [*PAGES, *MORE]:
        AuditRecord.objects.all().delete()
        shown = client_once("fabmanager").get(path, secure=True)
        said = shown.getvalue().decode(errors="replace")
        if "Ann Fox" in said or "Bob Roe" in said:
            assert AuditRecord.objects.exists(), path
    AuditRecord.objects.all().delete()
    browser = client_once("fabmanager")
    for _turn in range(5):  # it refreshes itself
        browser.get("/machines", secure=True, headers={"hx-target": "machines", "hx-request": "true"})
    assert AuditRecord.objects.filter(what="looked_workshop").count() == 1


def client_once(role, made={}):  # noqa: B006 - one of each
    from django.test import Client

    from server.accounts.models import Account

    if not Account.objects.filter(username=f"{role}-").exists():
        made[role] = client(role)
    return made[role] if isinstance(made[role], Client) else client(role)


def test_the_id_of_somebody_who_was_forgotten_is_asked_about(database):
    from central import until
    from django.core.files.uploadedfile import SimpleUploadedFile

    from server.imports.models import Draft

    one_of_everything()
    browser = client("fabmanager")
    for id_ in ("z-1", "z-2"):
        do(browser, "/members/new", id=id_, name="Zoe")
        do(browser, f"/members/{id_}", do="forget", sure=id_)
    assert do(browser, "/members/new", id="z-1", name="Zoe").status_code == 422
    sheet = b"member;name\nz-1;Nina\nz-2;Nora\nz-3;Nell\n"
    led = do(browser, "/import", do="read", sheet=SimpleUploadedFile("m.csv", sheet))["Location"]
    shown = browser.get(led, secure=True).content.decode()
    assert "asked to be forgotten" in shown
    assert 'value="z-1"' in shown
    assert 'value="z-3"' not in shown
    do(browser, led, back="z-2")
    until(lambda: Draft.objects.get().state == "done", "the import")
    assert row("member/z-1") is None
    assert row("member/z-2").name == "Nora"
    assert row("member/z-3").name == "Nell"
