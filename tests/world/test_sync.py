"""A controller and its server, on a real line: what is edited here is decided there, and what happened is known."""

import msgspec
import pytest
from central import OnTheLine, until
from workshop import CARDS, Workshop

from common.errors import LoquetError
from controller.store import database, journal
from protocol.moment import Quality
from protocol.rows import Badge, Certification, ForcedEnd, Hours, Level, Machine, Member, Training
from server.edits import editing, rows
from server.edits.authors import Author


@pytest.fixture
def shop():
    with Workshop() as made:
        yield made


def test_a_controller_that_was_alone_gives_an_empty_server_its_list_and_keeps_its_badges(shop, central):
    line = OnTheLine(shop, central)
    line.sync()
    from server.people.models import Member as Members

    assert Members.objects.count() == 6
    shop.lay("marie")
    assert shop.closed()


def test_what_happened_is_known_at_the_server_once_in_order_with_its_minutes(shop, central):
    line = OnTheLine(shop, central)
    shop.lay("marie")
    shop.wait(600)
    shop.take("marie")
    shop.wait(60)
    line.send()
    line.sync()
    from server.journal.models import Entry
    from server.usage.models import Session

    (session,) = Session.objects.all()
    assert (session.member, session.machine, session.ended) == ("marie", "laser", True)
    assert session.powered == shop.sessions()[0].powered_s * 1000
    assert session.started is not None
    mine = [line.seq for line in journal.lines(shop.db)]
    assert list(Entry.objects.order_by("seq").values_list("seq", flat=True)) == mine
    line.send()
    assert Entry.objects.count() == len(shop.entries())


def test_a_revocation_in_the_browser_is_a_refusal_at_the_machine(shop, central):
    line = OnTheLine(shop, central)
    line.sync()
    central.edit(drop=["certification/marie/safety"])
    line.fetch(5)
    shop.lay("marie")
    assert not shop.closed()
    assert shop.refusals()[-1] == "training_missing"
    central.edit(Certification("marie", "safety"))
    line.fetch(5)
    shop.take("marie")
    shop.lay("marie")
    assert shop.closed()
    assert "server" not in shop.badges.whitelist.members


def test_a_lock_that_cuts_and_an_end_from_the_page_arrive_as_state(shop, central):
    line = OnTheLine(shop, central)
    line.sync()
    shop.lay("marie")
    assert shop.closed()
    central.edit(Machine("laser", "", ("safety",), "the mirror is dirty"))
    line.fetch(5)
    assert shop.closed(), "a lock waits until it is idle"
    session = shop.sessions()[-1].session
    central.edit(ForcedEnd("laser", session=session))
    line.fetch(5)
    assert not shop.closed()
    assert shop.ends()[-1] == "remote"
    shop.take("marie")
    shop.lay("marie")
    assert not shop.closed()
    central.edit(Machine("laser", "", ("safety",)), drop=[f"cut/laser//{session}"])
    line.fetch(5)
    shop.take("marie")
    shop.lay("marie")
    assert shop.closed()
    central.edit(Machine("laser", "", ("safety",), "smoke", now=True))
    line.fetch(5)
    assert not shop.closed(), "a lock that says now cuts"


def test_opening_hours_refuse_the_next_start_and_cut_nobody(shop, central):
    line = OnTheLine(shop, central)
    line.sync()
    shop.lay("marie")
    central.edit(Hours("", ()))
    line.fetch(5)
    assert shop.closed()
    shop.take("marie")
    shop.wait(10)
    shop.lay("marie")
    assert not shop.closed() and shop.refusals()[-1] == "closed_now"
    shop.take("marie")
    shop.lay("laure")
    assert shop.closed(), "a maintainer is not bound"
    shop.take("laure")
    shop.wait(10)
    shop.time.quality = Quality.UNKNOWN
    shop.wait(20)
    shop.lay("marie")
    assert shop.closed(), "under an unknown clock hours are not applied"


def test_an_edit_made_here_is_sent_at_once_and_not_with_the_next_session(shop, central):
    OnTheLine(shop, central)
    sent = []
    shop.writer.queue.on_commit = lambda: sent.append(shop.entries()[-1])
    shop.edit([Certification("paul", "safety")])
    assert [entry.rows for entry in sent] == [(Certification("paul", "safety"),)]


