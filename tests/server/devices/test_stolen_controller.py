"""What one stolen controller can say: nothing that it was not sent to know, nothing for long, nothing for good."""

import pytest
from browsing import client, do, fill, row, version

from protocol.entries import Edited
from protocol.rows import Badge, Certification, Level, Member


@pytest.fixture
def pi(database):
    from server.core import state
    from server.devices.models import Device
    from server.whitelist.models import Machine

    fill()
    state.put(state.GENERATION, "7")
    device = Device.objects.create(id="pi", name="Pi", sent=version())
    Machine.objects.filter(pk="laser").update(device=device)
    return device


def says(device, *rows, base=None, by="m000", gone=(), count=[0]):  # noqa: B006 - one number for all
    from server.devices import local_edits

    count[0] += 1
    said = Edited(
        version=1, put=len(rows), dropped=len(gone), by=by, rows=rows, gone=gone, machine="laser",
        base=version() if base is None else base, generation=7,
    )  # fmt: skip
    local_edits.take_over(device, "epoch", count[0], said)


def excluded():
    from server.people.models import Member as People

    return set(People.objects.filter(excluded=True).values_list("pk", flat=True))


def notices(what):
    from server.inbox.models import Notice

    return Notice.objects.filter(what=what, done=None)


@pytest.mark.parametrize("claimed", [2**53 - 1, 10**6])
def test_an_edit_over_a_version_that_it_was_never_sent_has_seen_nothing(pi, claimed):
    do(client(), "/whitelist/cell/m001/laser", do="revoke")
    says(pi, Certification("m001", "laser"), base=claimed)
    assert row("certification/m001/laser") is None
    assert notices("lost_to").exists()


def test_what_it_was_sent_it_has_seen(pi):
    from server.devices.models import Device

    do(client(), "/whitelist/cell/m001/laser", do="revoke")
    Device.objects.update(sent=version())
    says(pi, Certification("m001", "laser"))
    assert row("certification/m001/laser") == Certification("m001", "laser")


def test_it_excludes_as_many_in_an_hour_as_its_workshop_allows_and_then_a_person_is_asked(pi):
    from server.devices.models import Device, Proposal
    from server.sites.models import Site

    Site.objects.update(exclusions=2)
    says(pi, Member("m010", "Member 010", excluded=True))
    says(pi, Badge(f"{11:032x}", "m011", blocked=True))
    assert not notices("suspicious").exists()
    says(pi, *(Member(f"m{each:03d}", excluded=True) for each in range(20, 50)))
    assert excluded() == {"m010"}, "the third waits with all of its edit"
    assert notices("suspicious").get().is_alarm
    assert Device.objects.get(pk="pi").is_held
    assert Proposal.objects.count() == 30
    says(pi, Certification("m005", "laser"))
    assert row("certification/m005/laser") is None, "so does all that it says from then on"


def test_what_was_allowed_an_hour_ago_counts_no_more(pi):
    from datetime import timedelta

    from django.db.models import F

    from server.edits.models import Edit
    from server.sites.models import Site

    Site.objects.update(exclusions=1)
    says(pi, Member("m010", "Member 010", excluded=True))
    Edit.objects.update(at=F("at") - timedelta(minutes=61))
    says(pi, Member("m012", excluded=True))
    assert excluded() == {"m010", "m012"}


def test_what_it_did_is_taken_back_at_once_and_it_is_believed_again(pi):
    from server.devices.models import Device
    from server.sites.models import Site

    Site.objects.update(exclusions=3)
    says(pi, Member("m010", excluded=True), Member("m012", excluded=True))
    says(pi, Member("new-thief"), Badge("d" * 32, "new-thief"), Certification("new-thief", "laser"))
    says(pi, Member("m014", excluded=True), Member("m016", excluded=True))
    browser = client("fabmanager")
    page = browser.get("/devices").content.decode()
    assert "excluded or blocked too many" in page
    assert "take_back" in page
    do(browser, "/devices", do="take_back", device="pi")
    assert excluded() == set()
    assert row("member/new-thief") is None
    assert row("badge/" + "d" * 32) is None
    assert Device.objects.get(pk="pi").is_held
    do(browser, "/devices", do="trust", device="pi")
    assert not Device.objects.get(pk="pi").is_held
    assert "take_back" not in browser.get("/devices").content.decode()


def test_a_person_may_decide_otherwise_about_the_rest_and_it_is_counted_of_those_who_were_taken_back(pi):
    from server.sites.models import Site

    Site.objects.update(exclusions=3)
    says(pi, Member("m010", excluded=True), Member("m012", excluded=True))
    browser = client("fabmanager")
    do(browser, "/members/m010", do="welcome")
    do(browser, "/devices", do="take_back", device="pi")
    assert excluded() == {"m012"}, "an edit that somebody changed since is not undone over them"
    assert "1 could not be" in browser.get("/devices").content.decode()


