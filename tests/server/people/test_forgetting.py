"""A member who is forgotten."""

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


def test_letters_to_the_account_of_who_is_forgotten_go_with_it(database):
    from server.accounts.models import Account
    from server.mail.models import Letter

    fill()
    Account.objects.create(username="m001", role="member", member="m001", email="own@example.org")
    for to in ("OWN@example.org", "other@example.org"):
        Letter.objects.create(to=to, subject="s", body="b")
    do(client(), "/members/m001", do="forget", sure="m001")
    assert list(Letter.objects.values_list("to", flat=True)) == ["other@example.org"]
