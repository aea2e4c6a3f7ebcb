"""What is said fits every display, in both languages, and nothing is cut off."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.texts import spoken
from controller.indication.pages import MOST, pages
from controller.indication.views import View
from controller.settings import Names
from controller.station.events import Signal
from protocol.access import Denied, Reason
from protocol.sentences import refusal, short_refusal

SIZES = [(16, 2), (20, 4), (21, 5)]
NOTES = {
    Reason.MACHINE_FAULT: "welded",
    Reason.LEVEL_NEEDED: "maintainer",
    Reason.INTERLOCK: "extraction",
    Reason.TOO_SOON: "45 s",
}


def refused(reason, wants=("Découpe laser",), note=None):
    denied = Denied(
        reason, wants=wants, day=date(2026, 12, 31), note=NOTES.get(reason, "lens broken") if note is None else note
    )
    return View("laser", Signal.IDLE, denied=refusal(denied), short=short_refusal(denied))


def said(view, size, names=Names.FIRST):
    found = pages(view, "Laser", names, size)
    assert all(len(page) == size[1] and all(len(row) == size[0] for row in page) for page in found)
    return [[row.strip() for row in page if row.strip()] for page in found]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("reason", Reason)
def test_every_refusal_is_whole_on_every_display_and_its_advice_comes_first(reason, size, language):
    with spoken(language):
        view = refused(reason)
        found = said(view, size)
        text = " ".join(row for page in found for row in page)
        assert "…" not in text
        why, helps = view.short
        if text.split() != view.denied.split():
            assert set(text.split()) == {*why.split(), *helps.split()}
            assert all(word in " ".join(found[0]) for word in helps.split()), "what would help is on the first page"
        assert len(found) <= (3 if size == (16, 2) else 1), "one page where there are four rows"


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("reason", Reason)
def test_the_advice_takes_one_row_of_the_smallest(reason, language):
    with spoken(language):
        assert 0 < len(refused(reason, note="maintainer").short[1]) <= 24
        if reason not in {Reason.LEVEL_NEEDED, Reason.TOO_SOON}:
            assert len(refused(reason).short[1]) <= 16


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("signal", Signal)
def test_whatever_lasts_is_one_page_while_nobody_is_there(signal, size, language):
    with spoken(language):
        assert len(said(View("laser", signal), size)) == 1
        assert len(said(View("laser", signal, age=12), size)) == 1


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("signal", [Signal.RUNNING, Signal.LEAVING, Signal.WARNING])
def test_whoever_works_sees_all_of_it_on_two_pages_at_most(signal, size, language):
    with spoken(language):
        assert len(said(View("laser", signal, name="Marie Curie", used=9_000, left=7_200), size)) <= 2


@given(st.sampled_from(list(Reason)), st.sampled_from(SIZES), st.text(max_size=300), st.lists(st.text(max_size=60)))
def test_whatever_people_call_things_a_display_has_a_few_whole_pages(reason, size, note, wants):
    assert 1 <= len(said(refused(reason, tuple(wants), note), size)) <= MOST
