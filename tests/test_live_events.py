"""Which live events reach a console and which a handset."""

from __future__ import annotations

import pytest

from alerts.live import EventsConsumer
from core.sockets import Event


async def _told(kind: Event, *, is_handset: bool) -> list[tuple[str, str]]:
    consumer, told = EventsConsumer(), []

    async def say(kind: str, subject_id: str) -> None:
        told.append((kind, subject_id))

    consumer.is_handset = is_handset
    consumer._say = say  # type: ignore[method-assign]
    await consumer.announcement({"kind": kind.value, "id": "an-id"})
    return told


@pytest.mark.parametrize("kind", [Event.ALERT_RAISED, Event.ALERT_SHOT_ADDED, Event.ALERT_CHANGED])
async def test_a_console_is_told_which_alert_it_is(kind: Event) -> None:
    assert await _told(kind, is_handset=False) == [(kind, "an-id")]


@pytest.mark.parametrize("kind", [Event.ALERT_SHOT_ADDED, Event.ALERT_CHANGED])
async def test_a_handset_is_told_that_something_changed_but_not_what(kind: Event) -> None:
    assert await _told(kind, is_handset=True) == [(Event.STREET_CHANGED, "")]


async def test_a_handset_is_not_told_of_an_alert_before_it_is_referred() -> None:
    assert await _told(Event.ALERT_RAISED, is_handset=True) == []


@pytest.mark.parametrize("kind", [Event.DEPLOYMENT_ENDED, Event.DEPLOYMENT_NOT_LIVE])
async def test_a_handset_is_told_what_becomes_of_the_deployment(kind: Event) -> None:
    assert await _told(kind, is_handset=True) == [(kind, "an-id")]
