"""Rules that Django cannot express: engines of templates, storage of vectors, and columns without statistics."""

from django.db import migrations

# A template must have the vector lengths of its engine, and a sealed template the engine of its list.
BOUND = """
ALTER TABLE {table} ADD CONSTRAINT {table}_of_its_engine
    FOREIGN KEY (engine_id, {lengths}) REFERENCES watchlists_engine (id, {lengths}) DEFERRABLE INITIALLY DEFERRED;
"""
ONE_ENGINE = """
ALTER TABLE watchlists_sealedtemplate ADD CONSTRAINT sealedtemplate_of_its_lists_engine
    FOREIGN KEY (watchlist_id, engine_id)
    REFERENCES watchlists_watchlist (id, engine_id) DEFERRABLE INITIALLY DEFERRED;
"""
LENGTHS = {"watchlists_template": "dimension, second_dimension", "watchlists_sealedtemplate": "dimension"}
# Stored in the row itself, because a search reads every row.
INLINE = "ALTER TABLE {table} ALTER COLUMN embedding SET STORAGE MAIN;"
# The planner's statistics would keep names and vectors of people whose data was destroyed.
NO_SAMPLES = {
    "watchlists_person": (
        "reference name date_of_birth offence authority expected_action look_alikes rationale minor_rationale"
    ),
    "watchlists_photograph": "encrypted sha256 lawful_hold",
    "watchlists_template": "embedding second",
    "watchlists_sealedtemplate": "embedding",
    "watchlists_flag": "detail reason",
    "watchlists_hold": "reason",
    "watchlists_importrow": "reference values message",
    "watchlists_importphotograph": "name encrypted sha256 problem reading embedding second",
}
SAMPLES = "ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS {target};"


class Migration(migrations.Migration):
    dependencies = [("watchlists", "0001_initial")]
    operations = [
        *(
            migrations.RunSQL(
                BOUND.format(table=table, lengths=lengths),
                f"ALTER TABLE {table} DROP CONSTRAINT {table}_of_its_engine;",
            )
            for table, lengths in LENGTHS.items()
        ),
        migrations.RunSQL(
            ONE_ENGINE, "ALTER TABLE watchlists_sealedtemplate DROP CONSTRAINT sealedtemplate_of_its_lists_engine;"
        ),
        *(
            migrations.RunSQL(
                INLINE.format(table=table), f"ALTER TABLE {table} ALTER COLUMN embedding SET STORAGE EXTERNAL;"
            )
            for table in LENGTHS
        ),
        *(
            migrations.RunSQL(
                SAMPLES.format(table=table, column=f'"{column}"', target=0),
                SAMPLES.format(table=table, column=f'"{column}"', target="DEFAULT"),
            )
            for table, columns in NO_SAMPLES.items()
            for column in columns.split()
        ),
    ]
