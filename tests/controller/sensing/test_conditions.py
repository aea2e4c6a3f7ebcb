"""Inputs as conditions: contacts, amounts, and what becomes of them when nobody answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.sensing.inputs import Hysteresis, MeterThread, watch
from controller.settings import Input, Part, Thresholds
from controller.station.rules import Does, InputRule
from drivers.contracts import DriverError, DriverSettings

MARKS = Thresholds(above=2.0, below=1.0)


def wired(does, *, normally_closed=False):
    return Input(Part("x", DriverSettings()), InputRule("x", does), normally_closed, MARKS)


class Meter:
    measures = "A"
    interval = 0.5

    def __init__(self, *amounts):
        self.amounts = list(amounts)

    def read(self):
        amount = self.amounts.pop(0)
        if amount is None:
            raise DriverError("it does not answer")
        return amount

    def close(self):
        pass


def told(does, *amounts, normally_closed=False):
    said, failed = [], []
    thread = MeterThread(
        Meter(*amounts), wired(does, normally_closed=normally_closed), MARKS, said.append, failed.append
    )
    for _amount in amounts:
        thread.step()
    return said, len(failed)


@given(st.lists(st.floats(0, 3)))
def test_between_the_marks_a_condition_stays_as_it_was(amounts):
    condition = Hysteresis(MARKS)
    before = False
    for amount in amounts:
        now = condition.step(amount)
        assert now is (True if amount > 2 else False if amount < 1 else before)
        before = now


def test_a_meter_tells_how_it_is_at_first_and_then_each_change():
    assert told(Does.RUNNING, 0.0, 0.5, 3.0, 1.5, 0.5) == ([False, True, False], 0)


def test_a_flow_that_has_to_be_there_counts_when_it_falls():
    assert told(Does.END, 0.0, 3.0, 0.5, normally_closed=True)[0] == [True, False, True]


@pytest.mark.parametrize("does", [Does.FAULT, Does.END, Does.REFUSE, Does.OPEN])
def test_a_meter_that_does_not_answer_forbids_what_it_could_forbid_and_is_told_once(does):
    assert told(does, 0.0, None, None, 0.0) == ([False, True, False], 1)


@pytest.mark.parametrize("does", [Does.RUNNING, Does.TELL])
def test_a_meter_that_only_tells_leaves_what_it_said(does):
    assert told(does, 3.0, None, 0.0) == ([True, False], 1)


class Contact:
    """A contact that may change between two looks."""

    def __init__(self, *looks):
        self.looks = list(looks)

    @property
    def is_closed(self):
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def watch(self, changed):
        self.changed = changed


@pytest.mark.parametrize("normally_closed", [True, False])
def test_a_contact_is_told_as_it_stands_and_whenever_it_changes(normally_closed):
    said, contact = [], Contact(True)
    watch(contact, wired(Does.END, normally_closed=normally_closed), said.append)
    contact.changed(False)
    assert said == [not normally_closed, normally_closed]


def test_a_contact_that_changes_while_it_is_told_is_told_again():
    said = []
    watch(Contact(True, False), wired(Does.END), said.append)
    assert said == [True, False]
