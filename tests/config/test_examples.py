"""Each shipped configuration is loaded, and says what it is for."""

import re
from pathlib import Path

import msgspec
import pytest

import config
from controller.settings import load

EXAMPLES = sorted(Path(config.__file__).parent.glob("*.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_loaded_and_explained(path):
    settings = load(path)
    assert settings.stations
    assert path.read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize("name", ["controller.toml", "controller.fr.toml"])
def test_what_stands_commented_in_the_first_settings_works_once_its_marks_are_taken_away(name, tmp_path):
    text = (Path(config.__file__).parent / name).read_text(encoding="utf-8")
    head, mark, second = text.partition("# [[station]]")
    settings = tmp_path / "controller.toml"
    settings.write_text(head + (mark + second).replace("# ", ""), encoding="utf-8")
    assert [station.mode.value for station in load(settings).stations] == ["presence", "tap"]
    (other,) = set(re.findall(r"\{ driver = .gpio., pin = 5, active_low = true \}", head))
    settings.write_text(re.sub(r"^relay = .*", f"relay = {other}", head, flags=re.MULTILINE), encoding="utf-8")
    assert load(settings).stations[0].relay.settings.active_low
    for part in ("light", "buzzer", "longest"):  # "put a # before the line"
        settings.write_text(re.sub(rf"^{part} =", f"# {part} =", head, flags=re.MULTILINE), encoding="utf-8")
        (station,) = load(settings).stations
        assert getattr(station.rules if part == "longest" else station, part) is None


def test_the_first_settings_are_the_same_in_both_languages():
    def told(name):
        found = load(Path(config.__file__).parent / name)
        return [msgspec.structs.replace(station, name="") for station in found.stations], found.controller.timezone

    assert told("controller.toml") == told("controller.fr.toml")


def test_there_is_one_for_each_mode():
    modes = {station.mode.value for path in EXAMPLES for station in load(path).stations}
    assert modes == {"presence", "tap", "timed", "job"}


def test_the_example_member_list_is_good():
    from protocol import sheets

    sheet = sheets.read((Path(config.__file__).parent / "members.csv").read_bytes())
    assert len(sheet.people) == len(sheet.cards) == 4
    assert not sheet.unread
