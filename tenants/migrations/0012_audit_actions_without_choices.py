from django.db import migrations, models


class Migration(migrations.Migration):
    """Changes only Django's state, not the table."""

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
