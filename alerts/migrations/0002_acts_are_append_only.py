"""Let the database refuse to change, delete or truncate acts on alerts."""

from django.db import migrations

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
    dependencies = [("alerts", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
