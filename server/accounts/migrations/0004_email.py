"""Where letters to an account go."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_sites"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="email",
            field=models.CharField(blank=True, db_default="", default="", max_length=254),
        ),
    ]
