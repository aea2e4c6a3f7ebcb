"""Workshops and who runs them: one of each, as the server's settings have called and timed it so far."""

import django.db.models.deletion
from django.db import migrations, models


def first(apps, _editor):
    """Make the first of each."""
    from server.core import configuration

    table = configuration.in_force().server
    apps.get_model("sites", "Operator").objects.create(id="main", name=table.name)
    apps.get_model("sites", "Site").objects.create(
        id="main", name=table.name, operator_id="main", zone=table.timezone, holidays=[]
    )


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Operator",
            fields=[
                ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("name", models.CharField(blank=True, max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name="Site",
            fields=[
                ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("name", models.CharField(blank=True, max_length=200)),
                ("zone", models.CharField(blank=True, max_length=64)),
                ("currency", models.CharField(default="EUR", max_length=3)),
                ("holidays", models.JSONField(default=list)),
                (
                    "operator",
                    models.ForeignKey(
                        db_default="main",
                        default="main",
                        on_delete=django.db.models.deletion.PROTECT,
                        to="sites.operator",
                    ),
                ),
            ],
        ),
        migrations.RunPython(first, migrations.RunPython.noop),
    ]