def test_a_flood_of_edits_keeps_each_row_once_and_not_without_end(pi, monkeypatch):
    from server.devices import local_edits
    from server.devices.models import Proposal

    monkeypatch.setattr(local_edits, "MOST_HELD", 12)
    for _turn in range(5):
        says(pi, *(Certification(f"m{each:03d}", "wood") for each in range(10)))
    assert Proposal.objects.count() == 10
    says(pi, *(Certification(f"m{each:03d}", "wood") for each in range(10, 20)))
    assert Proposal.objects.count() == 12
    assert notices("too_many_held").exists()
    assert notices("held").get().count == 6


def test_an_edit_of_more_rows_than_one_has_is_not_taken_over_in_part(pi):
    from server.devices.local_edits import LargeError
    from server.devices.models import Proposal

    with pytest.raises(LargeError):
        says(pi, *(Certification(f"m{each:03d}", "laser") for each in range(501)))
    assert row("certification/m400/laser") is None
    assert not Proposal.objects.exists()


def test_whoever_is_here_already_is_entered_by_no_edit_and_gets_no_badge_by_it(pi):
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    carry_out(
        Author(name="shell"), "x", [Member("new-abc", "Alice"), Certification("new-abc", "wood", Level.MAINTAINER)]
    )
    says(pi, Member("new-abc"), Badge("f" * 32, "new-abc"), base=version())
    assert row("badge/" + "f" * 32) is None


def test_a_reader_gives_and_takes_nothing_away(pi):
    from datetime import date

    from server.devices.models import Device, Proposal

    Device.objects.update(sent=version())
    says(pi, Certification("m001", "laser", until=date(2000, 1, 1)))
    assert row("certification/m001/laser") == Certification("m001", "laser")
    assert Proposal.objects.count() == 1


# --- badges that are read anew ---


def rehash(device, badge, new):
    from server.devices import rehashing

    rehashing.rehash(device, f"{badge:032x}", new * 32)


@pytest.fixture
def rotating(monkeypatch):
    from central import configuration

    from server.core import keys

    found = keys.load(configuration.data_dir).with_new_badge_key()
    monkeypatch.setattr(keys, "load", lambda _folder: found)


def test_where_there_is_one_key_no_badge_was_read_under_an_older_one(pi):
    rehash(pi, 5, "7")
    assert row("badge/" + "7" * 32) is None
    assert notices("not_rehashed").get().is_alarm


def test_while_keys_rotate_each_badge_is_read_anew_once(pi, rotating):
    rehash(pi, 5, "7")
    rehash(pi, 5, "8")
    assert row("badge/" + "7" * 32) == Badge("7" * 32, "m005")
    assert row("badge/" + "8" * 32) is None


def test_a_badge_that_came_with_a_controllers_own_list_is_read_anew_too(pi):
    from protocol.messages import Proposals
    from server.devices import proposals
    from server.edits.authors import Author

    proposals.keep(pi, Proposals((Member("own", "Own"), Badge("9" * 32, "own")), 2))
    proposals.take_over(Author(name="shell"), pi)
    from server.devices import rehashing

    rehashing.rehash(pi, "9" * 32, "7" * 32)
    assert row("badge/" + "7" * 32) == Badge("7" * 32, "own")


def test_of_whoever_rises_later_a_person_looks_at_what_a_controller_read_anew(pi, rotating):
    from server.devices.models import Proposal

    rehash(pi, 5, "7")
    browser = client()
    do(browser, "/whitelist/cell/m005/wood", do="grant", level="maintainer", until="")
    assert row("certification/m005/wood").level is Level.MAINTAINER
    assert row("badge/" + "7" * 32) is None
    assert row(f"badge/{5:032x}") is not None, "the badge itself still opens"
    assert notices("held").exists()
    do(browser, "/proposals", do="take", device="pi", all="1")
    assert row("badge/" + "7" * 32) == Badge("7" * 32, "m005")
    assert not Proposal.objects.exists()
    do(browser, "/whitelist/cell/m005/laser", do="grant", level="trainer", until="")
    assert row("badge/" + "7" * 32) is not None, "somebody has looked at it"


def test_of_a_controller_that_is_held_a_badge_waits_for_a_person_and_no_chain_of_them_is_made(pi, rotating):
    from server.devices import rehashing
    from server.devices.models import Device, Proposal

    rehash(pi, 5, "7")
    rehashing.rehash(pi, "7" * 32, "8" * 32)
    assert row("badge/" + "8" * 32) is None, "there is one key more, and each badge has one hash more by it"
    Device.objects.update(is_held=True)
    rehash(pi, 6, "9")
    assert row("badge/" + "9" * 32) is None
    assert Proposal.objects.count() == 1


def test_a_trainers_badge_waits_for_a_person_once(pi, rotating):
    from server.devices.models import Proposal

    for new in "789":
        rehash(pi, 0, new)
    assert Proposal.objects.count() == 1
    assert row("badge/" + "7" * 32) is None
