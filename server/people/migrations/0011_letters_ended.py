"""Whoever took back that letters may come to them did so on a day: never to have agreed is something else."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0010_language"),
    ]

    operations = [
        migrations.AddField(
            model_name="particulars",
            name="letters_ended",
            field=models.DateField(blank=True, null=True),
        ),
    ]
