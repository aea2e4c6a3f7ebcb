"""PINs: hashed, one for a member."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0002_payers_and_particulars"),
    ]

    operations = [
        migrations.CreateModel(
            name="Pin",
            fields=[
                ("member", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("salt", models.CharField(blank=True, max_length=32)),
                ("under", models.CharField(blank=True, max_length=16)),
                ("hash", models.CharField(blank=True, max_length=64)),
            ],
        ),
    ]
