"""The moment at which something was made is the server's own clock's: the tables stay as they are."""

import server.core.clock
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("journal", "0001_initial"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="gap",
                    name="at",
                    field=models.DateTimeField(default=server.core.clock.now),
                ),
            ]
        )
    ]
