"""Members who were merged, and those who are not to be."""

import django.db.models.deletion
import server.core.clock
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("edits", "0002_one_clock"),
        ("people", "0008_folded_names"),
    ]

    operations = [
        migrations.CreateModel(
            name="MergedMember",
            fields=[
                ("gone", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("kept", models.CharField(db_index=True, max_length=64)),
                ("at", models.DateTimeField(default=server.core.clock.now)),
                ("by", models.CharField(blank=True, max_length=200)),
                ("snapshot", models.JSONField(blank=True, default=dict)),
                (
                    "edit",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="edits.edit",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="NotTheSame",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("one", models.CharField(max_length=64)),
                ("other", models.CharField(db_index=True, max_length=64)),
                ("at", models.DateTimeField(default=server.core.clock.now)),
                ("by", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("one", "other"), name="not_the_same")],
            },
        ),
    ]
