"""Downtimes of machines, and defects that are reported of them."""

import server.core.clock
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Defect",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("machine", models.CharField(max_length=64)),
                ("device", models.CharField(blank=True, max_length=64)),
                ("place", models.CharField(max_length=10)),
                ("boot", models.CharField(blank=True, max_length=64)),
                ("at", models.BigIntegerField(null=True)),
                ("reported", models.BigIntegerField(null=True)),
                ("came", models.DateTimeField(default=server.core.clock.now)),
                ("note", models.CharField(blank=True, max_length=300)),
                ("by", models.CharField(blank=True, max_length=200)),
                ("member", models.CharField(blank=True, max_length=64)),
                ("done", models.DateTimeField(blank=True, null=True)),
                ("done_by", models.CharField(blank=True, max_length=200)),
                ("done_note", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["machine", "id"], name="defect_of_machine"),
                    models.Index(fields=["device", "boot"], name="defect_of_boot"),
                    models.Index(condition=models.Q(("done__isnull", True)), fields=["machine"], name="defect_open"),
                    models.Index(fields=["done"], name="defect_done"),
                    models.Index(
                        condition=models.Q(("member", ""), _negated=True), fields=["member"], name="defect_of_member"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Downtime",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("machine", models.CharField(max_length=64)),
                ("device", models.CharField(max_length=64)),
                ("what", models.CharField(max_length=10)),
                ("why", models.CharField(blank=True, max_length=300)),
                ("boot", models.CharField(max_length=64)),
                ("at", models.BigIntegerField()),
                ("began", models.BigIntegerField(null=True)),
                ("end_boot", models.CharField(blank=True, max_length=64)),
                ("end_at", models.BigIntegerField(null=True)),
                ("ended", models.BigIntegerField(null=True)),
                ("over", models.BooleanField(default=False)),
                ("by", models.CharField(blank=True, max_length=200)),
            ],
            options={
                "indexes": [
                    models.Index(fields=["machine", "id"], name="downtime_of_machine"),
                    models.Index(fields=["device", "boot"], name="downtime_of_boot"),
                    models.Index(fields=["device", "end_boot"], name="downtime_of_end_boot"),
                    models.Index(condition=models.Q(("over", False)), fields=["machine", "what"], name="downtime_now"),
                    models.Index(condition=models.Q(("over", True)), fields=["ended"], name="downtime_over"),
                ],
            },
        ),
    ]
