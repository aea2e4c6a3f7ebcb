"""The moment at which something was made is the server's own clock's: the tables stay as they are."""

import server.core.clock
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inbox", "0001_initial"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="notice",
                    name="at",
                    field=models.DateTimeField(db_index=True, default=server.core.clock.now),
                ),
            ]
        )
    ]
