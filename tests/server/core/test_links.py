"""Links to what has an id: each id survives the way through a browser and a proxy, and plain ones are read easily."""

import re
from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st
from ids import IDS, travelled

PAGES = ["/members", "/machines", "/report", "/site", "/whitelist/cell"]


def read(address, many):
    from django.test import RequestFactory
    from django.urls import resolve

    from server.core.links import ids_of

    address = travelled(address)
    in_path = [str(each) for each in resolve(urlsplit(address).path).kwargs.values()]
    return ids_of(RequestFactory().get(address), *(in_path or [""] * many))


@given(st.sampled_from(PAGES), IDS, IDS)
def test_every_id_comes_back_from_its_link(page, one, other):
    import central  # noqa: F401 - Django is up

    from server.core.links import link_to

    ids = [one, other] if page == "/whitelist/cell" else [one]
    made = link_to(page, *ids)
    assert re.fullmatch(r"[!-~]+", made) and not set('"<>\\#;') & set(made), made
    assert read(made, len(ids)) == ids


@given(IDS, IDS)
def test_what_is_asked_of_a_page_comes_back_too(one, other):
    import central  # noqa: F401 - Django is up
    from django.http import QueryDict

    from server.core.links import link_to

    query = QueryDict(urlsplit(travelled(link_to("/explain", member=one, machine=other))).query)
    assert (query["member"], query["machine"]) == (one, other)


def test_plain_ids_stand_in_the_path_and_others_in_the_query():
    import central  # noqa: F401 - Django is up

    from server.core.links import link_to

    assert link_to("/members", "m-0001") == "/members/m-0001"
    assert link_to("/report", "laser_2.b") == "/report/laser_2.b"
    assert link_to("/whitelist/cell", "ann", "laser") == "/whitelist/cell/ann/laser"
    assert link_to("/members", "a b") == "/members?id=a%20b"
    assert link_to("/whitelist/cell", "ann", "a b") == "/whitelist/cell?id=ann&id=a%20b"
    assert link_to("/explain", member="") == "/explain"


def test_no_id_is_taken_for_another_page():
    import central  # noqa: F401 - Django is up

    from server.core.links import link_to

    assert link_to("/members", "new") == "/members?id=new"
    assert link_to("/members", "options") == "/members?id=options"
    assert link_to("/machines", "new") == "/machines/new"
