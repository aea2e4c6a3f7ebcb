"""Sheets that were read and not yet taken over."""

import django.db.models.deletion
import server.core.clock
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("edits", "0002_one_clock"),
        ("people", "0005_former_badges"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Draft",
            fields=[
                ("token", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                ("rows", models.BinaryField()),
                ("of", models.PositiveIntegerField()),
                ("version", models.BigIntegerField()),
                ("made", models.DateTimeField(db_index=True, default=server.core.clock.now)),
                ("state", models.CharField(default="read", max_length=10)),
                ("begun", models.DateTimeField(blank=True, null=True)),
                ("error", models.CharField(blank=True, max_length=1000)),
                (
                    "account",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL),
                ),
                (
                    "edit",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to="edits.edit"
                    ),
                ),
            ],
        ),
    ]
