"""Notices that are counted, and alarms among them."""

import server.core.clock
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0004_held"),
        ("inbox", "0002_one_clock"),
    ]

    operations = [
        migrations.AddField(
            model_name="notice",
            name="count",
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name="notice",
            name="is_alarm",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="notice",
            name="last",
            field=models.DateTimeField(db_index=True, default=server.core.clock.now),
        ),
        migrations.AddField(
            model_name="notice",
            name="subject",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.RunSQL(
            "update inbox_notice set last = at, is_alarm = what in ('conflict', 'gap', 'storage_replaced', 'restored',"
            " 'restored_without_usage', 'suspicious', 'too_much', 'not_rehashed', 'certificate')",
            migrations.RunSQL.noop,
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(("done", None)), fields=["-is_alarm", "-last"], name="notice_waiting"
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(("done", None)), fields=["device", "what", "subject"], name="notice_again"
            ),
        ),
    ]
