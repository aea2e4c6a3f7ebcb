"""In which language a member is written to, and members by the end of their membership."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0009_merged_members"),
    ]

    operations = [
        migrations.AddField(
            model_name="particulars",
            name="language",
            field=models.CharField(blank=True, db_default="", default="", max_length=2),
        ),
        migrations.AddIndex(
            model_name="member",
            index=models.Index(fields=["until"], name="member_until"),
        ),
    ]
