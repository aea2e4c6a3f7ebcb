"""A controller that no line reaches is enrolled, told and heard by stick; a stick that lies says why."""

import io
import sqlite3
from datetime import timedelta

import pytest
from browsing import client
from central import configuration
from on_foot import Desk, OnFoot
from workshop import Workshop

from common.errors import LoquetError
from controller.store import database
from controller.sync import stick_in
from protocol.rows import Certification, Level, Member


@pytest.fixture
def shop():
    with Workshop() as made:
        yield made


@pytest.fixture
def desk(sqlite, tmp_path):
    from server.core import keys

    return Desk(keys.load(configuration.data_dir), tmp_path / "desk")


@pytest.fixture
def foot(shop, desk, tmp_path):
    """A controller that was taken in by stick, its list in force."""
    return taken_in(OnFoot(shop, tmp_path / "stick"), desk)


def code(desk, **more):
    from server.devices.enrolment import make_code

    return make_code(desk.keys, "server.local:8443", "Atelier", **more)


def taken_in(foot, desk, **more):
    came = desk.read(foot.ask(code(desk, **more)))
    assert came.is_new and not came.wrong
    path = desk.write(came.device.pk)
    foot.join(path)
    assert foot.take(path).word == "new"
    return foot


def edit(*put, drop=()):
    from server.edits.authors import Author
    from server.edits.editing import carry_out

    return carry_out(Author(name="test"), "test", put, drop)


def use(shop, who):
    """Ten minutes at the laser."""
    shop.lay(who)
    shop.wait(600)
    shop.take(who)
    shop.wait(60)
    assert not shop.closed()


def come_and_go(foot, desk):
    """One way to the server and back."""
    came = desk.read(foot.export())
    return came, foot.take(desk.write(foot.identity.device))


def sessions():
    from server.usage.models import Session

    return Session.objects


def test_what_a_controller_kept_alone_comes_along_and_its_badges_stay_readable(foot, shop):
    from server.people.models import Member as Members

    assert Members.objects.count() == 6
    shop.lay("marie")
    assert shop.closed()


def test_usage_arrives_once_and_a_revocation_goes_back(foot, shop, desk):
    use(shop, "marie")
    edit(drop=["certification/marie/safety"])
    came, taken = come_and_go(foot, desk)
    assert came.entries > 0 and not came.wrong and taken.word == "new"
    (session,) = sessions().all()
    assert session.member == "marie" and session.powered == shop.sessions()[0].powered_s * 1000
    shop.lay("marie")
    assert not shop.closed() and shop.refusals()[-1] == "training_missing"
    shop.settle()
    again, taken = come_and_go(foot, desk)
    assert taken.word == "same" and sessions().count() == 1
    assert again.entries < came.entries, "what was acknowledged is not written again"


def test_a_file_that_is_read_twice_and_one_that_comes_late_change_nothing(foot, shop, desk, tmp_path):
    shop.tap("marie")
    first = foot.export().read_bytes()
    (tmp_path / "first.loquet").write_bytes(first)
    shop.tap("jean")
    desk.read(foot.export())
    before = journal_here()
    assert desk.read(tmp_path / "first.loquet").entries == 0
    assert journal_here() == before


def journal_here():
    from server.journal.models import Entry

    return list(Entry.objects.order_by("stream_id", "seq").values_list("stream_id", "seq", "body"))


def test_an_old_list_is_not_taken_and_says_so(foot, shop, desk, tmp_path):
    old = desk.write(foot.identity.device).read_bytes()
    edit(Member("marie", excluded=True))
    assert foot.take(desk.write(foot.identity.device)).word == "new"
    path = tmp_path / "old.loquet"
    path.write_bytes(old)
    assert foot.take(path).word == "old"
    shop.lay("marie")
    assert not shop.closed()


def test_sticks_that_cross_lose_nothing(foot, shop, desk):
    """One is written on each side before the other's arrives."""
    use(shop, "marie")
    up, down = foot.export(), desk.write(foot.identity.device)
    edit(Certification("jean", "safety", Level.TRAINER))
    foot.take(down)
    desk.read(up)
    come_and_go(foot, desk)
    assert sessions().filter(member="marie").count() == len(shop.sessions()) > 0
    assert shop.badges.whitelist.certifications["jean/safety"].level is Level.TRAINER


