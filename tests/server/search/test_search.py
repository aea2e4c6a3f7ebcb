"""A few letters find members, machines, badges and pages: each what its reader may open."""

import re

import pytest
from browsing import client
from lived_in import live


@pytest.fixture
def lived(sqlite):
    return live(sessions=10, days=10)


def found(browser, said):
    page = browser.get("/search", {"q": said, "part": "1"}, secure=True).content.decode()
    assert "<html" not in page
    return re.findall(r'<a href="([^"]+)">', page)


@pytest.mark.parametrize(
    ("said", "link"),
    [
        ("elodie", "/members/"), ("ÉLODIE", "/members/"), ("0007", "/members/0007"), ("decoupeuse", "/machines/laser"),
        ("scie", "/machines/saw"), ("000005", "/members/0005#badges"), ("usage", "/usage"), ("contrôl", "/devices"),
    ],
)  # fmt: skip
def test_what_is_typed_is_found(lived, said, link):
    browser = client()
    if said == "contrôl":
        browser.defaults["HTTP_ACCEPT_LANGUAGE"] = "fr"
    assert any(each.startswith(link) for each in found(browser, said)), found(browser, said)


def test_with_nothing_typed_the_pages_are_offered(lived):
    assert {"/today", "/machines", "/usage", "/setup"} <= set(found(client(), ""))


def test_a_trainer_finds_machines_and_no_members_pages(lived):
    browser = client("trainer", "0001")
    assert not [each for each in found(browser, "elodie") if each.startswith("/members")]
    assert "/machines/saw" in found(browser, "scie")


def test_a_member_finds_their_own_pages_alone(lived):
    browser = client("member", "0001")
    assert not [each for each in found(browser, "e") if each.startswith(("/members", "/machines", "/usage"))]
    assert "/me/badge" in found(browser, "badge")


@pytest.mark.parametrize("said", ["%", "_", "'", "<script>", "é" * 500, "\u202e", "0" * 64])
def test_what_nobody_means_finds_nothing_and_breaks_nothing(lived, said):
    assert client().get("/search", {"q": said}, secure=True).status_code == 200
