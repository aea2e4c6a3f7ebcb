"""PINs on the pages: set, taken away, by whom; and shown nowhere."""

from browsing import client, do, fill, row
from central import HOME

from protocol.pin import is_right

PIN = "90210735"


def the_key():
    from server.core import keys

    return keys.load(HOME / "data").badge_keys[0]


def test_a_fabmanager_gives_a_pin_changes_it_and_takes_it_away(sqlite):
    fill()
    browser = client("fabmanager")
    assert "There is none yet." in browser.get("/members/m007", secure=True).content.decode()
    assert do(browser, "/members/m007", do="pin", pin=PIN, again=PIN).status_code == 302
    first = row("pin/m007")
    assert is_right(first, PIN, the_key())
    text = browser.get("/members/m007", secure=True).content.decode()
    assert "There is one." in text and "gave Member 007 a PIN" in text
    assert PIN not in text and first.hash not in text
    for path in ("/history", "/whitelist", "/members-sheet?kind=csv"):
        content = b"".join(browser.get(path, secure=True))
        assert PIN.encode() not in content and first.hash.encode() not in content, path
    do(browser, "/members/m007", do="pin", pin="4711", again="4711")
    assert is_right(row("pin/m007"), "4711", the_key()) and not is_right(row("pin/m007"), PIN, the_key())
    do(browser, "/members/m007", do="pin", pin="", again="")
    assert row("pin/m007") is None


def test_a_pin_that_is_no_good_or_typed_in_two_ways_is_refused_and_not_repeated(sqlite):
    fill()
    browser = client("fabmanager")
    for pin, again, why in (("1234", "1234", "guessed"), ("47", "47", "digits"), (PIN, "90210736", "two ways")):
        answer = do(browser, "/members/m007", do="pin", pin=pin, again=again)
        text = answer.content.decode()
        assert (answer.status_code, why in text) == (422, True), text
        assert f'value="{pin}"' not in text
    assert row("pin/m007") is None


def test_a_member_chooses_a_pin_and_nobody_elses(sqlite):
    fill()
    browser = client("member", member="m007")
    assert do(browser, "/me/badge", do="pin", pin=PIN, again=PIN).status_code == 302
    assert is_right(row("pin/m007"), PIN, the_key())
    assert do(browser, "/members/m008", do="pin", pin=PIN, again=PIN).status_code == 403
    assert row("pin/m008") is None
    assert do(browser, "/me/badge", do="pin", pin="1111", again="1111").status_code == 422


def test_whoever_is_forgotten_has_no_pin_and_no_history_of_one(sqlite):
    from server.edits.models import Change

    fill()
    browser = client()
    do(browser, "/members/m007", do="pin", pin=PIN, again=PIN)
    kept = row("pin/m007").hash
    do(browser, "/members/m007", do="forget", sure="m007")
    assert row("pin/m007") is None
    assert not any(kept in f"{each.before}{each.after}" for each in Change.objects.all())


def test_a_pin_can_be_given_back_by_undoing(sqlite):
    from server.edits.models import Edit

    fill()
    browser = client()
    do(browser, "/members/m007", do="pin", pin=PIN, again=PIN)
    do(browser, "/members/m007", do="pin", pin="", again="")
    do(browser, f"/history/{Edit.objects.latest('pk').pk}/undo")
    assert is_right(row("pin/m007"), PIN, the_key())
