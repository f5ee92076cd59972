from django.db import migrations, models

FORWARD = """
CREATE FUNCTION alerts_act_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'acts on alerts are append-only: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER alerts_act_no_change BEFORE UPDATE OR DELETE ON alerts_act
    FOR EACH ROW EXECUTE FUNCTION alerts_act_is_append_only();
CREATE TRIGGER alerts_act_no_truncate BEFORE TRUNCATE ON alerts_act
    FOR EACH STATEMENT EXECUTE FUNCTION alerts_act_is_append_only();
"""
BACKWARD = """
DROP TRIGGER alerts_act_no_truncate ON alerts_act;
DROP TRIGGER alerts_act_no_change ON alerts_act;
DROP FUNCTION alerts_act_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("alerts", "0004_content_under_a_key")]

    operations = [
        migrations.RemoveField(
            model_name="alert",
            name="box",
        ),
        migrations.RemoveField(
            model_name="alert",
            name="frame_number",
        ),
        migrations.RemoveField(
            model_name="alert",
            name="offence_class",
        ),
        migrations.RemoveField(
            model_name="alert",
            name="outcome",
        ),
        migrations.RemoveField(
            model_name="alert",
            name="outcome_at",
        ),
        migrations.RemoveField(
            model_name="alert",
            name="outcome_by",
        ),
        migrations.RemoveField(
            model_name="alert",
            name="probe_jpeg",
        ),
        migrations.RemoveField(
            model_name="alert",
            name="score",
        ),
        migrations.AlterField(
            model_name="alert",
            name="last_seen_at",
            field=models.DateTimeField(help_text="When the newest of its sights came in."),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("purged_at__isnull", True),
                    models.Q(
                        ("key_name", ""),
                        ("person__isnull", True),
                        ("photograph__isnull", True),
                        ("sealed__isnull", True),
                        ("track", ""),
                    ),
                    _connector="OR",
                ),
                name="purged_means_empty",
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "control"), _negated=True),
                    ("state__in", ("raised", "review", "unsure", "control", "expired")),
                    _connector="OR",
                ),
                name="controls_stay_with_operators",
            ),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
