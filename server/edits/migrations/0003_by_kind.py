"""The latest edits of a kind are looked at: what was imported, above all."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0005_given_names"),
        ("edits", "0002_one_clock"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="edit",
            index=models.Index(fields=["what", "id"], name="edit_of_kind"),
        ),
    ]
