"""Who must make progress for the daemon to live: the loop always, the writer while nobody works."""

import pytest

from controller.runtime.watchdog import Watchdog


class Manager:
    def __init__(self, patience_ms):
        self.patience_ms = patience_ms
        self.said = []

    def say(self, *words):
        self.said += words


@pytest.fixture
def manager():
    return Manager(30_000)


def test_it_is_fed_three_times_within_the_patience(manager):
    watchdog = Watchdog(manager)
    now = 1_000
    for _ in range(6):
        now = watchdog.feed(now, has_to_live=False, writer_stuck=False)
    assert now == 61_000
    assert manager.said == ["WATCHDOG=1"] * 6
    assert watchdog.feed(now - 1, has_to_live=False, writer_stuck=False) == now
    assert len(manager.said) == 6  # too early


def test_a_stuck_writer_starves_it_while_nobody_works(manager):
    Watchdog(manager).feed(1_000, has_to_live=False, writer_stuck=True)
    assert manager.said == []


def test_a_stuck_writer_cuts_no_session_and_loses_no_end_of_one(manager):
    Watchdog(manager).feed(1_000, has_to_live=True, writer_stuck=True)
    assert manager.said == ["WATCHDOG=1"]


def test_without_a_watchdog_nothing_is_due():
    assert Watchdog(Manager(None)).feed(1_000, has_to_live=False, writer_stuck=False) is None
