from django.db import migrations, models


class Migration(migrations.Migration):
    """Of Django's picture of the table only: a new action needs no migration any more."""

    dependencies = [
        ("tenants", "0011_confirm_tenant"),
    ]

    operations = [
        migrations.AlterField(
            model_name="auditentry",
            name="action",
            field=models.CharField(max_length=32),
        ),
    ]
