"""What runs on the clock waits for nothing that takes long."""

from __future__ import annotations

import psycopg

from lfr_site import services
from tests.cast import portrait_jpeg
from tests.live.system import LiveSystem, eventually, go_live


def test_a_deployment_ends_on_time_while_a_table_is_rewritten(live: LiveSystem) -> None:
    people = {"Test Portrait": portrait_jpeg()}
    ended, due = (go_live(live, people, ("North",)) for _ in range(2))
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'watchlists_sealedtemplate'::regclass"
    state = f"SELECT state FROM deployments_deployment WHERE id = '{due.id}'"
    with psycopg.connect(services.database_url(live.data)) as rewriting:
        # The lock that VACUUM FULL takes. The list of the deployment that ends is due for destruction at once.
        rewriting.execute("LOCK TABLE watchlists_sealedtemplate IN ACCESS EXCLUSIVE MODE")
        live.user("commander").post(f"/deployments/{ended.id}/end/", {"code": "done"})
        assert eventually(lambda: live.sql(waiting)[0][0] > 0, patience=60)
        with psycopg.connect(services.database_url(live.data), autocommit=True) as connection:
            connection.execute("UPDATE deployments_period SET ends_at = now() WHERE deployment_id = %s", [due.id])
        assert eventually(lambda: live.sql(state) == [("ended",)], patience=60)
        assert live.sql(waiting)[0][0] > 0
    destroyed = f"SELECT state FROM watchlists_watchlist WHERE id = '{ended.watchlist}'"
    assert eventually(lambda: live.sql(destroyed) == [("destroyed",)], patience=60)
