"""Why somebody may use a machine, or not."""

from browsing import client, fill


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
