"""Where letters go."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0003_pins"),
    ]

    operations = [
        migrations.AddField(
            model_name="particulars",
            name="email",
            field=models.CharField(blank=True, db_default="", default="", max_length=254),
        ),
    ]
