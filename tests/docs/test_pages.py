"""Pages that cannot lie: every command, option, setting and driver is named, and nothing that is not there."""

import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from controller.commands import loquet
from controller.settings import Controller, load, read
from controller.settings.tables import InputTable, Names, OnStale, Restart, RetentionTable, StationTable, WhitelistTable
from controller.station.rules import Clears, Does, Mode
from drivers import registry
from protocol.entries import Purpose
from protocol.messages import WAIT

ROOT = Path(__file__).parent.parent.parent
COMMANDS = (ROOT / "docs/commands.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs/settings.md").read_text(encoding="utf-8")


def every_command():
    for name in loquet.list_commands(None):
        command = loquet.get_command(None, name)
        subs = getattr(command, "commands", None)
        if subs:
            yield from ((f"loquet {name} {sub}", each) for sub, each in subs.items())
        else:
            yield f"loquet {name}", command


def test_every_command_and_option_is_documented_and_no_other():
    rows = dict(re.findall(r"^\| `(loquet [a-z -]+)` \| (.*) \|$", COMMANDS, re.MULTILINE))
    assert set(rows) == {name for name, _ in every_command()}
    for name, command in every_command():
        told = set(re.findall(r"`(--[a-z-]+)`", rows[name])) - {"--config"}
        real = {option for each in command.params for option in each.opts if option.startswith("--")} - {"--config"}
        assert told == real, name


def test_every_setting_is_documented():
    tables = (Controller, StationTable, WhitelistTable, RetentionTable)
    for name in [name for table in tables for name in table.__struct_fields__]:
        assert f"| `{name}` |" in SETTINGS, name
    for name in InputTable.__struct_fields__:
        assert re.search(rf"^\|[^|]*`{name}`", SETTINGS, re.MULTILINE), name
    for word in (*Mode, *Does, *Clears, *Purpose, *Restart, *Names, *OnStale):
        assert f'"{word}"' in SETTINGS or f"`{word}`" in SETTINGS, word


def test_every_line_of_settings_that_a_page_shows_is_good(tmp_path):
    text = (ROOT / "config/controller.toml").read_text(encoding="utf-8")
    shown = set(re.findall(r"`((?:inputs|outputs) = \{.*?\})`", SETTINGS))
    assert len(shown) == 2
    for line in shown:
        path = tmp_path / "controller.toml"
        path.write_text(text.partition("# A second machine")[0] + line + "\n", encoding="utf-8")
        (station,) = load(path).stations
        assert (station.outputs.keys() | station.inputs.keys()) == set(re.findall(r"= \{ ([a-z-]+) = \{", line))


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_driver_and_its_keys_are_documented(kind):
    for name in registry.names(kind):
        (row,) = re.findall(
            rf"^\| {kind.removesuffix('s').replace('output', 'relay')} `{name}` \| (.*) \|$", SETTINGS, re.MULTILINE
        )
        keys = set(re.findall(r"`([a-z_0-9]+)`", row))
        assert keys == {field.name for field in msgspec.structs.fields(registry.find(kind, name).Settings)}


def test_the_readme_names_only_targets_that_there_are():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in ("README.md", "CONTRIBUTING.md"):
        assert set(re.findall(r"\bmake ([a-z-]+)", (ROOT / page).read_text())) - {"and"} <= targets | {"sure"}


def test_every_dependency_has_its_line_among_the_decisions():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    said = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs/decisions").glob("*.md"))
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    for requirement in (each for group in groups for each in group):
        name = re.match(r"[A-Za-z0-9._-]+", requirement)[0]
        assert f"`{name}`" in said, name


def anchors(page):
    """Give a page's headings as GitHub links to them."""
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-") for head in heads}


PAIRS = sorted((ROOT / "docs").rglob("*.fr.md"))
PARTS = sorted(path for path in (ROOT / "docs/parts").glob("*.md") if not path.name.endswith(".fr.md"))


