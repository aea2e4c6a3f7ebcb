"""The text of a letter that lets somebody in is kept until it went out, and no longer."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mail", "0002_unsubscribe"),
    ]

    operations = [
        migrations.AddField(
            model_name="letter",
            name="passing",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
