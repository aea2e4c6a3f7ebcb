"""Of which public a session was: frozen when it is first heard of."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("usage", "0003_sites"),
    ]

    operations = [
        migrations.AddField(
            model_name="circumstance",
            name="bracket",
            field=models.CharField(blank=True, db_default="", default="", max_length=10),
        ),
        migrations.AddField(
            model_name="circumstance",
            name="commune",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="session",
            name="bracket",
            field=models.CharField(blank=True, db_default="", default="", max_length=10),
        ),
        migrations.AddField(
            model_name="session",
            name="commune",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
    ]
