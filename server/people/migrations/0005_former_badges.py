"""Badges that a controller read anew."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0004_email"),
    ]

    operations = [
        migrations.AddField(
            model_name="badge",
            name="former",
            field=models.CharField(blank=True, max_length=32, null=True, unique=True),
        ),
    ]
