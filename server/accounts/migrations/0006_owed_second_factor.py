"""Whoever was linked by an invitation owes the second factor that the account has."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_invitations"),
    ]

    operations = [
        migrations.AddField(
            model_name="identity",
            name="owes_second",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
