"""How far the device's and the database's clock are from the server's, each with its uncertainty, in place of one
difference that a slow line could make large. A comparison of before says too little: clocks are compared again."""

from django.db import migrations, models

COLUMNS = ("device_offset_ms", "device_uncertainty_ms", "database_offset_ms", "database_uncertainty_ms")


class Migration(migrations.Migration):
    dependencies = [("deployments", "0006_postings")]

    operations = [
        migrations.RemoveField(model_name="period", name="clock_offset_ms"),
        *(
            migrations.AddField(model_name="period", name=name, field=models.FloatField(editable=False, null=True))
            for name in COLUMNS
        ),
    ]