def test_an_edit_at_the_machine_and_one_at_the_server_meet(foot, shop, desk):
    shop.replace("members", "jean", excluded=True)
    edit(Certification("marie", "safety", Level.TRAINER))
    come_and_go(foot, desk)
    from server.people.models import Member as Members

    assert Members.objects.get(pk="jean").excluded
    assert shop.badges.whitelist.members["jean"].excluded
    assert shop.badges.whitelist.certifications["marie/safety"].level is Level.TRAINER


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.99])
def test_a_stick_that_was_pulled_half_way_loses_nothing(foot, shop, desk, tmp_path, part):
    for _time in range(3):
        use(shop, "marie")
    whole = foot.export().read_bytes()
    cut = tmp_path / "cut.loquet"
    cut.write_bytes(whole[: int(len(whole) * part)])
    try:
        came = desk.read(cut)
        assert came.wrong
    except LoquetError:
        pass
    down = desk.write(foot.identity.device).read_bytes()
    cut.write_bytes(down[: int(len(down) * part)])
    with pytest.raises(LoquetError):
        foot.take(cut)
    come_and_go(foot, desk)
    assert sessions().count() == len(shop.sessions()) == 3


def test_one_for_another_controller_or_from_another_server_is_refused_in_a_sentence(foot, desk, tmp_path):
    from server.core import keys

    with Workshop() as other:
        theirs = taken_in(OnFoot(other, tmp_path / "theirs"), desk_of_machines(desk, other))
        with pytest.raises(LoquetError, match="another controller"):
            foot.take(desk.write(theirs.identity.device))
        with pytest.raises(LoquetError, match="goes to a controller"):
            desk.read(desk.write(theirs.identity.device))
    strange = Desk(keys.make(), tmp_path / "strange")
    with pytest.raises(LoquetError, match="another server"):
        strange.read(foot.export())
    with pytest.raises(LoquetError, match="goes to the server"):
        foot.take(foot.export())


def desk_of_machines(desk, workshop):
    """Have the machines of a workshop be nobody's, so that a second controller may have them."""
    from server.whitelist.models import Machine

    Machine.objects.update(device=None)
    return desk


def test_what_was_changed_on_the_way_is_not_believed(foot, shop, desk, tmp_path):
    shop.tap("marie")
    raw = bytearray(foot.export().read_bytes())
    raw[-40] ^= 1
    bad = tmp_path / "bad.loquet"
    bad.write_bytes(raw)
    with pytest.raises(LoquetError):
        desk.read(bad)
    bad.write_bytes(b"GIF89a" * 100)
    with pytest.raises(LoquetError, match="no file of Loquet"):
        desk.read(bad)


def test_a_stolen_stick_shows_no_name_no_badge_and_no_member(foot, shop, desk):
    shop.tap("marie")
    for raw in (foot.export().read_bytes(), desk.write(foot.identity.device).read_bytes()):
        header, _sep, sealed = raw.partition(b"\n")
        for word in (b"marie", b"Marie", b"laser", b"safety", b"granted", b"member", shop.key.fingerprint.encode()):
            assert word not in header and word not in sealed
        assert set(__import__("json").loads(header)) <= {"loquet", "device", "server", "once", "made", "key", "format"}


def test_a_server_that_was_restored_asks_for_what_it_forgot_and_has_it_again(foot, shop, desk):
    from server.core import state
    from server.journal.models import Entry, Stream
    from server.usage.models import Session

    use(shop, "marie")
    come_and_go(foot, desk)
    assert Session.objects.count() == 1
    Entry.objects.all().delete()
    Session.objects.all().delete()
    Stream.objects.all().delete()  # as of a backup from before
    state.begin_anew()
    use(shop, "tom")
    came, _taken = come_and_go(foot, desk)
    assert "restored from a backup" in came.wrong[0]
    came, _taken = come_and_go(foot, desk)
    assert not came.wrong and Session.objects.count() == 2


def test_a_restored_server_is_told_what_is_gone_for_good(shop, desk, tmp_path):
    from server.core import state
    from server.journal.models import Entry, Gap, Stream

    shop.tap("paul")
    shop.power_cut()
    shop.start()
    foot = taken_in(OnFoot(shop, tmp_path / "stick"), desk)
    come_and_go(foot, desk)
    for _day in range(130):  # longer than a refusal is kept
        shop.time.wall += 86_400_000
        shop.writer.house.purge_at = 0
        shop.wait(15)
    assert not shop.entries("refused")
    with sqlite3.connect(shop.settings.data_dir / database.DATABASE) as db:
        db.execute("delete from journal where seq = 1")  # a clock's, which is kept: the beginning may be gone as well
    Entry.objects.all().delete()
    Stream.objects.all().delete()  # as of a backup from before
    state.begin_anew()
    come_and_go(foot, desk)
    assert not Gap.objects.exists(), "nothing was taken yet"
    come_and_go(foot, desk)
    assert Gap.objects.filter(first=1).exists() and Entry.objects.exists()


