"""How much came of each journal on its latest day."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("journal", "0003_the_book"),
    ]

    operations = [
        migrations.AddField(
            model_name="stream",
            name="day",
            field=models.IntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name="stream",
            name="day_bytes",
            field=models.BigIntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name="stream",
            name="day_entries",
            field=models.IntegerField(db_default=0),
        ),
    ]
