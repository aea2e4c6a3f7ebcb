"""Organisations in a table of their own; what the server alone knows of members."""

from django.db import migrations, models

from server.core import forms

MOST = 64  # letters of an id


def entered(apps, _editor):
    """Enter every payer as an organisation whose id is what was typed: so no member's row changes, where it is one."""
    Member, Organisation = apps.get_model("people", "Member"), apps.get_model("people", "Organisation")
    members = set(Member.objects.values_list("pk", flat=True))
    taken = set(members)
    for said in sorted(set(Member.objects.exclude(payer="").values_list("payer", flat=True))):
        if said in members:
            continue
        made = said if len(said) <= MOST and "/" not in said and said.isprintable() else forms.made_of(said, taken)
        taken.add(made)
        Organisation.objects.create(pk=made, name=said)
        if made != said:
            Member.objects.filter(payer=said).update(payer=made)


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Organisation",
            fields=[
                ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("name", models.CharField(blank=True, max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name="Particulars",
            fields=[
                ("member", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("birth_year", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("commune", models.CharField(blank=True, max_length=200)),
                ("guardian", models.DateField(blank=True, null=True)),
                ("rules", models.DateField(blank=True, null=True)),
                ("insurance", models.DateField(blank=True, null=True)),
                ("photos", models.DateField(blank=True, null=True)),
                ("letters", models.DateField(blank=True, null=True)),
            ],
        ),
        migrations.RunPython(entered, migrations.RunPython.noop),
    ]
