"""Who may open which page, and what each shows: an empty server, and one that is lived in."""

import csv
import io

import pytest
from django.test import Client

from protocol.whitelist import Badge, Certification, Level, Machine, Member, Training

PAGES = ["/whitelist", "/badges", "/workshop", "/devices", "/explain", "/import", "/usage", "/inbox", "/setup",
         "/history", "/members/new", "/account", "/me"]  # fmt: skip
FOR = {
    "administrator": set(PAGES),
    "fabmanager": set(PAGES),
    "trainer": {"/whitelist", "/workshop", "/explain", "/account", "/me"},
    "member": {"/explain", "/account", "/me"},
}
PASSWORD = "correct horse battery"


def client(role="administrator", member="", **headers):
    from server.models import Account

    account = Account(username=f"{role}-{member}", role=role, member=member)
    account.set_password(PASSWORD)
    account.save()
    browser = Client(secure=True, headers={"host": "localhost", "accept-language": "en", **headers})
    browser.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def fill():
    """A small workshop."""
    from server.editing import Author, carry_out

    rows = [
        Training("laser", "Laser"),
        Training("wood", "Wood"),
        Machine("laser", "Laser 1", ("laser",)),
        Machine("saw", "Saw", ("wood",)),
    ]
    for number in range(60):
        rows.append(Member(f"m{number:03d}", f"Member {number:03d}", "student" if number % 2 else ""))
        rows.append(Badge(f"{number:032x}", f"m{number:03d}"))
    rows += [Certification("m000", "laser", Level.TRAINER), Certification("m001", "laser")]
    carry_out(Author(name="test"), "demo", rows)


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


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_page_of_an_empty_server_opens_in_both_languages(sqlite, language):
    browser = client()
    for path in PAGES:
        answer = browser.get(path, secure=True, headers={"accept-language": language})
        assert answer.status_code == 200, path
        assert f'<html lang="{language}">' in answer.content.decode()
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_a_view_of_the_grid_asks_the_database_at_most_twenty_times(database):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    fill()
    browser = client()
    for path in (
        "/whitelist",
        "/whitelist?q=member+01",
        "/whitelist?training=laser&has=yes",
        "/whitelist?show=all&from=40",
    ):
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(path, secure=True).status_code == 200
        assert len(asked) <= 20, (path, len(asked))


def do(browser, path, **fields):
    return browser.post(path, fields, secure=True, headers={"origin": "https://localhost"})


def row(key):
    from server import rows

    return rows.find([key]).get(key)


def test_grant_extend_revoke_and_undo_in_the_grid(database):
    from server.models import Edit

    fill()
    browser = client()
    cell = "/whitelist/cell/m002/laser"
    assert do(browser, cell, do="grant", level="user").status_code == 302
    assert row("certification/m002/laser") == Certification("m002", "laser")
    assert do(browser, cell, do="extend").status_code == 422, "what has no end is not shortened by extending it"
    do(browser, cell, do="grant", level="user", until="2027-01-01")
    do(browser, cell, do="extend")
    assert row("certification/m002/laser").until.year == 2028
    do(browser, cell, do="revoke_now")
    assert row("certification/m002/laser") is None
    from server.models import Cut

    assert Cut.objects.filter(machine="laser", member="m002").exists()
    last = Edit.objects.latest("pk")
    do(browser, f"/history/{last.pk}/undo", back="/whitelist")
    assert row("certification/m002/laser") is not None and not Cut.objects.exists()
    assert do(browser, f"/history/{last.pk}/undo").status_code == 302
    assert "undone already" in browser.get("/history", secure=True).content.decode()


def test_a_trainer_gives_what_they_teach_and_nothing_else(sqlite):
    fill()
    browser = client("trainer", "m000")
    assert do(browser, "/whitelist/cell/m003/laser", do="grant", level="user").status_code == 302
    assert row("certification/m003/laser") is not None
    assert do(browser, "/whitelist/cell/m003/wood", do="grant", level="user").status_code == 422
    assert do(browser, "/whitelist/cell/m003/laser", do="grant", level="maintainer").status_code == 422
    assert row("certification/m003/laser").level is Level.USER and row("certification/m003/wood") is None


