"""Granting and revoking in the grid: who may give what, a class at once."""

from browsing import client, do, fill, row

from protocol.rows import Certification, Level


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


def test_grant_extend_revoke_and_undo_in_the_grid(database):
    from server.edits.models import Edit

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
    from server.whitelist.models import ForcedEnd

    assert ForcedEnd.objects.filter(machine="laser", member="m002").exists()
    last = Edit.objects.latest("pk")
    do(browser, f"/history/{last.pk}/undo", back="/whitelist")
    assert row("certification/m002/laser") is not None and not ForcedEnd.objects.exists()
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


def test_a_trainer_locks_only_what_they_teach_and_an_excluded_one_gives_nothing(sqlite):
    fill()
    browser = client("trainer", "m000")
    assert do(browser, "/machines", do="lock", machine="saw", why="x").status_code == 422
    assert do(browser, "/machines", do="lock", machine="laser", why="x").status_code == 302
    do(client(), "/members/m000", do="exclude")
    assert do(browser, "/whitelist/cell/m003/laser", do="grant", level="user").status_code == 422
