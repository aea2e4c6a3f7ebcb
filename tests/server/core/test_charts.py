"""A chart is a picture in the page that is read out too, and that no name can break."""

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from server.core.charts import FOOT, HEAD, HEIGHT, WIDTH, Bar, bars

NS = "{http://www.w3.org/2000/svg}"
PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


def drawn(text):
    return ET.fromstring(str(text).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


@given(PLAIN, st.lists(st.builds(Bar, PLAIN, st.floats(0, 1e12), PLAIN), min_size=1, max_size=40))
def test_every_bar_is_within_the_picture_as_tall_as_it_is_much_and_said(title, found):
    text = bars(title, found)
    most = max(each.value for each in found)
    if not most:
        assert text == ""
        return
    picture = drawn(text)
    assert picture.get("role") == "img"
    boxes = picture.findall(f"{NS}rect")
    assert len(boxes) == len(found)
    for box, bar in zip(boxes, found, strict=True):
        x, y, width, height = (float(box.get(name)) for name in ("x", "y", "width", "height"))
        assert x >= 0 and x + width <= WIDTH + 0.2
        assert y >= HEAD - 0.2 and abs(y + height - HEAD - HEIGHT) < 0.2 < FOOT
        assert abs(height - HEIGHT * bar.value / most) < 0.1
        if bar.value > 0:
            assert bar.said in picture.get("aria-label")


def test_a_name_is_text_and_no_element():
    picture = drawn(bars("<script>", [Bar("<b onload='x'>", 1, '"&'), Bar("none", 0, "0")]))
    assert {each.tag for each in picture.iter()} == {f"{NS}svg", f"{NS}rect", f"{NS}text"}
    assert [each.text for each in picture.findall(f"{NS}text")] == ['"&', "<b onload='x'>", "none"]
