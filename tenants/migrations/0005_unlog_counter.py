from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tenants", "0004_add_key_policy_and_counter")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE tenants_counter SET UNLOGGED", reverse_sql="ALTER TABLE tenants_counter SET LOGGED"
        )
    ]
