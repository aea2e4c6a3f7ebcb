"""Drafts of sheets have an app of their own by now; nobody misses one that was being looked at."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0006_drafts"),
    ]

    operations = [
        migrations.DeleteModel(
            name="Draft",
        ),
    ]
