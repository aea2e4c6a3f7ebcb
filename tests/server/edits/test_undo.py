"""What is taken back, and what two people do at once."""

import io

import pytest
from browsing import client, do, fill, row


def test_undo_brings_nothing_dangerous_back(sqlite):
    from server.edits.authors import Author
    from server.edits.editing import EditError, undo
    from server.edits.models import Edit

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

    from server.edits.models import Edit

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
