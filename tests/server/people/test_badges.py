"""Badges given, lent, lost."""

from browsing import client, do, fill, row


def test_badges_are_given_lent_and_blocked(sqlite):
    from datetime import UTC, datetime

    from server.people.models import UnknownBadge

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


def test_a_lost_badge_stays_blocked_whoever_asks_and_under_whatever_key(sqlite):
    from central import HOME

    from server.core import keys

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