@pytest.mark.parametrize("french", PAIRS, ids=lambda path: path.relative_to(ROOT / "docs").as_posix())
def test_a_page_tells_to_type_the_same_in_both_languages(french):
    def typed(path):
        blocks = "".join(re.findall(r"```(?:sh|text|toml)\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL))
        return re.sub(r'--reason ".*?"', "--reason", blocks)

    english = french.with_name(french.name.replace(".fr.", "."))
    assert typed(english) == typed(french)
    heads = [re.findall(r"^(#+) ", path.read_text(encoding="utf-8"), re.MULTILINE) for path in (english, french)]
    assert heads[0] == heads[1]


def test_every_page_of_a_part_has_its_french():
    assert [path.with_suffix(".fr.md") for path in PARTS if not path.with_suffix(".fr.md").exists()] == []
    assert len(PARTS) == len([path for path in PAIRS if path.parent.name == "parts"])


def shown(page):
    """Give the settings that a page shows, each as a whole file: a fragment as lines of some station."""
    for block in re.findall(r"^```toml\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        said = tomllib.loads(block)
        if block.startswith("# fragment\n"):
            reader, relay = {"driver": "rc522", "reset_pin": 25}, {"driver": "gpio", "pin": 17}
            said = {
                "station": [{"machine": "m", "mode": "tap", "longest": "4 h", "reader": reader, "relay": relay} | said]
            }
        yield {"controller": {}} | said


@pytest.mark.parametrize("page", PARTS, ids=lambda path: path.stem)
def test_the_settings_that_a_parts_page_shows_load(page):
    settings = [read(said, ROOT / "shown.toml") for said in shown(page)]
    assert settings or page.stem == "README"


@pytest.mark.parametrize("kind", ["readers", "outputs", "inputs"])
def test_every_reader_relay_and_sensor_has_a_page_that_shows_its_settings(kind):
    named = set()
    for station in (each for page in PARTS for said in shown(page) for each in said["station"]):
        named |= {
            "readers": {station["reader"]["driver"]},
            "outputs": {station["relay"]["driver"]},
            "inputs": {part["driver"] for part in station.get("inputs", {}).values()},
        }[kind]
    assert named == set(registry.names(kind))


@pytest.mark.parametrize("page", PARTS, ids=lambda path: path.stem)
def test_a_parts_page_ends_by_saying_what_loquet_is_not(page):
    for path, sentence in (
        (page, "It is not a safety function."),
        (page.with_suffix(".fr.md"), "Ce n'est pas une fonction de sécurité."),
    ):
        assert sentence in path.read_text(encoding="utf-8").splitlines()[-1], path


def test_the_drawings_and_the_card_are_those_of_the_settings():
    from drawings import drawings

    for path, picture in drawings().items():
        assert path.read_text(encoding="utf-8") == picture, "run: make drawings"


def test_a_reset_pin_that_moves_moves_in_the_drawing(monkeypatch):
    import drawings

    monkeypatch.setitem(drawings.PHYSICAL, 25, 40)
    assert "pin 40" in drawings.header("en")
    assert "pin 40" in drawings.part_rc522("en")


def test_every_setting_line_that_a_page_quotes_for_config_txt_is_quoted_in_both():
    for name in ("install.md", "install.fr.md"):
        page = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert all(line in page for line in ("dtparam=spi=on", "dtoverlay=i2c-rtc,ds3231", "gpio=17=op,dl"))


def test_links_between_pages_lead_somewhere():
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        for target, _sep, anchor in re.findall(
            r"\]\((?!https?:)([^)#]+)(#?)([^)]*)\)", page.read_text(encoding="utf-8")
        ):
            there = page.parent / target
            assert there.exists(), (page, target)
            assert not anchor or anchor in anchors(there), (page, target, anchor)


def test_the_servers_page_gives_the_same_lines_in_french():
    pages = [(ROOT / f"docs/server{language}.md").read_text(encoding="utf-8") for language in ("", ".fr")]
    english, french = (re.findall(r"^```\w+\n.*?^```$", page, re.MULTILINE | re.DOTALL) for page in pages)
    assert english == french
    assert len(english) > 5


def test_a_proxy_waits_for_longer_than_the_server_holds_a_request():
    page = (ROOT / "docs/server.md").read_text(encoding="utf-8")
    (seconds,) = re.findall(r"proxy_read_timeout (\d+)s;", page)
    assert int(seconds) > WAIT + 10
    assert f"up to {WAIT} s" in page
