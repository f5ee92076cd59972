"""How far the clock of a camera's agent, or of its browser, is from the server's, and when that was measured."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployments", "0007_offsets_of_clocks")]

    operations = [
        migrations.AddField(
            model_name="camera", name="clock_offset_ms", field=models.FloatField(editable=False, null=True)
        ),
        migrations.AddField(
            model_name="camera", name="clock_uncertainty_ms", field=models.FloatField(editable=False, null=True)
        ),
        migrations.AddField(
            model_name="camera", name="clock_checked_at", field=models.DateTimeField(editable=False, null=True)
        ),
    ]
