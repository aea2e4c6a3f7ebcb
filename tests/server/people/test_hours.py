"""When a category may start."""

from browsing import client, do, fill, row


def test_hours_are_written_as_people_write_them(sqlite):
    fill()
    browser = client()
    do(browser, "/setup", do="hours", category="student", day0="9:00-12:00, 14h-18h30", at="hours")
    assert row("hours/student").open == ((540, 720), (840, 1110))
    do(browser, "/setup", do="hours", category="student", day0="25:00-26:00")
    assert "are no hours" in browser.get("/setup", secure=True).content.decode()
    do(browser, "/setup", do="hours", category="student", always="1")
    assert row("hours/student") is None
