"""Sheets on their way in, sources of them, what their columns meant, what they filled."""

import django.db.models.deletion
import server.core.clock
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("edits", "0003_by_kind"),
        ("sites", "0002_exclusions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Filled",
            fields=[
                (
                    "edit",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="edits.edit",
                    ),
                ),
                ("values", models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name="Remembered",
            fields=[
                ("headings", models.CharField(max_length=32, primary_key=True, serialize=False)),
                ("columns", models.JSONField(default=dict)),
                ("trainings", models.JSONField(default=dict)),
                ("used", models.DateTimeField(default=server.core.clock.now)),
            ],
        ),
        migrations.CreateModel(
            name="Source",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("place", models.CharField(max_length=500)),
                ("whole", models.BooleanField(default=False)),
                ("read", models.DateTimeField(blank=True, null=True)),
                ("digest", models.CharField(blank=True, max_length=32)),
                ("error", models.JSONField(blank=True, null=True)),
                ("site", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="sites.site")),
            ],
        ),
        migrations.CreateModel(
            name="Draft",
            fields=[
                ("token", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=100)),
                ("tables", models.BinaryField()),
                ("worksheet", models.PositiveSmallIntegerField(default=0)),
                ("columns", models.JSONField(default=dict)),
                ("answers", models.JSONField(default=dict)),
                ("plan", models.JSONField(default=dict)),
                ("rows", models.BinaryField()),
                ("of", models.PositiveIntegerField(default=0)),
                ("version", models.BigIntegerField(default=0)),
                ("made", models.DateTimeField(db_index=True, default=server.core.clock.now)),
                ("state", models.CharField(default="asking", max_length=10)),
                ("begun", models.DateTimeField(blank=True, null=True)),
                ("error", models.JSONField(blank=True, null=True)),
                (
                    "account",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "edit",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, to="edits.edit"
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, to="imports.source"
                    ),
                ),
            ],
        ),
    ]
