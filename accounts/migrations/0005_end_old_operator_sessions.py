from django.db import migrations


def end_old_sessions(apps, schema_editor):
    """Their rows hold the cookies in plain text. Operators have to sign in again."""
    apps.get_model("sessions", "Session").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_create_operator_session"),
        ("sessions", "0001_initial"),
    ]

    operations = [migrations.RunPython(end_old_sessions, migrations.RunPython.noop)]