def test_a_card_that_was_copied_goes_on_under_a_new_name(foot, shop, desk):
    shop.tap("marie")
    desk.read(foot.export())
    from server.journal.models import Entry

    Entry.objects.filter(seq=Entry.objects.order_by("seq").last().seq).update(body='{"type":"other"}')
    before = database.meta(shop.db, "epoch")
    came, _taken = come_and_go(foot, desk)
    assert "copied" in came.wrong[0]
    shop.settle()
    assert database.meta(shop.db, "epoch") != before
    shop.wait(60)
    shop.tap("marie")
    came, _taken = come_and_go(foot, desk)
    assert not came.wrong and came.entries


def test_a_stick_does_not_choose_where_its_files_are_written(foot, desk, tmp_path):
    """Whoever plugs one in may have made links on it; the command that writes runs as root."""
    mine = tmp_path / "passwd"
    mine.write_text("root")
    draft = foot.folder / f"{foot.identity.device}-up.new"
    draft.symlink_to(mine)
    foot.export()
    assert mine.read_text() == "root"
    elsewhere = tmp_path / "etc"
    elsewhere.mkdir()
    foot.folder = tmp_path / "linked"
    foot.folder.symlink_to(elsewhere)
    with pytest.raises(LoquetError, match="write-protected"):
        foot.export()
    assert not list(elsewhere.iterdir())


def test_the_servers_end_follows_no_link_and_waits_for_no_pipe(foot, desk, tmp_path):
    import os

    from common.carried import opened, whole

    victim = tmp_path / "keys.json"
    victim.write_text("secret")
    path = tmp_path / "stick/loquet/x-down.loquet"
    path.parent.mkdir(parents=True)
    path.with_suffix(".new").symlink_to(victim)
    with whole(path) as file:
        file.write(b"new")
    assert victim.read_text() == "secret" and path.read_bytes() == b"new"
    os.mkfifo(path.with_name("pipe.loquet"))
    path.with_name("link.loquet").symlink_to(victim)
    for name in ("pipe.loquet", "link.loquet"):
        with pytest.raises(OSError, match=r"\["):
            opened(path.with_name(name))


def test_of_a_card_that_was_replaced_nothing_is_taken_that_it_began_since_and_nothing_after_a_month(
    foot, shop, desk, tmp_path
):
    from server.core import clock
    from server.devices.models import Device
    from server.journal.models import Entry

    use(shop, "marie")
    desk.read(foot.export())
    with Workshop() as anew:
        fresh = taken_in(OnFoot(anew, tmp_path / "anew"), desk, replaces=Device.objects.get(pk=foot.identity.device))
    foot.renew_epoch(database.meta(shop.db, "epoch"))
    shop.settle()
    use(shop, "tom")
    before = Entry.objects.count()
    assert "was replaced" in desk.read(foot.export()).wrong[0]
    assert Entry.objects.count() == before, "begun since, by whoever has the card now"
    Device.objects.filter(pk=fresh.identity.device).update(enrolled=clock.now() - timedelta(days=40))
    with pytest.raises(LoquetError, match="was taken out"):
        desk.read(foot.export())


def test_a_code_is_good_once_and_for_a_day(shop, desk, tmp_path):
    from server.core import clock
    from server.devices.models import Device, EnrolCode

    made = code(desk)
    asked = OnFoot(shop, tmp_path / "stick").ask(made)
    EnrolCode.objects.update(expires=clock.now() - timedelta(minutes=1))
    with pytest.raises(LoquetError, match="used up or over"):
        desk.read(asked)
    EnrolCode.objects.update(expires=clock.now() + timedelta(minutes=1))
    assert desk.read(asked).is_new
    assert desk.read(asked).device.pk == Device.objects.get().pk, "the same again is the same"
    with pytest.raises(LoquetError, match="another controller in already"):
        desk.read(OnFoot(shop, tmp_path / "other").ask(made))


