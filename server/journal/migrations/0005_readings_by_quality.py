"""The best reading of a clock is found by one step into an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("devices", "0005_given_names"),
        ("journal", "0004_days"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="clockreading",
            name="reading_of_boot",
        ),
        migrations.AddIndex(
            model_name="clockreading",
            index=models.Index(fields=["device", "boot", "quality", "stream", "seq"], name="reading_by_quality"),
        ),
    ]
