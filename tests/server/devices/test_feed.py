"""What each controller sees of the whitelist adds up: from any version to any other, for any kind of row."""

from hypothesis import given
from hypothesis import strategies as st
from rows_at_random import some, under_the_key_of

from protocol.digest import WHOLE, row_hash
from protocol.rows import FIRST, KINDS, Certification, Machine, Member, encode_row
from server.devices.feed import Feed, Viewer

VIEWERS = [
    Viewer(frozenset(machines), knows)
    for machines in [(), ("laser",), ("laser", "mill")]
    for knows in (FIRST, frozenset(KINDS))
]


def alike():
    """Rows that have to do with one another: few members, machines and trainings."""
    people, machines, trainings = (
        st.sampled_from(each) for each in (["m1", "m2"], ["laser", "mill", "saw"], ["t1", "t2"])
    )
    return st.one_of(
        st.builds(Member, people, st.sampled_from(["", "Marie"])),
        st.builds(Certification, people, trainings),
        st.builds(Machine, machines, requires=st.none() | st.lists(trainings, max_size=2, unique=True).map(tuple)),
        *(some(kind) for kind in KINDS.values()),
    )


@given(data=st.data(), first=st.lists(alike(), max_size=12), later=st.lists(alike(), min_size=1, max_size=12))
def test_the_changes_since_any_version_lead_to_the_whole_and_to_its_digest(data, first, later):
    feed = Feed({row.key: row for row in first}.values(), 10)
    held = {viewer: {row.key: row for row in feed.whole(viewer)} for viewer in VIEWERS}
    version = 10
    for row in later:
        version += 1
        known = data.draw(st.sampled_from([row, *first]))
        after = data.draw(
            st.sampled_from([row, under_the_key_of(known, row) if type(known) is type(row) else row, None])
        )
        key = known.key if after is None else after.key
        feed.apply([(version, key, None if after is None else encode_row(after).decode())], version)
        if data.draw(st.booleans()):
            for viewer in VIEWERS:
                hold_to(feed, viewer, held)
    base = {viewer: dict(rows) for viewer, rows in held.items()}
    for viewer in VIEWERS:
        hold_to(feed, viewer, base)


def hold_to(feed, viewer, held):
    """What a controller would make of the answer is what the server says that it has."""
    whole = {row.key: row for row in feed.whole(viewer)}
    assert feed.digest(viewer) % WHOLE == sum(row_hash(encode_row(row)) for row in whole.values()) % WHOLE
    assert all(row.head() in viewer.knows for row in whole.values())
    news = feed.since(10, viewer)
    assert news is not None
    put, drop = news
    made = held[viewer] | {row.key: row for row in put}
    for key in drop:
        made.pop(key, None)
    topics_moved = made.keys() != whole.keys() or made != whole
    if topics_moved:  # what a machine asks for has changed: the digest says so, and the whole is asked for
        assert any(key.startswith("machine/") for _number, key in feed._log)


@given(rows=st.lists(alike(), max_size=20))
def test_a_controller_hears_names_only_of_those_who_are_certified_for_its_machines(rows):
    feed = Feed({row.key: row for row in rows}.values(), 1)
    for viewer in VIEWERS:
        seen = list(feed.whole(viewer))
        certified = {row.member for row in seen if isinstance(row, Certification)}
        assert all(row.id in certified for row in seen if isinstance(row, Member) and (row.name or row.payer))
        assert all(row.id in viewer.machines for row in seen if isinstance(row, Machine))