def test_a_class_is_trained_in_one_act_and_nobody_loses_a_level_by_it(database):
    fill()
    browser = client()
    do(browser, "/whitelist/class", training="laser", level="user", until="2027-01-01", member=["m000", "m004", "m005"])
    assert row("certification/m000/laser") == Certification("m000", "laser", Level.TRAINER), "neither level nor end"
    assert row("certification/m004/laser") and row("certification/m005/laser")


def test_badges_are_given_lent_and_blocked(sqlite):
    from datetime import UTC, datetime

    from server.models import UnknownBadge

    fill()
    browser = client()
    UnknownBadge.objects.create(hash="f" * 32, machine="laser", at=datetime.now(UTC))
    assert "…ffffff" in browser.get("/badges", secure=True).content.decode()
    do(browser, "/badges", do="spare", hash="f" * 32)
    assert row(f"badge/{'f' * 32}").blocked
    do(browser, "/badges", do="lend", hash="f" * 32, member="Member 007 (m007)")
    lent = row(f"badge/{'f' * 32}")
    assert (lent.member, lent.kind, lent.blocked) == ("m007", "spare", False) and lent.until is not None
    do(browser, "/badges", do="return", hash="f" * 32)
    assert row(f"badge/{'f' * 32}").blocked
    do(browser, "/badges", do="block", hash=f"{7:032x}")
    assert row(f"badge/{7:032x}").blocked
    assert do(browser, "/badges", do="give", hash=f"{7:032x}", member="m008").status_code == 422, "somebody else's"
    answer = do(browser, "/badges", do="give", uid="04:A3:C6:CA", member="m008")
    assert answer.status_code == 302, answer.content.decode()
    text = browser.get("/badges", secure=True).content.decode()
    assert row("member/m008") and "has this badge" in text


def test_a_script_in_a_name_is_shown_and_never_run(sqlite):
    from server.editing import Author, carry_out

    fill()
    bad = "<script>alert(1)</script>"
    carry_out(Author(name=bad), "demo", [Member("bad", bad), Training("t", bad), Machine("m", bad, ("t",), bad)])
    browser = client()
    for path in [*PAGES, "/whitelist?q=%3Cscript%3Ealert(1)", "/members/bad", "/explain?member=bad&machine=m"]:
        assert bad not in browser.get(path, secure=True).content.decode(), path


def test_a_form_from_elsewhere_changes_nothing(sqlite):
    from server.models import Account

    fill()
    account = Account.objects.create(username="x", role="administrator")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    assert browser.post("/whitelist/cell/m002/laser", {"do": "grant"}, secure=True).status_code == 403
    assert row("certification/m002/laser") is None


def test_logins_are_throttled_and_let_in_again_from_the_shell(sqlite):
    from click.testing import CliRunner

    from server.commands.begin import recover
    from server.models import Account

    account = Account(username="anne", role="administrator")
    account.set_password(PASSWORD)
    account.save()
    browser = Client()
    for _try in range(5):
        browser.post("/login", {"username": "anne", "password": "wrong"}, secure=True)
    assert browser.post("/login", {"username": "anne", "password": PASSWORD}, secure=True).status_code == 429
    said = CliRunner().invoke(recover, ["anne"]).output
    word = said.split()[-1]
    assert browser.post("/login", {"username": "anne", "password": word}, secure=True).status_code == 302


def test_a_second_factor_is_asked_for_once_it_is_set_up(sqlite):
    from django_otp.oath import totp
    from django_otp.plugins.otp_totp.models import TOTPDevice

    from server.models import Account

    browser = client()
    do(browser, "/account", do="begin", old=PASSWORD)
    device = TOTPDevice.objects.get()
    code = f"{totp(device.bin_key):06d}"
    page = do(browser, "/account", do="confirm", token=code).content.decode()
    paper = page.split("<li><code>")[1].split("</code>")[0]
    other = Client()
    other.force_login(Account.objects.get(), backend="django.contrib.auth.backends.ModelBackend")
    assert other.get("/whitelist", secure=True).headers["Location"].startswith("/second")
    assert other.post("/second", {"token": "000000", "next": "/whitelist"}, secure=True).status_code == 422
    TOTPDevice.objects.update(throttling_failure_count=0)
    from django_otp.plugins.otp_static.models import StaticDevice

    StaticDevice.objects.update(throttling_failure_count=0)
    assert other.post("/second", {"token": paper, "next": "/whitelist"}, secure=True).status_code == 302
    assert other.get("/whitelist", secure=True).status_code == 200


