"""By which address letters of a kind are ended."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mail", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="letter",
            name="unsubscribe",
            field=models.TextField(blank=True, db_default="", default=""),
        ),
    ]
