"""A chart is a picture in the page that is read out too, and that no name can break."""

import xml.etree.ElementTree as ET

import central  # noqa: F401 - Django is up by it
from hypothesis import given
from hypothesis import strategies as st

from server.core.charts import BOTTOM, LEFT, TOP, Bar, Piece, bars, strip

QUARTER = 0.25  # of an hour: no chart is finer
NS = "{http://www.w3.org/2000/svg}"
PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
BARS = st.builds(Bar, PLAIN, st.floats(0, 1e5), PLAIN, st.none() | st.floats(0, 1e5), st.booleans(), PLAIN)


def drawn(text):
    return ET.fromstring(str(text).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def percent(element, name):
    return float(element.get(name).removesuffix("%"))


@given(PLAIN, st.lists(BARS, min_size=1, max_size=40))
def test_every_bar_is_within_the_picture_as_tall_as_it_is_much_and_said(title, found):
    text = bars(title, found)
    most = max(each.value for each in found)
    if not most:
        assert text == ""
        return
    picture = drawn(text)
    boxes = list(picture.iter(f"{NS}rect"))
    shown = [each for each in found if each.value > 0]
    assert len(boxes) == len(shown)
    tallest = max(percent(each, "height") for each in boxes)
    for box, each in zip(boxes, shown, strict=True):
        assert percent(box, "x") >= LEFT and percent(box, "x") + percent(box, "width") <= 100.01
        assert abs(percent(box, "y") + percent(box, "height") - BOTTOM) < 0.11
        assert abs(percent(box, "height") - tallest * each.value / most) < 0.11
        assert box[0].text.startswith(each.label)
        assert f"{each.label} {each.said}" in picture.get("aria-label")
    scale = max(most, *(each.before or 0 for each in found))
    room = (BOTTOM - TOP) * most / max(scale, QUARTER)
    assert room / 2 - 0.11 <= tallest <= room + 0.11, "at least half of what there is room for"
    assert picture.get("aria-label").startswith(title)


@given(PLAIN, st.lists(st.builds(Piece, PLAIN, st.floats(-3, 3), st.floats(-3, 3), PLAIN), max_size=20))
def test_a_strip_shows_what_lies_in_its_time_and_nothing_beside_it(title, pieces):
    picture = drawn(strip(title, pieces, now=0.5))
    inside = [each for each in pieces if min(1, each.end) > max(0, each.begin)]
    boxes = list(picture.iter(f"{NS}rect"))[1:]
    assert len(boxes) == len(inside)
    assert all(0 <= percent(each, "x") <= 100 for each in boxes)
    assert [each[0].text or "" for each in boxes] == [each.said for each in inside]


def test_a_name_cannot_break_out_of_a_picture():
    text = str(bars("<b>", [Bar('"><script>', 1.0, "</svg>", link='"onclick="x')]))
    assert "<script>" not in text and text.count("</svg>") == 1 and '"onclick' not in text
