"""What a thread owns is touched by no other while it runs; the tests would see it."""

import threading

import pytest

from common import owner
from common.owner import Owner, OwnerError


def in_a_thread(act):
    said = []

    def run():
        try:
            act()
        except OwnerError as error:
            said.append(str(error))

    thread = threading.Thread(target=run, name="another")
    thread.start()
    thread.join()
    return said


def test_another_thread_is_refused_and_written_down(tmp_path, monkeypatch):
    monkeypatch.setattr(owner, "FOLDER", str(tmp_path))
    mine = Owner("the chip")
    with mine:
        mine.check()
        assert in_a_thread(mine.check) == ["another touches the chip, which another thread owns"]
    (said,) = tmp_path.iterdir()
    assert "test_owner.py" in said.read_text()


def test_before_it_is_taken_and_after_anybody_may(tmp_path, monkeypatch):
    monkeypatch.setattr(owner, "FOLDER", str(tmp_path))
    mine = Owner("the chip")
    assert in_a_thread(mine.check) == []
    with mine:
        pass
    assert in_a_thread(mine.check) == []


def test_nobody_checks_where_nobody_asked_for_it(monkeypatch):
    monkeypatch.setattr(owner, "FOLDER", None)
    mine = Owner("the chip")
    with mine:
        assert in_a_thread(mine.check) == []


def test_the_tests_ask_for_it():
    assert owner.FOLDER, "in every test, and in every process that one starts"


@pytest.mark.process
def test_the_daemon_of_the_tests_checks(stage):
    assert stage.environment["LOQUET_OWNERS"] == owner.FOLDER
