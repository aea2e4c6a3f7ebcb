"""What machines may ask for besides trainings."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("whitelist", "0002_one_clock"),
    ]

    operations = [
        migrations.CreateModel(
            name="Condition",
            fields=[
                ("training", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("what", models.CharField(max_length=20)),
                ("asked", models.CharField(blank=True, max_length=200)),
            ],
        ),
    ]
