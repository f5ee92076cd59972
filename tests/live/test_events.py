"""The events socket: who may listen, and to what."""

from __future__ import annotations

import asyncio
import json
import re
import struct

import pytest
from standardwebhooks import Webhook
from websockets.exceptions import ConnectionClosed

from tests.cast import portrait_jpeg
from tests.live.system import LiveDeployment, LiveSystem, Street, eventually, go_live, socket
from tests.program import listening


@pytest.fixture(scope="module")
def two(live: LiveSystem) -> tuple[LiveDeployment, LiveDeployment]:
    """Two deployments at once, with lists of their own."""
    first = go_live(live, {"Events Portrait": portrait_jpeg()})
    second = go_live(live, {"Events Second": portrait_jpeg()})
    return first, second


def _path(deployment: LiveDeployment) -> str:
    return f"/ws/deployments/{deployment.id}/"


async def test_an_alert_is_told_to_its_own_deployment_only(
    live: LiveSystem, two: tuple[LiveDeployment, LiveDeployment]
) -> None:
    operator = live.user("operator")
    token = live.user("commander").token(two[0].cameras[0])
    live.user("commander").post(f"/deployments/{two[1].id}/staff/", {"user": live.id_of("operator2")})
    async with (
        socket(live, _path(two[0]), Cookie=operator.cookie) as own,
        socket(live, _path(two[1]), Cookie=live.user("operator2").cookie) as others,
        socket(live, f"/ws/cameras/{two[0].cameras[0]}/", Authorization=f"Bearer {token}") as camera,
    ):
        assert await own.until("hello") == {"kind": "hello", "id": two[0].id}
        await others.until("hello")
        await camera.until("ready")
        for number in (1, 2):
            await camera.connection.send(struct.pack(">I", number) + portrait_jpeg())
            await camera.until("read")
        raised = await own.until("alert.raised")
        assert set(raised) == {"kind", "id"}
        with pytest.raises(TimeoutError):
            await others.until("alert.raised", 1.5)
        operator.post(f"/alerts/{raised['id']}/acts/inconclusive/", {"reasons": "blurred"})
        assert await own.until("alert.changed") == {"kind": "alert.changed", "id": raised["id"]}


def test_a_program_outside_is_told_by_the_running_system(
    live: LiveSystem, two: tuple[LiveDeployment, LiveDeployment]
) -> None:
    with listening() as program:
        about = {"name": "Records", "kind": "webhook", "address": program.url, "topics": "alert.raised"}
        page = live.user("system_admin").post("/notifications/", {**about, "deployment": two[1].id}).text
        secret = re.search(r"whsec_[A-Za-z0-9+/=]+", page)
        assert secret is not None
        with Street.of(live, two[1].cameras[0]) as street:
            street.walk_past()
        assert eventually(lambda: len(program.calls) == 1, patience=15)
        headers, body = program.calls[0]
        told = Webhook(secret[0]).verify(body, headers)
        assert (told["type"], told["data"]["deployment"]) == ("alert.raised", two[1].id)
        assert eventually(lambda: "Delivered" in live.user("system_admin").get("/notifications/").text)


@pytest.mark.parametrize("role", ["system_admin", "watchlist_admin", "authority", "compliance"])
async def test_who_may_not_see_alerts_is_not_told_of_them(
    live: LiveSystem, two: tuple[LiveDeployment, LiveDeployment], role: str
) -> None:
    await _refused(live, _path(two[0]), Cookie=live.user(role).cookie)
    query = "SELECT count(*) FROM audit_entry WHERE action = 'access.refused' AND data->>'page' = 'events'"
    assert live.sql(f"{query} AND actor_id = '{live.id_of(role)}'") == [(1,)]


async def test_nobody_listens_unsigned_or_to_what_is_not_there(
    live: LiveSystem, two: tuple[LiveDeployment, LiveDeployment]
) -> None:
    await _refused(live, _path(two[0]))
    unknown = "/ws/deployments/00000000-0000-4000-8000-000000000000/"
    await _refused(live, unknown, Cookie=live.user("operator").cookie)


async def _refused(live: LiveSystem, path: str, **headers: str) -> None:
    async with socket(live, path, **headers) as events:
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(5):
                raise AssertionError(f"it was told {json.loads(await events.connection.recv())}")
        assert events.connection.close_code == 4403
