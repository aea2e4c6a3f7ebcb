"""By what members are searched and sorted, whatever the database thinks of letters."""

from django.db import migrations, models

import server.people.derived
from server.people import derived

BATCH = 1_000


def fill(apps, editor):
    """Make it for everybody who is there."""
    Member = apps.get_model("people", "Member")
    binary = Member._meta.get_field("place").get_db_prep_value
    sql = "update people_member set folded = %s, place = %s where id = %s"
    batch = []
    with editor.connection.cursor() as cursor:
        for member, name in list(Member.objects.values_list("pk", "name")):
            place = binary(derived.place(member, name), editor.connection)
            batch.append((derived.searched(member, name), place, member))
            if len(batch) == BATCH:
                cursor.executemany(sql, batch)
                batch.clear()
        if batch:
            cursor.executemany(sql, batch)


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0007_drafts_moved"),
    ]

    operations = [
        migrations.AddField(
            model_name="member",
            name="folded",
            field=server.people.derived.Searched(db_default="", default="", editable=False),
        ),
        migrations.AddField(
            model_name="member",
            name="place",
            field=server.people.derived.Place(db_default=b"", default=b""),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="member",
            index=models.Index(fields=["place", "folded"], name="member_place"),
        ),
        migrations.AddIndex(
            model_name="badge",
            index=models.Index(condition=models.Q(("kind", "spare")), fields=["hash"], name="badge_spare"),
        ),
    ]
