"""What periods own now is taken off deployments, and what the database itself holds them to."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deployments", "0003_a_period_a_deployment")]

    operations = [
        migrations.RemoveConstraint(
            model_name="camera",
            name="camera_names_differ",
        ),
        migrations.RemoveConstraint(
            model_name="deployment",
            name="ends_after_it_starts",
        ),
        migrations.RemoveField(
            model_name="camera",
            name="deployment",
        ),
        migrations.RemoveField(
            model_name="deployment",
            name="ends_at",
        ),
        migrations.RemoveField(
            model_name="deployment",
            name="list_size",
        ),
        migrations.RemoveField(
            model_name="deployment",
            name="place",
        ),
        migrations.RemoveField(
            model_name="deployment",
            name="purpose",
        ),
        migrations.RemoveField(
            model_name="deployment",
            name="starts_at",
        ),
        migrations.RemoveField(
            model_name="deployment",
            name="watchlist",
        ),
        migrations.RemoveField(
            model_name="deployment",
            name="went_live_at",
        ),
        migrations.AlterField(
            model_name="camera",
            name="period",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="cameras",
                to="deployments.period",
            ),
        ),
        migrations.AddConstraint(
            model_name="deployment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ("authorised", "notified", "ready", "live", "paused")), _negated=True),
                    models.Q(
                        ("authorised_by__isnull", False),
                        ("authority_ends_at__isnull", False),
                        ("operating_point__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="live_only_under_authority",
            ),
        ),
        migrations.AddConstraint(
            model_name="camera",
            constraint=models.UniqueConstraint(fields=("period", "name"), name="camera_names_differ"),
        ),
        migrations.AddConstraint(
            model_name="camera",
            constraint=models.CheckConstraint(condition=models.Q(("frame_rate__gte", 1)), name="a_frame_a_second"),
        ),
        migrations.AddConstraint(
            model_name="kit",
            constraint=models.UniqueConstraint(fields=("deployment", "serial"), name="kit_once_a_deployment"),
        ),
        migrations.AddConstraint(
            model_name="period",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("starts_at__isnull", True),
                    ("ends_at__isnull", True),
                    ("ends_at__gt", models.F("starts_at")),
                    _connector="OR",
                ),
                name="ends_after_it_starts",
                violation_error_message="The end must be after the start.",
            ),
        ),
        migrations.AddConstraint(
            model_name="period",
            constraint=models.UniqueConstraint(fields=("watchlist",), name="a_list_serves_one_period"),
        ),
        migrations.AddConstraint(
            model_name="period",
            constraint=models.UniqueConstraint(fields=("blue_list",), name="a_blue_list_serves_one_period"),
        ),
    ]