def test_an_edit_made_here_by_the_shell_stays_in_force_here_until_somebody_there_decides(shop, central):
    from server.devices import proposals
    from server.devices.models import Device

    line = OnTheLine(shop, central)
    line.sync()
    shop.edit([Certification("paul", "safety")])
    shop.lay("paul")
    assert shop.closed()
    shop.take("paul")
    shop.wait(20)
    line.sync()
    line.fetch()
    assert not rows.find(["certification/paul/safety"])
    shop.lay("paul")
    assert shop.closed(), "a download loses no local edit"
    shop.take("paul")
    shop.wait(20)
    proposals.decline(Device.objects.get())
    line.fetch_until(lambda: "paul/safety" not in shop.badges.whitelist.certifications)
    shop.lay("paul")
    assert not shop.closed()
    shop.take("paul")
    shop.wait(20)
    shop.edit([Certification("paul", "safety")])
    line.sync()
    proposals.take_over(Author(name="test"), Device.objects.get())
    line.fetch_until(lambda: not shop.db.execute("select count(*) from overlay").fetchone()[0])
    assert rows.find(["certification/paul/safety"])
    shop.lay("paul")
    assert shop.closed()


def with_somebody_let_in(shop, central):
    """A line to the server, and nobody's badge let in by Tom meanwhile."""
    from controller.station.events import TeachAsked

    line = OnTheLine(shop, central)
    line.sync()
    shop.ask(TeachAsked())
    shop.tap("tom")
    shop.tap("nobody")
    shop.wait(200)
    return line


def test_whom_a_trainer_let_in_at_a_reader_is_let_in_everywhere(shop, central):
    line = with_somebody_let_in(shop, central)
    line.sync()
    from server.inbox.models import Notice
    from server.whitelist.models import Certification as Certified

    (new,) = Certified.objects.filter(member__startswith="new-")
    assert new.level == Level.USER
    assert set(Notice.objects.values_list("what", flat=True)) >= {"edited", "unnamed"}
    line.fetch()
    assert not shop.db.execute("select count(*) from overlay").fetchone()[0], "the list includes it"
    shop.lay("nobody")
    assert shop.closed()


def test_a_name_that_is_typed_at_a_controller_arrives_and_stands_in_no_journal(shop, central):
    from server.devices.models import GivenName
    from server.journal.models import Entry
    from server.people.models import Member as Members

    line = with_somebody_let_in(shop, central)
    (new,) = (each for each in shop.badges.whitelist.members if each.startswith("new-"))
    line.sync()
    shop.replace("members", new, name="Zoé Martin")
    shop.wait(1)
    line.sync()
    assert Members.objects.get(pk=new).name == "Zoé Martin"
    assert not Entry.objects.filter(body__contains="Zo").exists()
    assert not GivenName.objects.exists()
    line.fetch()
    assert shop.badges.whitelist.members[new].name == "Zoé Martin"


def test_a_name_of_somebody_who_has_one_waits_for_a_person(shop, central):
    from server.devices.models import Proposal
    from server.people.models import Member as Members

    line = OnTheLine(shop, central)
    line.sync()
    before = Members.objects.get(pk="paul").name
    shop.replace("members", "paul", name="Somebody Else")
    shop.wait(1)
    line.sync()
    assert Members.objects.get(pk="paul").name == before
    assert "Somebody Else" in Proposal.objects.get(key="member/paul").row


def test_an_unlock_that_comes_from_the_server_says_who_made_it(shop, central):
    from server.edits.authors import Author
    from server.edits.editing import carry_out
    from server.upkeep.models import Downtime

    line = OnTheLine(shop, central)
    line.sync()
    laser = central_row("machine/laser")
    for locked, what in (("mirror", "locked"), ("", "unlocked")):
        carry_out(Author(name="laure"), what, [msgspec.structs.replace(laser, locked=locked)])
        line.fetch()
        shop.wait(1)
    assert [entry.by for entry in shop.entries("unlocked")] == ["server"]
    line.sync()
    assert list(Downtime.objects.filter(what="lock").values_list("by", flat=True)) == ["laure"]


def central_row(key):
    from server.edits import rows

    return rows.get(key)