def test_the_answer_of_a_stranger_takes_no_controller_in(shop, desk, tmp_path):
    from server.core import keys

    foot = OnFoot(shop, tmp_path / "stick")
    came = desk.read(foot.ask(code(desk)))
    forged = Desk(keys.make(), tmp_path / "forged").write(came.device.pk)
    assert stick_in.welcomed(forged, foot.asking) is None
    assert stick_in.welcomed(desk.write(came.device.pk), foot.asking) is not None, "the control"


def test_what_a_card_wrote_before_it_was_replaced_counts_whenever_its_stick_comes(foot, shop, desk, tmp_path):
    from server.devices.models import Device

    use(shop, "marie")
    late = tmp_path / "late.loquet"
    late.write_bytes(foot.export().read_bytes())
    use(shop, "tom")
    desk.read(foot.export())
    with Workshop() as anew:
        taken_in(OnFoot(anew, tmp_path / "anew"), desk, replaces=Device.objects.get(pk=foot.identity.device))
        came = desk.read(late)
        assert "was replaced" in came.wrong[0] and not came.is_answered
    Device.objects.filter(pk=foot.identity.device).update(replaced_by=None)
    with pytest.raises(LoquetError, match="was taken out"):
        desk.read(late)


def test_what_was_not_read_out_yet_when_a_card_was_replaced_is_usage_all_the_same(
    foot, shop, desk, tmp_path, monkeypatch
):
    from server.devices.models import Device
    from server.journal import processing
    from server.sticks import reading

    use(shop, "marie")
    monkeypatch.setattr(reading, "_catch_up", lambda: None)
    desk.read(foot.export())
    assert processing.is_behind()
    with Workshop() as anew:
        asked = OnFoot(anew, tmp_path / "anew").ask(code(desk, replaces=Device.objects.get(pk=foot.identity.device)))
        assert desk.read(asked).is_new
    while processing.step():
        pass
    assert sessions().filter(member="marie", ended=True).count() == 1


# --- pages and commands ---


def test_the_page_reads_what_was_brought_gives_the_answer_and_says_what_waits(foot, shop, desk):
    come_and_go(foot, desk)
    come_and_go(foot, desk)
    use(shop, "marie")
    edit(drop=["certification/marie/safety"])
    browser = client()
    page = browser.get("/devices/stick", secure=True).content.decode()
    assert "1 revocation" in page and "1 change since" in page and foot.identity.name in page
    file = io.BytesIO(foot.export().read_bytes())
    file.name = "x.loquet"
    page = browser.post("/devices/stick", {"do": "read", "files": [file]}, secure=True).content.decode()
    assert "entries are new" in page or "entry is new" in page
    answer = browser.get(f"/devices/{foot.identity.device}/stick", secure=True)
    path = foot.folder / "answer.loquet"
    path.write_bytes(b"".join(answer.streaming_content))
    assert "attachment" in answer.headers["Content-Disposition"]
    assert foot.take(path).word == "new"
    assert "marie" not in {each.member for each in shop.badges.whitelist.certifications.values()}
    desk.read(foot.export())
    assert "1 revocation" not in browser.get("/devices/stick", secure=True).content.decode(), "it has heard of it"


def test_the_page_says_what_is_wrong_with_each_file_and_takes_the_others(foot, shop, desk):
    good, bad = io.BytesIO(foot.export().read_bytes()), io.BytesIO(b"photo")
    good.name, bad.name = "good.loquet", "photo.loquet"
    page = client().post("/devices/stick", {"do": "read", "files": [bad, good]}, secure=True)
    said = page.content.decode()
    assert page.status_code == 200 and "photo.loquet" in said and foot.identity.name in said
    empty = client("fabmanager", "fred").post("/devices/stick", {"do": "read"}, secure=True)
    assert empty.status_code == 422
    assert client("trainer", "tom").get("/devices/stick", secure=True).status_code == 403


def test_of_another_workshop_nothing_is_read_nor_written(foot, shop, desk):
    from server.accounts.models import Account
    from server.sites.models import Site

    Site.objects.create(id="die", name="Die")
    browser = client("fabmanager", "dora")
    Account.objects.filter(member="dora").update(site="die")
    file = io.BytesIO(foot.export().read_bytes())
    file.name = "x.loquet"
    assert browser.post("/devices/stick", {"do": "read", "files": [file]}, secure=True).status_code == 422
    assert browser.get(f"/devices/{foot.identity.device}/stick", secure=True).status_code == 404
