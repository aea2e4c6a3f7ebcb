"""Which version a controller was sent, and whether what it says is held."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0003_sites"),
    ]

    operations = [
        migrations.AddField(
            model_name="device",
            name="is_held",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="device",
            name="sent",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddIndex(
            model_name="proposal",
            index=models.Index(fields=["device", "key"], name="proposal_of_row"),
        ),
        migrations.RunSQL("update devices_device set sent = holds", migrations.RunSQL.noop),
    ]
