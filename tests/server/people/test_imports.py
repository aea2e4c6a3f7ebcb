"""A sheet of members."""

import io

from browsing import client, fill, row


def test_a_sheet_is_looked_at_before_it_counts_and_can_be_taken_back(database):
    from central import until

    from server.edits.models import Edit

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
    from server.edits.authors import Author
    from server.edits.editing import undo

    undo(Author(name="test"), Edit.objects.get(what="imported"))
    assert row("member/zoe") is None
