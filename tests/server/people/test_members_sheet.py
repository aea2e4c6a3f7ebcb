"""Members and history as files, in every format, with names and no formula."""

import pytest
from browsing import client, do, fill

from protocol.rows import Member


@pytest.fixture
def browser(sqlite):
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    fill()
    carry_out(Author(name="test"), "imported", [Member("eve", '=HYPERLINK("x")', payer="École Jean Zay")])
    found = client("administrator")
    do(found, "/members/eve", do="particulars", birth_year="1987", commune="Die", insurance="2027-03-31")
    return found


def text(answer):
    return b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()


def test_every_member_is_in_the_sheet_with_what_is_known_of_them_and_who_pays(browser):
    from server.accounts.models import AuditRecord

    lines = text(browser.get("/members-sheet?as=csv", secure=True)).splitlines()
    assert len(lines) == 62
    (eve,) = [line for line in lines if line.startswith("eve")]
    assert eve.startswith("eve,\"'=HYPERLINK"), "a name is no formula"
    assert all(said in eve for said in ("École Jean Zay", "1987", "Die", "2027-03-31"))
    assert AuditRecord.objects.filter(what="exported_members").exists()


def test_the_sheet_is_in_the_readers_language_to_its_last_row(browser):
    do(browser, "/members/m003", do="exclude")
    answer = browser.get("/members-sheet?as=csv", secure=True, headers={"accept-language": "fr"})
    (line,) = [each for each in text(answer).splitlines() if each.startswith("m003")]
    assert ";oui;" in line and "yes" not in line


SHEETS = ["/members-sheet", "/history", "/devices", "/inbox", "/mail", "/usage"]


@pytest.mark.parametrize("path", SHEETS)
@pytest.mark.parametrize("how", ["csv", "xlsx", "ods", "pdf"])
def test_it_is_had_in_every_format(browser, path, how):
    answer = browser.get(f"{path}?as={how}", secure=True)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].endswith(f'.{how}"')
    assert b"".join(answer)
    answer.close()


@pytest.mark.parametrize("path", SHEETS)
def test_a_format_that_there_is_not_is_refused(browser, path):
    assert browser.get(f"{path}?as=doc", secure=True).status_code == 422
    assert client("trainer").get(f"{path}?as=csv", secure=True).status_code == 403


def test_history_goes_back_a_hundred_at_a_time(browser):
    from server.edits.models import Edit

    Edit.objects.bulk_create(Edit(by=f"author-{number}", what="hours") for number in range(150))
    first = text(browser.get("/history", secure=True))
    last = Edit.objects.order_by("-pk")[99].pk
    assert f'href="?from={last}"' in first and "author-149" in first and "author-40<" not in first
    then = text(browser.get(f"/history?from={last}", secure=True))
    assert "author-40" in then and "author-149" not in then and 'href="?from=' not in then
    assert browser.get("/history?from=soon", secure=True).status_code == 200
    assert len(text(browser.get("/history?as=csv", secure=True)).splitlines()) == Edit.objects.count() + 1
