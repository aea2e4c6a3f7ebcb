"""Before something of theirs ends, members who want letters get one: once, of all that ends, in their language."""

from datetime import timedelta

import msgspec
import pytest
from browsing import client, do
from django.db import transaction
from reminding import BEGIN, reminding


@pytest.fixture
def world(database):
    with reminding(contact="desk@example.org") as found:
        yield found


@pytest.fixture
def lite(sqlite):
    with reminding() as found:
        yield found


def to(letters):
    return [each.to for each in letters]


def test_nothing_goes_out_before_somebody_switched_it_on(world):
    from server.reminders.models import Plan

    world.member("ann", 20)
    assert world.run() == []
    Plan.objects.create(site_id="main")
    assert world.run() == []
    world.plan()
    assert to(world.run()) == ["ann@example.org"]


def test_one_letter_says_all_that_ends_within_the_span_and_whom_to_ask(world):
    world.plan(spans=[30, 7])
    world.member("ann", 30)
    world.certify("ann", "laser", 10)
    world.certify("ann", "wood", 31)
    world.certify("ann", "gone", -1)
    (letter,) = world.run()
    assert "- Laser: until 12 Nov 2026 (10 days left)" in letter.body
    assert "- membership: until 2 Dec 2026 (30 days left)" in letter.body
    assert "Wood" not in letter.body and "Gone" not in letter.body
    assert "desk@example.org" in letter.body and letter.body.startswith("Hello Ann,")
    assert letter.unsubscribe in letter.body and letter.unsubscribe.startswith("https://example.org:8443/unsubscribe/")


def test_nobody_is_told_twice_and_at_each_span_anew(world):
    world.plan(spans=[30, 7])
    world.member("ann", 30)
    told = []
    for _day in range(35):
        told += [world.today - BEGIN for _letter in world.run()]
        world.pass_days(1)
    assert told == [timedelta(0), timedelta(23)]


def test_the_last_day_itself_is_still_told_of_and_the_day_after_is_not(world):
    world.plan(spans=[7])
    world.member("ann", 0)
    world.member("bob", -1)
    (letter,) = world.run()
    assert letter.to == "ann@example.org"
    assert "the last day" in letter.body


def test_whichever_day_it_ends_within_the_longest_span_it_is_told_of(lite):
    lite.plan(spans=[30, 14, 7])
    for left in range(-2, 35):
        lite.member(f"m{left}", left)
        lite.member(f"c{left}")
        lite.certify(f"c{left}", "laser", left)
    assert sorted(to(lite.run())) == sorted(f"{kind}{left}@example.org" for kind in "mc" for left in range(31))


def test_who_is_excluded_or_withdraws_just_before_is_not_written_to(world):
    from server.people.models import Member, Particulars
    from server.reminders import ending, members, plans

    world.plan()
    for name in ("ann", "bob", "cleo"):
        world.member(name, 20)
    waiting = ending.due(plans.of_members(), world.today, 50)
    Member.objects.filter(pk="ann").update(excluded=True)
    Particulars.objects.filter(pk="bob").update(letters=None)
    with transaction.atomic():
        members._write_to(waiting, plans.of_members(), world.today)
    assert to(world.run()) == ["cleo@example.org"]


def test_a_server_that_was_off_tells_of_the_nearest_span_alone(world):
    world.plan(spans=[30, 14, 7])
    world.member("ann", 40)
    assert world.run() == []
    world.pass_days(35)
    assert len(world.run()) == 1
    world.pass_days(1)
    assert world.run() == []


def test_a_membership_that_was_prolonged_is_told_of_anew_and_one_put_back_is_not(world):
    world.plan(spans=[7])
    world.member("ann", 5)
    assert len(world.run()) == 1
    world.prolong("ann", 6)
    assert len(world.run()) == 1
    world.prolong("ann", 5)
    assert world.run() == []


@pytest.mark.parametrize(
    "said",
    [{"email": ""}, {"letters": None}, {"letters": BEGIN + timedelta(1)}, {"excluded": True}],
    ids=["no address", "not agreed", "agrees later", "excluded"],
)
def test_who_may_not_be_written_to_is_not_and_leaves_no_mark(world, said):
    from server.reminders.models import Reminder

    world.plan()
    world.member("ann", 20, **said)
    world.certify("ann", "laser", 20)
    assert world.run() == []
    assert not Reminder.objects.exists()


