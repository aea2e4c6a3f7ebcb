"""Machines that go on under another id."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("whitelist", "0003_conditions"),
    ]

    operations = [
        migrations.AddField(
            model_name="machine",
            name="became",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
    ]