def test_a_revocation_wins_over_a_grant_that_had_not_seen_it(shop, central):
    from controller.station.events import TeachAsked
    from server.inbox.models import Notice

    line = OnTheLine(shop, central)
    line.sync()
    shop.ask(TeachAsked())  # the line is dead meanwhile
    shop.tap("tom")
    shop.tap("lea")
    shop.wait(200)
    assert shop.badges.whitelist.certifications["lea/safety"].level is Level.USER
    central.edit(drop=["certification/lea/safety"])
    line.sync()
    line.fetch()
    assert "lea/safety" not in shop.badges.whitelist.certifications
    assert not rows.find(["certification/lea/safety"])
    # The server's own thread may be at it.
    until(lambda: Notice.objects.filter(what="lost_to").exists(), "the notice")


def test_a_lock_by_a_maintainers_badge_is_known_at_the_server(shop, central):
    line = OnTheLine(shop, central)
    line.sync()
    shop.replace("machines", "laser", locked="locked at the machine")
    line.sync()
    assert rows.find(["machine/laser"])["machine/laser"].locked == "locked at the machine"


def test_a_restored_server_is_sent_again_what_it_forgot_and_its_list_wins(shop, central, tmp_path):
    from central import configuration

    from server.journal.models import Entry
    from server.operations import backup

    line = OnTheLine(shop, central)
    shop.tap("paul")
    line.sync()
    backup.write(configuration, tmp_path / "b")
    before = Entry.objects.count()
    central.edit(drop=["certification/marie/safety"])
    shop.tap("paul")
    line.sync()
    assert Entry.objects.count() > before
    backup.restore(configuration, tmp_path / "b")
    assert Entry.objects.count() == before
    editing.touch()
    shop.tap("paul")
    line.send()
    assert Entry.objects.count() == len(shop.entries()), "nothing is lost, nothing is there twice"
    line.fetch(5)
    assert "marie/safety" in shop.badges.whitelist.certifications, "as the backup had it"


def test_another_entry_under_a_used_number_is_an_alarm_and_the_journal_goes_on(shop, central):
    from server.inbox.models import Notice
    from server.journal.models import Entry, Stream

    line = OnTheLine(shop, central)
    shop.tap("paul")
    line.send()
    event = Entry.objects.latest("pk")
    Entry.objects.filter(pk=event.pk).update(body='{"type":"unknown"}')
    Stream.objects.update(acknowledged_seq=event.seq - 1)
    shop.tap("paul")
    count = Entry.objects.count()
    line.up._from[database.meta(shop.db, "epoch")] = event.seq - 1
    line.send()
    line.send()
    assert Notice.objects.filter(what="conflict").exists()
    assert Stream.objects.count() == 2
    assert Entry.objects.count() > count
    assert Entry.objects.get(pk=event.pk).body == '{"type":"unknown"}', "nothing is overwritten"
    assert not line.up.trouble


def test_what_was_saved_of_a_damaged_database_arrives_under_its_old_epoch(shop, central):
    from server.journal.models import Entry, Stream
    from server.usage.models import Session

    line = OnTheLine(shop, central)
    line.sync()
    shop.lay("marie")
    shop.wait(120)
    shop.take("marie")
    shop.wait(20)
    count = len(shop.entries())
    shop.loop.writes.damaged("a byte flipped")
    shop.settle()
    shop.settle()
    line.sync()
    line.sync()
    assert Stream.objects.count() == 2
    assert Entry.objects.filter(stream=Stream.objects.order_by("pk")[0]).count() == count
    assert Session.objects.get().powered == 120_000 + 5_000 or Session.objects.get().ended
    shop.lay("marie")
    assert shop.closed(), "and the list came back"


def test_a_new_badge_key_is_fetched_and_badges_stay_readable(shop, central):
    from server.core import keys as server_keys

    line = OnTheLine(shop, central)
    line.sync()
    old = shop.badges.key.fingerprint
    central.use_keys(central.keys.with_new_badge_key())
    try:
        line.fetch()
        assert shop.badges.key.fingerprint != old
        shop.lay("marie")
        assert shop.closed(), "known under an older key"
        line.sync()
        new = shop.badges.key.hash(bytes.fromhex(CARDS["marie"]), "iso14443a")
        assert rows.find([f"badge/{new}"])[f"badge/{new}"].member == "marie"
        line.fetch(5)
        shop.take("marie")
        shop.lay("marie")
        assert shop.closed()
    finally:
        central.use_keys(server_keys.load(central.home / "data"))