def test_what_nobody_teaches_any_more_is_no_reason_for_a_letter(lite):
    from server.whitelist.models import Training

    lite.plan()
    lite.member("ann")
    lite.certify("ann", "laser", 20)
    Training.objects.update(retired=True)
    assert lite.run() == []


def test_each_reads_their_own_language_and_its_days(lite):
    from django.conf import settings

    from server.accounts.models import Account

    lite.plan()
    lite.member("ann", 20, language="fr")
    lite.member("bob", 20, language="")
    lite.member("cleo", 20, language="")
    Account.objects.create(username="cleo", role="member", member="cleo", language="fr")
    said = {each.to[:3]: each.body for each in lite.run()}
    assert "22/11/2026" in said["ann"] and "Bonjour Ann," in said["ann"]
    assert settings.LOQUET.server.language == "en" and "22 Nov 2026" in said["bob"]
    assert "Bonjour Cleo," in said["cle"]


def test_the_language_is_said_on_the_members_page_and_seen_by_the_member(lite):
    from server.people.models import Particulars

    lite.member("ann", language="")
    browser = client("administrator", "ann")
    assert do(browser, "/members/ann", do="particulars", language="fr", email="ann@example.org").status_code == 302
    assert Particulars.objects.get(pk="ann").language == "fr"
    assert "français" in browser.get("/me/data").content.decode()
    assert do(browser, "/members/ann", do="particulars", language="tlh").status_code == 422
    sheet = b"".join(browser.get("/members-sheet?as=csv").streaming_content).decode()
    assert sheet.splitlines()[1].endswith("fr")


def test_an_insurance_that_machines_ask_for_is_told_of_like_a_training(lite):
    from server.edits.authors import Author
    from server.people.models import Particulars
    from server.people.signals import particulars_changed
    from server.whitelist.models import Condition, Training

    lite.plan()
    lite.member("ann")
    Training.objects.create(id="insured", name="insured")
    Condition.objects.create(training="insured", what="insurance")
    Particulars.objects.update(insurance=lite.day(20))
    particulars_changed.send(Particulars, author=Author(name="test"), members=["ann"])
    (letter,) = lite.run()
    assert "- insured: until 22 Nov 2026" in letter.body


def test_letters_wait_for_the_morning_and_for_a_mail_server(lite):
    from django.conf import settings

    lite.plan()
    lite.member("ann", 20)
    noon = lite.at
    lite.at = noon.replace(hour=5)  # six o'clock in Paris
    assert lite.run() == []
    lite.at = noon
    mail = settings.LOQUET.mail
    settings.LOQUET = msgspec.structs.replace(settings.LOQUET, mail=msgspec.structs.replace(mail, host=""))
    assert lite.run() == []
    settings.LOQUET = msgspec.structs.replace(settings.LOQUET, mail=mail)
    assert len(lite.run()) == 1


def test_a_slice_at_a_time_everybody_is_told_with_as_many_queries_for_one_as_for_fifty(lite):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from server.reminders import members

    lite.plan(spans=[30, 14, 7])
    lite.member("one", 20)
    with CaptureQueriesContext(connection) as for_one:
        members.write()
    for number in range(members.SLICE + 20):
        lite.member(f"m{number}", 20)
        lite.certify(f"m{number}", "laser", 21)
    with CaptureQueriesContext(connection) as for_all:
        assert members.write(), "there is more"
    inserted = [each for each in for_all.captured_queries if 'INSERT INTO "mail_letter"' in each["sql"]]
    assert len(inserted) == members.SLICE
    assert len(for_all) - members.SLICE <= len(for_one) + 2
    assert len(lite.run()) == members.SLICE + 21


