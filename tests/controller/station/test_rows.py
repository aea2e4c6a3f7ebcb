"""The table of states under attack: each row is broken in turn, and the stories of the other tests have to notice.

Mutation tools pass over tables; this does not.
"""

import importlib.util
import inspect
from pathlib import Path

import pytest

from controller import station
from controller.station.endings import out_of_order
from controller.station.shared_rows import nothing
from controller.station.states import Cause

HERE = Path(__file__).parent
RUNTIME = (
    "modes",
    "people",
    "pins",
    "interlocks",
    "administration",
    "restarts",
    "counting_hours",
    "found_by_an_enemy",
    "found_by_mutants",
    "teaching",
)
STORIES = [
    HERE / "test_station.py",
    HERE / "test_every_row.py",
    *((HERE.parent / f"runtime/test_{name}.py") for name in RUNTIME),
]
STORIES += [HERE.parent / "indication/test_shown.py"]
ABOUT_THE_TABLE = {
    "test_every_row_says_what_it_does",
    "test_the_page_is_the_table",
    "test_every_state_answers_every_event",
}


def loaded(path):
    """Load a file of tests beside the runner, which may not have been asked for it."""
    spec = importlib.util.spec_from_file_location(f"stories_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stories():
    """Every plain test of the files that tell them, with each set of its parameters, as something to call."""
    for module in map(loaded, STORIES):
        for name, test in inspect.getmembers(module, inspect.isfunction):
            if not name.startswith("test_") or hasattr(test, "hypothesis") or name in ABOUT_THE_TABLE:
                continue
            marks = [mark for mark in getattr(test, "pytestmark", []) if mark.name == "parametrize"]
            if not marks:
                yield test, ()
                continue
            (mark,) = marks
            values = mark.kwargs.get("argvalues", mark.args[1] if len(mark.args) > 1 else ())
            single = isinstance(mark.args[0], str) and "," not in mark.args[0]
            for value in values:
                yield test, (value,) if single else tuple(value)


def broken(row):
    """What a row does that is not there: nothing; and where nothing is right, too much."""
    if row is nothing:
        return lambda state, _event, moment: out_of_order(state, moment, Cause("broken"))
    return nothing


def swap(monkeypatch, state, event, row):
    monkeypatch.setitem(station.ROWS, state, station.ROWS[state] | {event: row})


@pytest.fixture(scope="module")
def passing():
    """Which stories pass through which row."""
    found, seen = {}, set()

    def traced(state, event, row):
        def run(*places):
            seen.add((state, event))
            return row(*places)

        return run

    whole = {state: dict(rows) for state, rows in station.ROWS.items()}
    try:
        for state, rows in whole.items():
            station.ROWS[state] = {event: traced(state, event, row) for event, row in rows.items()}
        for story in stories():
            seen.clear()
            test, places = story
            test(*places)
            for row in seen:
                found.setdefault(row, []).append(story)
    finally:
        station.ROWS.update(whole)
    return found


ROWS = [(state, event) for state, rows in station.ROWS.items() for event in rows]


@pytest.mark.parametrize(("state", "event"), ROWS, ids=lambda each: each.__name__)
def test_a_broken_row_is_noticed(state, event, passing, monkeypatch):
    assert (state, event) in passing, "no story passes through this row"
    swap(monkeypatch, state, event, broken(station.ROWS[state][event]))
    for test, places in passing[state, event]:
        try:
            test(*places)
        except BaseException:  # noqa: BLE001 - whatever it says, it was noticed
            return
    pytest.fail("no story notices")
