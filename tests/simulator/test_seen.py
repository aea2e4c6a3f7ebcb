"""What the workbench shows of a panel."""

import pytest

from drivers.displays.letters import ACCENTED
from simulator.workbench.seen import in_letters


def test_a_character_that_a_display_drew_itself_is_shown_as_its_letter():
    glyphs = [ACCENTED["é"].hex(), ACCENTED["à"].hex(), *["00" * 8] * 6]
    assert in_letters({"lines": ["D\ue000coupe \ue001", "\ue002"], "glyphs": glyphs}) == ["Découpe à", "▯"]


@pytest.mark.parametrize("letter", ACCENTED)
def test_every_drawn_letter_is_eight_rows_of_five_dots_and_like_no_other(letter):
    drawn = ACCENTED[letter]
    assert len(drawn) == 8 and all(row < 32 for row in drawn)
    assert [each for each in ACCENTED if ACCENTED[each] == drawn] == [letter]
