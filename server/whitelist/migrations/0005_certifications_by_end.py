"""Certifications by their end."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("whitelist", "0004_machines_go_on"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="certification",
            index=models.Index(fields=["until"], name="certification_until"),
        ),
    ]
