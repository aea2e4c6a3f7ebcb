"""What pages load is small, kept by browsers until it changes, and nothing else of the disk is served."""

import http.client
import re
import ssl
from pathlib import Path

import pytest
from central import Central

import server
from server.core import icons, statics, symbols


@pytest.fixture(scope="module")
def get(databases):
    """Ask a running server for an address; give the status and the headers of the answer."""
    with Central(databases("sqlite")) as running:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

        def act(path):
            connection = http.client.HTTPSConnection(running.address, context=context, timeout=20)
            connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            answer.read()
            connection.close()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}

        yield act


NAMES = ["bootstrap.css", "loquet.css", "app.js", "theme.js", "htmx.js", "icons.svg", "latch.svg", "img/dot-dark.svg"]


@pytest.mark.parametrize("name", NAMES)
def test_each_file_is_kept_for_a_year_under_its_own_address(get, name):
    status, headers = get(statics.address(name))
    assert status == 200 and "immutable" in headers["cache-control"]
    assert headers.get("content-encoding") == "gzip" or name not in {"bootstrap.css", "loquet.css", "icons.svg"}
    assert "max-age=300" in get(f"/static/{name}")[1]["cache-control"], "without its address it may change"


@pytest.mark.parametrize("name", ["../settings.py", "img/../../keys.py", "", "%00", "nothing.css"])
def test_nothing_else_is_served(get, name):
    assert get(f"/static/{name}")[0] in {400, 404}


def test_a_page_that_names_an_icon_or_a_file_that_is_none_fails_where_it_is_written():
    with pytest.raises(KeyError):
        icons.icon("unicorn")
    with pytest.raises(KeyError):
        statics.address("unicorn.css")


def test_every_icon_that_a_template_names_is_on_the_sheet_and_none_is_there_for_nobody():
    root = Path(server.__file__).parent
    text = "".join(each.read_text() for pattern in ("*.html", "*.py") for each in root.rglob(pattern))
    sheet = symbols.sheet().decode()
    for name in symbols.ICONS:
        assert f'id="{name}"' in sheet
        assert text.count(f'"{name}"') > 1 or text.count(f"'{name}'"), f"nobody shows {name}"
    for name in re.findall(r'\bicon\("([\w-]+)"\)', text):
        assert name in symbols.ICONS, name


def test_a_machine_of_no_known_kind_has_a_drawing_too():
    assert "#m-machine" in icons.drawing("submarine") and "#m-saw" in icons.drawing("saw")
