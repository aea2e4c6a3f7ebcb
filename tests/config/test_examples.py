"""Each shipped configuration is loaded, and says what it is for."""

from pathlib import Path

import pytest

import config
from controller.settings import load

EXAMPLES = sorted(Path(config.__file__).parent.glob("*.toml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_loaded_and_explained(path):
    settings = load(path)
    assert settings.stations
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_there_is_one_for_each_mode():
    modes = {station.mode.value for path in EXAMPLES for station in load(path).stations}
    assert modes == {"presence", "tap"}


def test_the_example_member_list_is_good():
    from controller import sheets

    sheet = sheets.read((Path(config.__file__).parent / "members.csv").read_bytes())
    assert len(sheet.people) == len(sheet.cards) == 4
    assert not sheet.unread