def test_a_dead_controller_is_replaced_by_a_new_card_with_its_machines_and_hours(shop, central):
    from server.devices.models import Device
    from server.whitelist.models import Machine as Machines

    line = OnTheLine(shop, central, name="Saillans")
    line.sync()
    shop.lay("marie")
    shop.wait(600)
    shop.take("marie")
    shop.wait(20)
    line.sync()
    old = Device.objects.get()
    with Workshop() as fresh:
        fresh.edit(drop=list(fresh.badges.whitelist.rows()))
        new = OnTheLine(fresh, central, code=central.code(replaces=old))
        new.sync()
        new.fetch()
        assert Machines.objects.get().device_id == new.identity.device
        assert fresh.db.execute("select powered from counters where machine = 'laser'").fetchone()[0] >= 600_000
        fresh.lay("tom")
        assert fresh.badges.whitelist.machines["laser"].requires == ("safety",)
    old.refresh_from_db()
    assert old.retired
    line.up._report_at = 0
    line.up.step()
    assert "refuses" in line.up.trouble


def test_a_list_that_a_server_brought_grows_old_by_itself_after_thirty_days(shop, central):
    line = OnTheLine(shop, central)
    line.sync()
    shop.loop.age.confirmed = shop.clock.earliest
    assert shop.loop.age.days(shop.clock.earliest + 29 * 86_400_000) == 29
    assert shop.loop.age.days(shop.clock.earliest + 10 * 86_400_000) is None


def test_the_servers_time_raises_what_is_known_and_may_lower_it(shop, central):
    from controller.runtime.messages import ServerTime

    OnTheLine(shop, central)
    earliest = shop.clock.earliest
    shop.time.quality = Quality.UNKNOWN
    shop.wait(20)
    shop.loop.put(ServerTime(earliest + 5 * 86_400_000))
    shop.settle()
    assert shop.clock.earliest >= earliest + 5 * 86_400_000
    shop.loop.put(ServerTime(earliest + 1_000))
    shop.settle()
    assert shop.clock.earliest < earliest + 86_400_000
    assert shop.entries("clock_lowered")


def test_nothing_is_purged_before_the_server_has_it(shop, central):
    line = OnTheLine(shop, central)
    shop.tap("paul")
    before = len(shop.entries("refused"))
    shop.power_cut()
    shop.start()
    line.join()
    for _day in range(130):
        shop.time.wall += 86_400_000
        shop.writer.house.purge_at = 0
        shop.wait(15)
    assert len(shop.entries("refused")) >= before, "nobody has fetched it"
    line.send()
    for _day in range(3):
        shop.time.wall += 86_400_000
        shop.writer.house.purge_at = 0
        shop.wait(15)
    assert not shop.entries("refused")


def test_where_nobody_answers_taps_wait_for_nothing_and_the_line_comes_back_by_itself(shop, central):
    line = OnTheLine(shop, central)
    line.sync()
    address = line.identity.address
    line.line._identity = msgspec.structs.replace(line.identity, address="localhost:9")
    shop.lay("marie")
    assert shop.closed()
    assert line.up.step() >= 0 and line.up.trouble
    assert line.down.step(0) >= 0 and line.down.trouble
    line.line._identity = msgspec.structs.replace(line.identity, address=address)
    line.sync()
    assert not line.up.trouble and not line.down.trouble


def test_a_code_is_good_once_and_wrong_ones_say_what_to_do(shop, central):
    from controller.commands.enrol import EnrolError
    from protocol.messages import CodeError, read_code

    with pytest.raises(CodeError):
        read_code("laser")
    code = central.code()
    elsewhere = msgspec.structs.replace(code, fingerprint="0" * 32)
    with pytest.raises(EnrolError):
        OnTheLine(shop, central, code=elsewhere)
    OnTheLine(shop, central, code=code)
    with Workshop() as other, pytest.raises(LoquetError):
        OnTheLine(other, central, code=code)


