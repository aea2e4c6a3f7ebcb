"""Where a form led may be the page of an id of any letters, each of which is twelve in an address."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0002_sent_forms"),
    ]

    operations = [
        migrations.AlterField(
            model_name="sentform",
            name="location",
            field=models.CharField(blank=True, max_length=2000),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, "delete from core_sentform where length(location) > 300"),
    ]