def test_a_sheet_is_looked_at_before_it_counts_and_can_be_taken_back(database):
    from central import until

    from server.models import Edit

    fill()
    browser = client()
    sheet = io.BytesIO(
        "badge;membre;nom;formations;fin adhésion\n04A3C6CA;zoe;Zoé Dupré;laser;31/12/2027\n".encode("cp1252")
    )
    sheet.name = "membres.csv"
    answer = browser.post("/import", {"do": "read", "sheet": sheet}, secure=True)
    page = browser.get(answer.headers["Location"], secure=True).content.decode()
    assert "Zoé Dupré" in page and row("member/zoe") is None
    browser.post(answer.headers["Location"], secure=True)
    until(lambda: Edit.objects.filter(what="imported").exists(), "the import")
    assert row("certification/zoe/laser") is not None
    bad = io.BytesIO(b"badge,member\n12345E78,zoe\n")
    bad.name = "bad.csv"
    answer = browser.post("/import", {"do": "read", "sheet": bad}, secure=True)
    assert answer.status_code == 422 and "line 2" in answer.content.decode()
    from server.editing import Author, undo

    undo(Author(name="test"), Edit.objects.get(what="imported"))
    assert row("member/zoe") is None


def test_explain_runs_the_latchs_own_lines(sqlite):
    fill()
    browser = client()
    page = browser.get("/explain?member=m001&machine=laser", secure=True).content.decode()
    assert "Member 001 may use Laser 1." in page
    page = browser.get("/explain?member=m001&machine=saw", secure=True).content.decode()
    assert "may not use Saw" in page and "Wood" in page
    member = client("member", "m001")
    page = member.get("/explain?member=m000&machine=laser", secure=True).content.decode()
    assert "Member 000" not in page, "a member asks about themselves"


def test_hours_are_written_as_people_write_them(sqlite):
    fill()
    browser = client()
    do(browser, "/setup", do="hours", category="student", day0="9:00-12:00, 14h-18h30", at="hours")
    assert row("hours/student").open == ((540, 720), (840, 1110))
    do(browser, "/setup", do="hours", category="student", day0="25:00-26:00")
    assert "are no hours" in browser.get("/setup", secure=True).content.decode()
    do(browser, "/setup", do="hours", category="student", always="1")
    assert row("hours/student") is None


def test_a_member_who_is_forgotten_has_no_name_anywhere(database):
    from server.models import Change, Edit

    fill()
    browser = client()
    do(browser, "/members/m001", do="save", name="Zacharie Quelqu'un")
    do(browser, "/members/m001", do="forget", sure="m001")
    assert row("member/m001") is None
    assert not any("Zacharie" in (each.before or "") + (each.after or "") for each in Change.objects.all())
    assert not any("Zacharie" in str(each.about) for each in Edit.objects.all())


def test_what_is_edited_and_looked_at_leaves_a_trace(sqlite):
    from server.models import Trace

    fill()
    browser = client()
    browser.get("/members/m001", secure=True)
    do(browser, "/whitelist/cell/m002/laser", do="grant", level="user")
    found = set(Trace.objects.values_list("account", "what", "about"))
    assert ("administrator-", "looked_member", "m001") in found
    assert ("administrator-", "granted", "certification/m002/laser") in found


def test_a_sheet_of_usage_runs_no_formula(sqlite):
    from server.models import Device, Session

    device = Device.objects.create(id="d-1", key="k", sealing="s")
    ran = {"started": 1_795_200_000_000, "quality": "synchronised", "ended": True, "powered": 90_000}
    Session.objects.create(device=device, session="s1", machine="laser", member="=cmd()", boot="b", began=0, **ran)
    sheet = b"".join(client().get("/usage?month=2026-11&as=csv", secure=True).streaming_content).decode("utf-8-sig")
    (line,) = list(csv.reader(io.StringIO(sheet)))[1:]
    assert line[2] == "'=cmd()" and line[10] == "1.5"