def test_a_list_that_finds_no_room_changes_nothing_and_comes_once_there_is(shop, central, monkeypatch):
    from controller.store import edits

    line = OnTheLine(shop, central)
    before = {row.key for row in shop.badges.whitelist.rows()}
    with monkeypatch.context() as full:
        full.setattr(edits, "RESERVE_BYTES", 10**18)
        line.down.step(0)
    assert "free" in line.down.trouble
    assert {row.key for row in shop.badges.whitelist.rows()} == before
    shop.lay("marie")
    assert shop.closed(), "what was in force still is"
    line.fetch()
    assert shop.badges.whitelist.machines["laser"].requires == ("safety",)


def test_a_machine_that_was_just_enrolled_is_closed_until_somebody_has_said_what_it_asks_for(shop, central):
    """ "Nothing" is an answer, and is written down; display and page say what is missing."""
    from browsing import client, do

    shop.edit(drop=list(shop.badges.whitelist.rows()))
    central.edit(
        Training("safety"),
        Member("marie", "Marie"),
        Badge(shop.key.hash(bytes.fromhex(CARDS["marie"]), "iso14443a"), "marie"),
    )
    line = OnTheLine(shop, central)
    line.sync()
    assert shop.badges.whitelist.machines["laser"].requires is None
    shop.lay("marie")
    assert not shop.closed()
    assert shop.refusals()[-1] == "machine_unknown"
    shop.take("marie")
    shop.wait(30)
    assert "nobody has said yet" in " ".join(shop.display)
    browser = client()
    for path in ("/machines", "/setup"):
        assert "nobody has said yet what it asks for" in browser.get(path, secure=True).content.decode(), path
    do(browser, "/setup", do="machine", id="laser", name="Laser")
    assert "tick the trainings" in browser.get("/setup", secure=True).content.decode(), "silence is no answer"
    assert rows.find(["machine/laser"])["machine/laser"].requires is None
    do(browser, "/setup", do="machine", id="laser", name="Laser", nothing="1")
    assert "open to every member" in browser.get("/setup", secure=True).content.decode()
    line.fetch_until(lambda: shop.badges.whitelist.machines["laser"].requires == ())
    assert "free" in " ".join(shop.display)
    shop.lay("marie")
    assert shop.closed()


def test_the_workshops_time_zone_and_holidays_come_with_the_list(shop, central):
    line = OnTheLine(shop, central)
    line.sync()
    noon = shop.loop._clock.now().minute
    site = rows.get("site/main")
    assert shop.badges.whitelist.site == site
    central.edit(msgspec.structs.replace(site, zone="Pacific/Auckland"))
    line.fetch(5)
    assert (shop.loop._clock.now().minute - noon) % 10_080 == 12 * 60, "New Zealand is twelve hours ahead in November"
    central.edit(msgspec.structs.replace(site, zone="Nowhere/Land"))
    line.fetch(5)
    assert shop.loop._clock.now().minute == noon, "a zone that is not known here is the settings' own"
    central.edit(Hours("", ((0, 10_080),)))
    line.fetch(5)
    shop.lay("marie")
    assert shop.closed()
    shop.take("marie")
    shop.wait(10)
    central.edit(msgspec.structs.replace(site, holidays=(shop.loop._clock.now().today,)))
    line.fetch(5)
    shop.lay("marie")
    assert not shop.closed() and shop.refusals()[-1] == "closed_now"


def test_a_server_that_was_restored_has_the_usage_again_though_nothing_new_happens(shop, central):
    from server.core import state
    from server.journal import processing
    from server.journal.models import Entry, Stream
    from server.usage.models import Session

    line = OnTheLine(shop, central)
    shop.lay("marie")
    shop.wait(600)
    shop.take("marie")
    shop.wait(60)
    line.sync()
    assert Session.objects.count() == 1
    until(lambda: not processing.is_behind(), "it is read out")
    Entry.objects.all().delete()
    Session.objects.all().delete()
    Stream.objects.all().delete()  # as of a backup from before
    state.begin_anew()
    until(lambda: central.live.generation == int(state.get(state.GENERATION)), "the server knows its generation")
    line.fetch()
    line.sync()
    assert Session.objects.filter(member="marie").count() == 1
