from django.db import migrations

_REFUSE = """
CREATE FUNCTION deployments_refuse_authority_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'A signed authority cannot be changed or deleted.';
END $$;
CREATE TRIGGER signed_authorities_do_not_change BEFORE UPDATE OR DELETE OR TRUNCATE ON deployments_signedauthority
    FOR EACH STATEMENT EXECUTE FUNCTION deployments_refuse_authority_change();
"""
_ALLOW = """
DROP TRIGGER signed_authorities_do_not_change ON deployments_signedauthority;
DROP FUNCTION deployments_refuse_authority_change();
"""


class Migration(migrations.Migration):
    dependencies = [("deployments", "0001_initial")]

    operations = [migrations.RunSQL(_REFUSE, _ALLOW)]
