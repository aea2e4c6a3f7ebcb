"""A machine of which nobody has said what it asks for is closed; indexes for what is asked of ten years."""

from django.db import migrations, models

BARE = "machine_came"  # how a controller's machine is entered, before anybody has said anything of it


def close_what_nobody_opened(apps, _schema_editor):
    """Until now such a machine asked for nothing, and was open to every member."""
    machines, changes = apps.get_model("server", "Machine"), apps.get_model("server", "Change")
    for machine in machines.objects.filter(requires=[]):
        edits = changes.objects.filter(key=f"machine/{machine.pk}")
        if not edits.exclude(edit__what=BARE).exists():
            machines.objects.filter(pk=machine.pk).update(requires=None)


class Migration(migrations.Migration):
    dependencies = [("server", "0001_everything")]

    operations = [
        migrations.AlterField("machine", "requires", models.JSONField(blank=True, null=True)),
        migrations.RunPython(close_what_nobody_opened, migrations.RunPython.noop, elidable=True),
        migrations.AlterField("notice", "done", models.DateTimeField(blank=True, db_index=True, null=True)),
        migrations.AddIndex("session", models.Index(fields=["device", "boot"], name="session_of_boot")),
    ]
