"""Whom a page meets is asked for at once, and called by who they are now."""

from django.test.utils import CaptureQueriesContext


def test_all_who_were_added_are_asked_for_in_one_go_under_whoever_they_are_now(sqlite):
    from django.db import connection

    from server.people.models import Member, MergedMember
    from server.people.naming import Names

    for pk, name in (("a", "Ann"), ("b", "Bob"), ("c", "")):
        Member.objects.create(id=pk, name=name)
    MergedMember.objects.create(gone="old", kept="a")
    names = Names(["a", "old", ""])
    names.add(["b", "c", "nobody"])
    with CaptureQueriesContext(connection) as asked:
        assert [names[each] for each in ("a", "old", "b", "c", "nobody", "")] == [
            "Ann",
            "Ann",
            "Bob",
            "c",
            "nobody",
            "",
        ]
        assert names.whose("old") == "a"
    assert len(asked) <= 3, "who is who, step by step, and the names"
    names.add(["b"])
    with CaptureQueriesContext(connection) as asked:
        assert names["b"] == "Bob"
    assert not asked.captured_queries


def test_a_page_that_names_nobody_asks_for_nobody(sqlite):
    from django.db import connection

    from server.people.naming import Names

    with CaptureQueriesContext(connection) as asked:
        assert Names(["a"], asks=False)["a"] == "a"
    assert not asked.captured_queries
