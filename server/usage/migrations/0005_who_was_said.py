"""What a session's journal says of whose it is, beside whose it is now."""

from django.db import migrations, models
from django.db.models import F


def fill(apps, _editor):
    """Nobody has been merged yet: each session is whose its journal says that it is."""
    apps.get_model("usage", "Session").objects.update(said=F("member"))


class Migration(migrations.Migration):
    dependencies = [
        ("usage", "0004_publics"),
    ]

    operations = [
        migrations.AddField(
            model_name="session",
            name="said",
            field=models.CharField(blank=True, db_default="", db_index=True, default="", max_length=64),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
