"""Forms that were sent, so that each does its work once."""

import server.core.clock
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="SentForm",
            fields=[
                ("word", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_index=True, default=server.core.clock.now)),
                ("location", models.CharField(blank=True, max_length=300)),
            ],
        ),
    ]
