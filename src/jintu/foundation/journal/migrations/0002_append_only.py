from django.db import migrations

from jintu.foundation.journal.triggers import AppendOnly


class Migration(migrations.Migration):
    dependencies = [("journal", "0001_initial")]

    operations = [
        AppendOnly("journal_entry"),
        AppendOnly("journal_subject"),
        AppendOnly("journal_seal"),
        AppendOnly("journal_link"),
        AppendOnly("journal_record_version"),
    ]