def test_a_letter_that_cannot_be_kept_leaves_no_mark(world, monkeypatch):
    from server.mail import post
    from server.mail.models import Letter
    from server.reminders import members
    from server.reminders.models import Reminder

    world.plan()
    world.member("ann", 20)
    world.member("bob", 20)
    real, calls = post.put, []

    def put(*arguments, **named):
        calls.append(arguments)
        if len(calls) == 2:
            raise OSError("the disk is full")
        return real(*arguments, **named)

    monkeypatch.setattr(post, "put", put)
    with pytest.raises(OSError, match="full"):
        members.write()
    assert not Letter.objects.exists() and not Reminder.objects.exists()
    monkeypatch.setattr(post, "put", real)
    assert len(world.run()) == 2


def test_the_chores_do_it_each_hour_and_sooner_while_there_is_more(lite):
    from central import configuration

    from server.mail.models import Letter
    from server.operations import chores
    from server.reminders import members

    lite.plan()
    for number in range(members.SLICE + 1):
        lite.member(f"m{number}", 20)
    at = [0.0]
    work = chores.Chores(configuration, now=lambda: at[0])
    work._keep_house = lambda: None
    work.step()
    assert Letter.objects.count() == 0
    for seconds, count in ((61, members.SLICE), (30, members.SLICE), (31, members.SLICE + 1)):
        at[0] += seconds
        work.step()
        assert Letter.objects.count() == count
    lite.member("late", 20)
    for seconds, more in ((chores.IDLE_S, 0), (chores.HOUR_S, 1)):
        at[0] += seconds
        work.step()
        assert Letter.objects.count() == members.SLICE + 1 + more


def test_several_servers_at_once_write_to_each_member_once(postgres):
    import threading

    from django.db import connections

    from server.mail.models import Letter
    from server.reminders import worker

    with reminding() as world:
        world.plan()
        for number in range(150):
            world.member(f"m{number}", 20)
            world.certify(f"m{number}", "laser", 20)
        together, failed = threading.Barrier(3), []

        def serve():
            try:
                together.wait()
                for _turn in range(20):
                    worker.step()
            except Exception as error:  # noqa: BLE001 - whatever it is
                failed.append(error)
            finally:
                connections.close_all()

        threads = [threading.Thread(target=serve) for _ in range(3)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert not failed
        assert sorted(to(Letter.objects.all())) == sorted(f"m{number}@example.org" for number in range(150))


def test_marks_go_with_the_member_and_with_the_years(world):
    from central import configuration

    from server.operations import retention
    from server.reminders.models import Reminder

    world.plan()
    world.member("ann", 20)
    world.member("bob", 20)
    world.run()
    do(client(), "/members/ann", do="forget", sure="ann")
    assert set(Reminder.objects.values_list("member", flat=True)) == {"bob"}
    world.pass_days(20 + 90)
    retention.purge(configuration)
    assert Reminder.objects.exists()
    world.pass_days(1)
    retention.purge(configuration)
    assert not Reminder.objects.exists()


def merged(kept, gone):
    from server.edits.authors import Author
    from server.people.merging.merge import merge
    from server.people.merging.union import Choice

    return merge(Author(name="test"), Choice(kept, gone))


def test_what_a_duplicate_was_told_its_member_was_told_however_often_they_were_merged(world):
    from server.edits.authors import Author
    from server.people.merging.separate import separate
    from server.reminders import ending, plans

    world.plan(spans=[30, 7])
    world.member("ann", letters=None)
    world.member("bob", 20, email="ann@example.org")
    world.certify("bob", "laser", 21)
    world.member("cy", letters=None)
    assert to(world.run()) == ["ann@example.org"]
    merged("cy", "bob")
    merged("ann", "cy")
    plan = plans.of_members()
    assert (ending.count_due(plan, world.today), ending.due(plan, world.today, 9)) == (0, [])
    assert world.run() == []
    world.certify("ann", "wood", 22)
    assert (ending.count_due(plan, world.today), ending.due(plan, world.today, 9)) == (1, ["ann"])
    (letter,) = world.run()
    assert "Wood" in letter.body and "Laser" not in letter.body
    world.pass_days(14)
    (letter,) = world.run()
    assert "Wood" not in letter.body and "Laser" in letter.body
    assert world.run() == []
    separate(Author(name="test"), "bob")
    assert to(world.run()) == ["ann@example.org"], "bob was told of the first span alone"
