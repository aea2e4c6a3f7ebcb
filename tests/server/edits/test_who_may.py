"""Who may change which row is asked where rows are written: by a page, an undo, a class, a sheet alike."""

import pytest
from browsing import client, do, fill, row

from protocol.rows import Badge, Certification, ForcedEnd, Hours, Level, Machine, Member, Pin, Training


def author_of(role, member=""):
    from server.accounts.models import Account
    from server.edits.authors import Author

    account, _made = Account.objects.get_or_create(username=f"{role}-{member}", defaults={"role": role})
    Account.objects.filter(pk=account.pk).update(role=role, member=member)
    return Author(account=account, name=account.username)


ROWS = [
    Training("weld", "Welding"),
    Machine("laser", "Another name", ("laser",)),
    Machine("saw", "Saw", ("wood",), "locked"),
    Member("m005", "Another name"),
    Member("new-one"),
    Badge(f"{5:032x}", "m006"),
    Certification("m005", "laser", Level.TRAINER),
    Certification("m005", "wood"),
    Hours("student", ((480, 1080),)),
    ForcedEnd("saw", "m001", by="x"),
    Pin("m001", "d" * 32, "e" * 16, "f" * 64),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
@pytest.mark.parametrize("role", ["trainer", "member"])
def test_a_trainer_and_a_member_write_no_row_that_is_not_theirs(sqlite, row, role):
    from server.edits.editing import carry_out
    from server.edits.rows import NotAllowedError

    fill()
    with pytest.raises(NotAllowedError):
        carry_out(author_of(role, "m000"), "imported", [row])


def test_a_trainer_writes_what_they_teach_locks_its_machines_and_ends_what_runs_there(sqlite):
    from server.edits.editing import carry_out
    from server.edits.rows import NotAllowedError

    fill()
    trainer = author_of("trainer", "m000")
    laser = row("machine/laser")
    locked = Machine(laser.id, laser.name, laser.requires, "mirror")
    carry_out(trainer, "class", [Certification("m005", "laser"), locked, ForcedEnd("laser", "m001", by="x")])
    assert row("certification/m005/laser") is not None
    with pytest.raises(NotAllowedError):
        carry_out(trainer, "revoked", drop=["certification/m000/laser"])  # a trainer's own level
    carry_out(author_of("member", "m001"), "pin_set", [Pin("m001", "d" * 32, "e" * 16, "f" * 64)])


def test_whoever_was_demoted_undoes_nothing_that_they_may_no_longer_do(database):
    from server.accounts.models import Account
    from server.edits.models import Edit

    fill()
    browser = client("fabmanager")
    do(browser, "/whitelist/cell/m002/wood", do="grant", level="user")
    do(browser, "/members/m002", do="exclude")
    do(browser, "/whitelist/cell/m002/wood", do="revoke")
    Account.objects.filter(username="fabmanager-").update(role="trainer", member="m000")
    for edit in Edit.objects.filter(what__in=["excluded", "revoked"]):
        do(browser, f"/history/{edit.pk}/undo")
    assert row("member/m002").excluded
    assert row("certification/m002/wood") is None


def test_the_role_counts_that_an_account_has_when_its_edit_is_written(sqlite):
    from server.accounts.models import Account
    from server.edits.editing import carry_out
    from server.edits.rows import NotAllowedError

    fill()
    author = author_of("fabmanager")
    Account.objects.update(role="member")
    with pytest.raises(NotAllowedError):
        carry_out(author, "excluded", [Member("m001", "Member 001", "student", excluded=True)])
    Account.objects.update(role="fabmanager", is_active=False)
    with pytest.raises(NotAllowedError):
        carry_out(author, "excluded", [Member("m001", "Member 001", "student", excluded=True)])
