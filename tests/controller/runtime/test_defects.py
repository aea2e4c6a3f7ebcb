"""What happens to a machine, on the device: a button for defects, and for how long it was locked or out of order."""

import pytest
from workshop import Workshop

from controller.station.events import ClearAsked, LockAsked, UnlockAsked
from controller.store import troubles
from controller.store.troubles import Defect, Trouble
from protocol.rows import Machine

SETTINGS = """
[[station]]
machine = "laser"
reader = { driver = "rc522" }
relay = { driver = "gpio", pin = 17 }
display = { driver = "hd44780", columns = 20, rows = 4 }

[station.inputs]
defect = { driver = "gpio", pin = 5, does = "report" }
door = { driver = "gpio", pin = 6, does = "fault", normally_closed = false }
teach = { driver = "gpio", pin = 13, does = "teach" }
"""
HOUR = 3_600


def press(w):
    w.input("defect")
    w.input("defect", active=False)


def of(w):
    return troubles.troubles(w.db)["laser"]


def test_a_button_notes_a_defect_and_thanks_and_keeps_nobody_from_work():
    with Workshop(SETTINGS) as w:
        w.lay("marie")
        press(w)
        assert w.closed()
        assert any("noted: thank you" in row for row in w.display)
        (entry,) = w.entries("defect_reported")
        assert (entry.input, entry.member, entry.by) == ("defect", "marie", "")
        w.take("marie")
        w.wait(20)
        press(w)
        assert [entry.member for entry in w.entries("defect_reported")] == ["marie", None]
        assert [each.note for each in of(w).defects] == ["defect", "defect"]


@pytest.mark.parametrize("where", ["fault", "locked", "teaching", "running"])
def test_the_button_is_heard_in_whatever_state_the_machine_is(where):
    with Workshop(SETTINGS) as w:
        if where == "fault":
            w.input("door")
        elif where == "locked":
            w.replace("machines", "laser", locked="mirror")
        elif where == "teaching":
            w.press("teach")
            w.tap("tom")
        else:
            w.lay("marie")
        before = w.is_in
        press(w)
        assert len(w.entries("defect_reported")) == 1
        assert w.is_in == before


def test_time_down_is_counted_once_where_a_lock_and_a_fault_overlap():
    with Workshop(SETTINGS) as w:
        w.replace("machines", "laser", locked="mirror")
        w.wait(HOUR)
        w.input("door")
        w.wait(HOUR)
        w.replace("machines", "laser", locked="")
        w.wait(HOUR)
        w.input("door", active=False)
        w.loop.stations.feed("laser", ClearAsked("root"))
        w.settle()
        w.wait(5 * HOUR)
        found = of(w)
        assert (found.since, found.why) == (None, "")
        now = w.time.wall + w.time.at
        assert found.down_ms(now - 86_400_000, now) // 1000 == pytest.approx(3 * HOUR, abs=15)
        assert found.down_ms(now - 1000, now) == 0
        w.input("door")
        w.wait(60)
        found = of(w)
        assert found.why == "door"
        now = w.time.wall + w.time.at
        assert found.down_ms(found.since, now) == now - found.since


def test_what_nobody_dated_is_no_time_and_what_is_mended_is_reported_no_more():
    trouble = Trouble(spans=[(10, 20, "a"), (15, 30, "b"), (50, None, "c")])
    assert trouble.down_ms(0, 60) == 30
    assert trouble.down_ms(18, 55) == 17
    assert Trouble().down_ms(0, 10) == 0
    assert Trouble().defects == [] and Trouble(defects=[Defect(None, "x", "y")]).since is None


def test_a_fault_and_a_lock_of_one_instant_are_counted_while_one_goes_on():
    assert Trouble(spans=[(10, None, "a"), (10, 20, "b")]).down_ms(0, 60) == 50


def test_a_fault_that_a_restart_clears_by_itself_is_over_with_it():
    with Workshop(SETTINGS) as w:
        w.contacts["laser", "machine"].breaks = True
        w.lay("marie")
        assert w.is_in == "Fault"
        w.take("marie")
        w.contacts["laser", "machine"].breaks = False
        w.kill()
        w.start()
        assert w.is_in == "Idle"
        assert [entry.by for entry in w.entries("fault_cleared")] == ["loquet"]
        assert of(w).since is None
        w.kill()
        w.start()
        assert len(w.entries("fault_cleared")) == 1, "once"
        w.input("door")
        w.kill()
        w.start()
        assert w.is_in == "Fault"
        assert len(w.entries("fault_cleared")) == 1, "nobody cleared that"


def test_reports_that_come_too_fast_are_counted_and_old_ones_are_purged():
    from controller.store.retention import PASSAGES

    with Workshop(SETTINGS) as w:
        w.loop.writes.entries._refusals = 10**6
        press(w)
        assert w.entries("defect_reported") == []
    assert {"defect_reported", "defect_mended", "session_nears_its_end"} <= set(PASSAGES)


def test_a_machine_that_nobody_set_up_has_no_trouble():
    with Workshop(SETTINGS) as w:
        w.edit([Machine("laser")])
        assert "laser" not in troubles.troubles(w.db)
        w.loop.stations.feed("laser", LockAsked("x", "root"))
        w.loop.stations.feed("laser", UnlockAsked("root"))
        w.settle()
        assert of(w).spans
