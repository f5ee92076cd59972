"""Let the database refuse to change, delete or truncate what was published."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION reports_publication_does_not_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was published does not change: % refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER reports_publication_no_change BEFORE UPDATE OR DELETE ON reports_publication
    FOR EACH ROW EXECUTE FUNCTION reports_publication_does_not_change();
CREATE TRIGGER reports_publication_no_truncate BEFORE TRUNCATE ON reports_publication
    FOR EACH STATEMENT EXECUTE FUNCTION reports_publication_does_not_change();
"""
BACKWARD = """
DROP TRIGGER reports_publication_no_truncate ON reports_publication;
DROP TRIGGER reports_publication_no_change ON reports_publication;
DROP FUNCTION reports_publication_does_not_change();
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
