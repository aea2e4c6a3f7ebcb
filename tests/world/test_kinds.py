"""A kind of row that this program does not have is added to it: a module and a table, and all the house knows it."""

import json

import pytest
from programs import THIS, begin, copy_of_this, go_on, listed, use_together, with_lockers, works
from taps import MARIE, lay_and_wait, opens

from simulator.stage import until

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def lockers(tmp_path_factory):
    """This program, with one kind of row more: a module, and a table in the server."""
    return with_lockers(copy_of_this(tmp_path_factory.mktemp("lockers")))


def test_a_new_kind_of_row_is_stored_fed_overlaid_merged_exported_and_dropped(ends, lockers):
    stage, central = ends
    begin(*ends, controller=lockers, server=lockers)
    central.ask("edit(Locker('laser', 3, 'Marie', date(2027, 5, 1)), Locker('kiln', 1))")
    until(lambda: "locker/laser/3" in listed(stage), "the locker arrives")
    assert listed(stage)["locker/laser/3"]["until"] == "2027-05-01"
    assert "locker/kiln/1" not in listed(stage), "it is for another controller"
    assert central.ask("found = [each.holder for each in rows.everything() if each.head() == 'locker']") == [
        "Marie",
        "",
    ]
    exported = stage.loquet("whitelist", "export").stdout.replace('"2027-05-01"', '"2027-08-01"')
    central.stop()  # what it makes of the edit comes with its next list
    done = stage.loquet("whitelist", "import", "--merge", "-", text=exported)
    assert done.returncode == 0, done.stderr
    assert listed(stage)["locker/laser/3"]["until"] == "2027-08-01", "an edit lies over the list"
    central.start(lockers)
    held = "devices_proposal where key = 'locker/laser/3'"
    until(lambda: central.count(held), "the server holds the edit for a person")
    central.ask("edit(Locker('laser', 3, 'Marie', date(2027, 3, 1)))")
    until(lambda: listed(stage)["locker/laser/3"]["until"] == "2027-03-01", "of both the earlier end holds")
    central.ask("edit(drop=['locker/laser/3'])")
    until(lambda: "locker/laser/3" not in listed(stage), "it is dropped")
    works(*ends)


def test_whoever_ceases_to_know_a_kind_of_row_goes_on_and_has_it_again_when_it_comes_back(ends, lockers):
    stage, central = ends
    begin(*ends, controller=lockers, server=lockers)
    central.ask("edit(Locker('laser', 3, 'Marie'))")
    until(lambda: "locker/laser/3" in listed(stage), "the locker arrives")
    stage.kill("daemon", 15)
    central.stop()
    stage.program = THIS
    stage.start_daemon()
    lay_and_wait(stage)  # with no line: by what the program after it had stored
    stage.take("laser", MARIE)
    opens(stage)
    assert not stage.folder_of_damage()
    go_on(*ends, controller=THIS, server=lockers)
    works(*ends)
    assert "locker/laser/3" not in listed(stage)
    go_on(*ends, controller=lockers, server=lockers)
    until(lambda: "locker/laser/3" in listed(stage), "the controller knows lockers again, and has them")
    go_on(*ends, controller=lockers, server=THIS)
    works(*ends)
    refused = central.ask(
        "from common.errors import LoquetError\nfrom server.edits.models import Edit\ntry:\n"
        "    editing.undo(editing.Author(name='test'), Edit.objects.get(changes__key='locker/laser/3'))\n"
        "except LoquetError as error:\n    found = str(error)"
    )
    assert "later version" in refused
    go_on(*ends, controller=lockers, server=lockers)
    central.ask("edit(Member('marie', 'Marie', 'resident'))")  # it need not wait for its next question
    until(lambda: "locker/laser/3" in listed(stage), "the server knows lockers again")
    works(*ends)


def test_what_holds_for_every_kind_of_row_holds_for_a_new_one(lockers):
    use_together(lockers, "tests/protocol/rows", "tests/server/devices/test_feed.py")


def test_the_digest_of_240000_rows_counts_a_new_kind_for_those_alone_who_know_it(ends, lockers):
    _stage, central = ends
    central.program = lockers
    found = central.run(DIGESTS)
    assert json.loads(found) == {"knows": True, "knows not": True, "differ": True, "rows": 240_000}


DIGESTS = """
import json
from protocol.rows import *
from protocol.digest import WHOLE, row_hash
from server.devices.feed import Feed, Viewer
badges = (Badge(f"{number:032x}", "marie") for number in range(119_999))
feed = Feed([Member("marie"), *badges, *(Locker("laser", number) for number in range(120_000))], 7)
feed.apply([(8, "locker/laser/9", None), (9, "locker/laser/9", encode_row(Locker("laser", 9, "Paul")).decode())], 9)
sees = Viewer(frozenset({"laser"}), FIRST | {"locker"})
blind = Viewer(frozenset({"laser"}))
def adds_up(viewer):
    return feed.digest(viewer) % WHOLE == sum(row_hash(encode_row(row)) for row in feed.whole(viewer)) % WHOLE
print(json.dumps({
    "knows": adds_up(sees),
    "knows not": adds_up(blind),
    "differ": feed.digest(sees) != feed.digest(blind),
    "rows": len(list(feed.whole(sees))),
}))
"""
