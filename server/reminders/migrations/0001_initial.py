"""What workshops want to be sent, and what was."""

import django.db.models.deletion
import server.core.clock
import server.reminders.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("mail", "0002_unsubscribe"),
        ("sites", "0002_exclusions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Plan",
            fields=[
                (
                    "site",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="sites.site",
                    ),
                ),
                ("is_on", models.BooleanField(default=False)),
                ("spans", models.JSONField(default=server.reminders.models.first_spans)),
                ("to_members", models.BooleanField(default=True)),
                (
                    "digest",
                    models.CharField(
                        choices=[("never", "never"), ("daily", "every day"), ("weekly", "every week")],
                        default="weekly",
                        max_length=10,
                    ),
                ),
                ("weekday", models.PositiveSmallIntegerField(default=0)),
                ("since", models.DateField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Reminder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("member", models.CharField(max_length=64)),
                ("training", models.CharField(blank=True, max_length=64)),
                ("end", models.DateField()),
                ("span", models.PositiveSmallIntegerField()),
                ("at", models.DateTimeField(default=server.core.clock.now)),
            ],
            options={
                "indexes": [models.Index(fields=["end"], name="reminder_end")],
                "constraints": [
                    models.UniqueConstraint(fields=("member", "training", "end", "span"), name="one_reminder")
                ],
            },
        ),
        migrations.CreateModel(
            name="Digest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(db_index=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "letter",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="mail.letter",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("account", "day"), name="one_digest")],
            },
        ),
    ]
