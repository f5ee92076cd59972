"""Mixing the embeddings of two engines becomes impossible: every template has its engine's lengths, a sealed one its
list's engine.

Vectors stay inside their row where they fit: fetching each from elsewhere would cost a search several times itself.
"""

from typing import ClassVar

from django.db import migrations

BOUND = """
ALTER TABLE {table} ADD CONSTRAINT {table}_of_its_engine
    FOREIGN KEY (engine_id, {lengths}) REFERENCES watchlists_engine (id, {lengths}) DEFERRABLE INITIALLY DEFERRED;
"""
ONE_ENGINE = """
ALTER TABLE watchlists_sealedtemplate ADD CONSTRAINT sealedtemplate_of_its_lists_engine
    FOREIGN KEY (watchlist_id, engine_id)
    REFERENCES watchlists_watchlist (id, engine_id) DEFERRABLE INITIALLY DEFERRED;
"""
INLINE = "ALTER TABLE {table} ALTER COLUMN embedding SET STORAGE MAIN;"
TABLES = {"watchlists_template": "dimension, second_dimension", "watchlists_sealedtemplate": "dimension"}


class Migration(migrations.Migration):
    dependencies: ClassVar = [("watchlists", "0003_two_models_an_engine")]

    operations: ClassVar = [
        *(
            migrations.RunSQL(
                BOUND.format(table=table, lengths=lengths),
                f"ALTER TABLE {table} DROP CONSTRAINT {table}_of_its_engine;",
            )
            for table, lengths in TABLES.items()
        ),
        migrations.RunSQL(
            ONE_ENGINE, "ALTER TABLE watchlists_sealedtemplate DROP CONSTRAINT sealedtemplate_of_its_lists_engine;"
        ),
        *(
            migrations.RunSQL(
                INLINE.format(table=table), f"ALTER TABLE {table} ALTER COLUMN embedding SET STORAGE EXTERNAL;"
            )
            for table in TABLES
        ),
    ]
