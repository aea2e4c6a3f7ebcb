"""How many people a controller may exclude in an hour."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sites", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="site",
            name="exclusions",
            field=models.PositiveSmallIntegerField(db_default=3, default=3),
        ),
    ]