def test_undo_brings_nothing_dangerous_back(sqlite):
    from server.editing import Author, EditError, undo
    from server.models import Edit

    fill()
    browser = client()
    for _turn in range(2):
        do(browser, "/members/m001", do="exclude")
        first = Edit.objects.filter(what="excluded").first()
        do(browser, "/members/m001", do="welcome")
    do(browser, "/members/m001", do="exclude")
    with pytest.raises(EditError):
        undo(Author(name="test"), first)
    assert row("member/m001").excluded
    do(browser, "/members/new", name="Jean Martin")
    entered = Edit.objects.get(what="member_new")
    do(browser, "/badges", do="give", uid="04:A3:C6:CA", member="Jean Martin")
    with pytest.raises(EditError):
        undo(Author(name="test"), entered)
    do(browser, "/members/m002", do="forget", sure="m002")
    with pytest.raises(EditError):
        undo(Author(name="test"), Edit.objects.get(what="forgotten"))


def test_what_somebody_else_changed_meanwhile_is_not_written_over(sqlite):
    from central import until

    from server.models import Edit

    fill()
    browser = client()
    sheet = io.BytesIO(b"member,name,category\nm004,Member 004,pro\n")
    sheet.name = "s.csv"
    place = browser.post("/import", {"do": "read", "sheet": sheet}, secure=True).headers["Location"]
    do(browser, "/members/m004", do="exclude")
    browser.post(place, secure=True)
    until(lambda: "meanwhile" in browser.get(place, secure=True, follow=True).content.decode(), "the refusal")
    assert row("member/m004").excluded
    assert not Edit.objects.filter(what="imported").exists()


def test_a_lost_badge_stays_blocked_whoever_asks_and_under_whatever_key(sqlite):
    from central import HOME

    from server import keys

    fill()
    browser = client()
    do(browser, "/badges", do="give", uid="04:A3:C6:CA", member="m008")
    lost = keys.load(HOME / "data").badge_keys[0].hash(bytes.fromhex("04A3C6CA"), "iso14443a")
    do(browser, "/badges", do="block", hash=lost)
    assert do(browser, "/badges", do="give", uid="04:A3:C6:CA", member="m008").status_code == 422
    before = keys.load(HOME / "data")
    keys.save(HOME / "data", before.with_new_badge_key())
    try:
        assert do(browser, "/badges", do="give", uid="04:A3:C6:CA", member="m009").status_code == 422
        assert row(f"badge/{lost}").blocked
    finally:
        keys.save(HOME / "data", before)


def test_a_trainer_locks_only_what_they_teach_and_an_excluded_one_gives_nothing(sqlite):
    fill()
    browser = client("trainer", "m000")
    assert do(browser, "/workshop", do="lock", machine="saw", why="x").status_code == 422
    assert do(browser, "/workshop", do="lock", machine="laser", why="x").status_code == 302
    do(client(), "/members/m000", do="exclude")
    assert do(browser, "/whitelist/cell/m003/laser", do="grant", level="user").status_code == 422


def test_only_an_administrator_forgets_an_administrator(sqlite):
    from server.models import Account

    fill()
    client("administrator", "m001")
    do(client("fabmanager"), "/members/m001", do="forget", sure="m001")
    assert Account.objects.filter(role="administrator").exists()
    assert row("member/m001") is not None


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
        ("/setup", {"do": "hours", "day0": "9" * 5000}),
        ("/members/m001", {"do": "save", "name": "x" * 5000}),
        ("/members/m001", {"do": "save", "until": "0000-00-00"}),
        ("/whitelist/cell/m001/laser", {"do": "grant", "level": "god", "until": "31/02/2027"}),
    ],
)
def test_whatever_stands_in_a_form_nothing_breaks(postgres, path, fields):
    fill()
    assert do(client(), path, **fields).status_code < 500
