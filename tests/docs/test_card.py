"""The card that hangs beside a machine: one page, whatever the machine, in both languages."""

import re
import shutil
import subprocess

import pytest
from fixed import EXAMPLES

from common.texts import LANGUAGES, spoken
from controller.commands.card import COLOURS, MEANINGS, page
from controller.indication.signals import LOOKS
from controller.settings import load

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SERVER = "https://loquet.an-association.example.org:8443"
QUIET = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-pdf-header-footer")


@pytest.mark.process
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ["laser.toml", "printer.toml"])
def test_a_card_is_one_printed_page(name, language, tmp_path):
    with spoken(language):
        station = load(EXAMPLES / name).stations[0]
        card = page(station, f"{SERVER}/report/{station.machine}", f"{SERVER}/privacy")
        assert card.count("<svg") == 2
        (tmp_path / "card.html").write_text(card, encoding="utf-8")
    subprocess.run(
        [CHROMIUM, *QUIET, f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={tmp_path / 'card.pdf'}",
         (tmp_path / "card.html").as_uri()],
        capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    assert len(re.findall(rb"/Type\s*/Page[^s]", (tmp_path / "card.pdf").read_bytes())) == 1


def test_every_lasting_look_of_the_light_has_its_line_and_its_colour():
    told = {signal for signal, _word, _sentence in MEANINGS}
    for signal, look in LOOKS.items():
        assert look.colour in COLOURS
        assert signal in told or any(LOOKS[other].colour == look.colour for other in told), signal


def test_a_name_is_text_and_no_markup():
    (station,) = load(EXAMPLES / "laser.toml").stations
    import msgspec

    assert "<script>" not in page(msgspec.structs.replace(station, name="<script>alert(1)</script>"))
