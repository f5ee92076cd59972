"""How often an import failed, and when rows of a destroyed list were last deleted."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("watchlists", "0005_lists_that_stand_in_court")]

    operations = [
        migrations.AddField("import", "failures", models.PositiveSmallIntegerField(default=0)),
        migrations.AddField(
            "certificate",
            "left_at",
            models.DateTimeField(default=django.utils.timezone.now),
            preserve_default=False,
        ),
    ]
