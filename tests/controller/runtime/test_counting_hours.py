"""What is counted."""

from machines import JOB, TAP, machine
from workshop import Workshop


def test_the_hour_counter_is_never_reset():
    """rit#675: not by a correction, not by a purge of the journal, not by a restart."""
    from controller.store import machine_counters

    with Workshop(JOB) as w:
        w.tap("marie")
        w.input("running")
        w.wait(3600)
        w.input("running", active=False)
        w.wait(60)
        w.stop()
        w.start()
        w.db.execute("delete from journal")
        counter = machine_counters.counters(w.db)["laser"]
        assert (counter.powered, counter.busy, counter.sessions) == (3_660_000, 3_600_000, 1)


def test_powered_seconds_are_those_of_the_contact():
    with Workshop(machine(TAP)) as w:
        w.tap("marie")
        w.wait(1234.5)
        w.tap("marie")
        assert w.entries("ended")[0].powered == w.contacts["laser", "machine"].closed_ms() == 1_234_500
