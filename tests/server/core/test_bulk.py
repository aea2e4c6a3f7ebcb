"""Many rows at once are what Django would have made of them."""

from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ENDS = st.none() | st.dates(date(2000, 1, 1), date(2200, 1, 1))
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
MEMBERS = st.lists(st.tuples(NAMES, NAMES, ENDS, st.booleans()), max_size=40, unique_by=lambda row: row[0])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(rows=MEMBERS, later=MEMBERS)
def test_rows_are_inserted_and_written_over_as_django_does(database, rows, later):
    from server.core import bulk
    from server.people.models import Member

    def made(found):
        return [Member(id=a, name=b, until=c, excluded=d) for a, b, c, d in found]

    def all_of_them():
        return sorted(Member.objects.values_list("pk", "name", "until", "excluded", "category"))

    fields = ("name", "category", "payer", "until", "excluded")
    Member.objects.all().delete()
    for found in (rows, later):
        Member.objects.bulk_create(made(found), update_conflicts=True, unique_fields=["id"], update_fields=fields)
    expected = all_of_them()
    Member.objects.all().delete()
    for found in (rows, later):
        bulk.put(made(found), unique=("id",), update=fields)
    assert all_of_them() == expected


def test_json_and_keys_that_the_database_makes_are_kept_too(database):
    from server.core import bulk
    from server.whitelist.models import Certification, Machine

    bulk.put([Machine(id=str(n), requires=["a", "é"], state={"x": n}) for n in range(300)])
    assert Machine.objects.get(pk="7").requires == ["a", "é"] and Machine.objects.get(pk="7").state == {"x": 7}
    for until in (None, date(2027, 1, 1)):
        held = [Certification(member=str(n), training="t", until=until) for n in range(300)]
        bulk.put(held, unique=("member", "training"), update=("until",))
    assert Certification.objects.count() == 300 == Certification.objects.filter(until=date(2027, 1, 1)).count()
