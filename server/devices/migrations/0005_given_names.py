"""Names that were given at controllers."""

import django.db.models.deletion
import server.core.clock
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0004_held"),
    ]

    operations = [
        migrations.CreateModel(
            name="GivenName",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("member", models.CharField(max_length=64)),
                ("name", models.CharField(max_length=200)),
                ("at", models.DateTimeField(db_index=True, default=server.core.clock.now)),
                ("device", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to="devices.device")),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("device", "member"), name="one_given_name")],
            },
        ),
    ]
