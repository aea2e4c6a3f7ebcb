"""Texts for people: nothing untranslated, nothing stale, no place lost."""

import ast
import re

import pytest
from texts import PO, ROOMS, ROOT, catalogue, compiled, extract

from common.errors import LoquetError
from common.texts import LANGUAGES, N_, _, language_of_environment, speak, translate
from protocol.sentences import day, duration, refusal


@pytest.fixture(autouse=True)
def _english_again():
    yield
    speak("en")


def ids(found):
    return {str(message.id) for message in found if message.id}


def test_every_text_has_its_french():
    french = catalogue()
    assert ids(extract()) == ids(french), "run: make texts"
    assert [message.id for message in french if message.id and not message.string] == []
    assert not any(message.fuzzy for message in french if message.id)


def test_the_compiled_catalogue_is_the_written_one():
    assert PO.with_suffix(".mo").read_bytes() == compiled(catalogue()), "run: make texts"


def test_no_place_to_be_filled_is_lost_in_translation():
    places = re.compile(r"\{[^{}]*\}|%\(\w+\)s|`[^`]*`")
    for message in catalogue():
        if message.id:
            assert sorted(places.findall(str(message.id))) == sorted(places.findall(str(message.string))), message.id


def test_a_refusal_is_said_in_french():
    from datetime import date

    from protocol.access import Denied, Reason

    speak("fr")
    said = refusal(Denied(Reason.MEMBERSHIP_ENDED, day=date(2026, 3, 1)))
    assert "1er mars 2026" in said
    assert "membership" not in said


def test_an_error_inside_an_error_is_translated_too():
    speak("fr")
    inner = LoquetError(N_("the file is empty: a header line is expected"))
    outer = LoquetError(N_("{place}: {error}"), place="x", error=inner)
    assert translate(outer) == f"x\u00a0: {_(inner.template)}" or translate(outer) == f"x: {_(inner.template)}"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [("LANG", "fr_FR.UTF-8", "fr"), ("LANG", "de_DE", "en"), ("LC_ALL", "C", "en")],
)
def test_the_environment_says_which_language(monkeypatch, name, value, expected):
    for each in ("LC_ALL", "LC_MESSAGES", "LANGUAGE", "LANG"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, value)
    assert language_of_environment() == expected
    assert expected in LANGUAGES


def test_days_and_durations_are_written_as_people_say_them():
    from datetime import date

    assert day(date(2026, 3, 3)) == "3 March 2026"
    assert [duration(seconds) for seconds in (8, 59.6, 125, 7_500)] == ["8 s", "1 min", "2 min", "2 h 05"]


def test_no_text_hides_in_an_f_string_where_the_catalogue_does_not_see_it():
    hidden, seen = [], ids(extract())
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    calls = [each.func for each in ast.walk(node) if isinstance(each, ast.Call)]
                    words = [f"{path.name}:{node.lineno}" for each in calls if getattr(each, "id", "") in {"_", "N_"}]
                    hidden += [word for word in words if not _is_known(node, seen)]
    assert hidden == []


def _is_known(node, seen):
    """Tell whether each text of the f-string is a text elsewhere too, as a word that is shared."""
    texts = {each.args[0].value for each in ast.walk(node) if isinstance(each, ast.Call) and _is_word(each)}
    return texts <= seen


def _is_word(call):
    return getattr(call.func, "id", "") in {"_", "N_"} and isinstance(call.args[0], ast.Constant)


def test_french_is_set_as_french_is():
    """No line begins with a mark: a space that does not break stands before it, and inside the quotes."""
    for message in catalogue():
        for said in message.string if isinstance(message.string, tuple) else (message.string,):
            wrong = re.search(r" [?:;!»]|« |’", said) if message.id else None
            assert wrong is None, said
