"""A member who is forgotten."""

from urllib.parse import urlencode

from browsing import client, do, fill, row


def test_a_member_who_is_forgotten_has_no_name_anywhere(database):
    from server.edits.models import Change, Edit

    fill()
    browser = client()
    do(browser, "/members/m001", do="save", name="Zacharie Quelqu'un")
    do(browser, "/members/m001", do="forget", sure="m001")
    assert row("member/m001") is None
    assert not any("Zacharie" in (each.before or "") + (each.after or "") for each in Change.objects.all())
    assert not any("Zacharie" in str(each.about) for each in Edit.objects.all())


def test_only_an_administrator_forgets_an_administrator(sqlite):
    from server.accounts.models import Account

    fill()
    client("administrator", "m001")
    do(client("fabmanager"), "/members/m001", do="forget", sure="m001")
    assert Account.objects.filter(role="administrator").exists()
    assert row("member/m001") is not None


def test_whoever_has_nearly_the_same_id_is_not_forgotten_with_them(database):
    from protocol.rows import Certification, Member, Training
    from server.devices.models import Device, Proposal
    from server.edits.authors import Author
    from server.edits.editing import carry_out
    from server.edits.models import Change

    names = {"Ann": "Anna Weg", "ann": "Other", "a_n": "Third", "a%n": "Fourth"}
    rows = [Training("t")]
    for who, name in names.items():
        rows += [Member(who, name), Certification(who, "t")]
    carry_out(Author(name="test"), "demo", rows)
    device = Device.objects.create(id="d", key="k" * 43, sealing="s")
    for who in names:
        Proposal.objects.create(device=device, key=f"certification/{who}/u", row="")
    browser = client()
    for gone, left in (("Ann", 3), ("a_n", 2), ("a%n", 1)):
        do(browser, "/members?" + urlencode({"id": gone}), do="forget", sure=gone)
        assert row(f"member/{gone}") is None
        kept = Change.objects.filter(key="certification/ann/t", after__isnull=False)
        assert kept.exists(), f"forgetting {gone} took what stood of another"
        assert Proposal.objects.count() == left and Proposal.objects.filter(key="certification/ann/u").exists()


def test_whoever_has_an_id_of_any_letters_is_forgotten_whole(database):
    from protocol.rows import Badge, Member
    from server.core.models import SentForm
    from server.edits.authors import Author
    from server.edits.editing import carry_out
    from server.edits.models import Change

    who = 'q"\\é %&'
    carry_out(Author(name="test"), "demo", [Member(who, "Zacharie")])
    carry_out(Author(name="test"), "demo", [Badge("a" * 32, who)])
    carry_out(Author(name="test"), "demo", drop=["badge/" + "a" * 32])
    browser, address = client(), "/members?" + urlencode({"id": who})
    for _click in range(2):
        do(browser, address, do="save", name="Zacharie", once="a" * 16)
    assert SentForm.objects.exists()
    do(browser, address, do="forget", sure=who)
    assert row(f"member/{who}") is None and not SentForm.objects.exclude(location="/whitelist").exists()
    assert not Change.objects.exclude(before=None).exists() and not Change.objects.exclude(after=None).exists()


def test_no_trace_says_that_somebody_looked_for_who_is_forgotten(database):
    from protocol.rows import Member
    from server.accounts.models import AuditRecord
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    carry_out(Author(name="test"), "demo", [Member("x 7", "Élodie Béranger"), Member("y", "Somebody")])
    browser = client()
    for said in ("elodie", "BÉRANGER", "be\u0301ranger", "someb"):
        browser.get("/whitelist", {"q": said}, secure=True)
        browser.get("/usage", {"member": said}, secure=True)
    browser.get("/explain", {"member": "Élodie Béranger (x 7)", "machine": "m"}, secure=True)
    browser.get("/members?id=x%207", secure=True)
    do(browser, "/members?id=x%207", do="forget", sure="x 7")
    looked = AuditRecord.objects.filter(what__startswith="look").exclude(about__in=["", "-"])
    assert set(looked.values_list("about", flat=True)) == {"someb", "member=someb"}


def test_letters_to_the_account_of_who_is_forgotten_go_with_it(database):
    from server.accounts.models import Account
    from server.mail.models import Letter

    fill()
    Account.objects.create(username="m001", role="member", member="m001", email="own@example.org")
    for to in ("OWN@example.org", "other@example.org"):
        Letter.objects.create(to=to, subject="s", body="b")
    do(client(), "/members/m001", do="forget", sure="m001")
    assert list(Letter.objects.values_list("to", flat=True)) == ["other@example.org"]
