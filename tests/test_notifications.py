"""Notifications: each event is delivered once, signed, with retries, and without personal data."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from alerts import deadlines
from alerts.models import Alert
from audit.models import Entry
from core import keys
from core.errors import Refused
from lfr_site.supervisor import available_port
from notifications import operations, outbox
from notifications.models import Delivery, Subscriber, Topic
from tests.cast import SCORE, Cast, act, apart, make_alert, make_live_deployment
from tests.names import Names
from tests.program import Program, listening
from watchlists.models import Person

EVERYTHING = list(Topic.values)
NO_CONNECTION = "The connection failed or was lost."


@pytest.fixture(autouse=True)
def own_network(settings: Any, names: Names) -> None:
    """Allow loopback addresses, on which the subscribers of these tests listen."""
    settings.LFR_OWN_NETWORKS = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def program() -> Iterator[Program]:
    with listening() as program:
        yield program


def _subscriber(cast: Cast, address: str, events: list[str] = EVERYTHING, **given: Any) -> tuple[Subscriber, str]:
    about = {"name": "Records", "kind": "webhook", "address": address, "topics": events, **given}
    return operations.add_subscriber(actor=cast.system_admin, **about)


def test_an_event_is_delivered_once_signed_and_names_nobody(cast: Cast, program: Program) -> None:
    subscriber, secret = _subscriber(cast, program.url)
    alert = act(make_alert(make_live_deployment(cast)), "same", "engage", "release", cast=cast)
    assert operations.deliver_due() == (3, 0)
    assert operations.deliver_due() == (0, 0)
    bodies = [Webhook(secret).verify(body, headers) for headers, body in program.calls]
    assert sorted(body["type"] for body in bodies) == ["alert.ended", "alert.raised", "alert.referred"]
    assert {body["data"]["alert"] for body in bodies} == {str(alert.pk)}
    person = Person.objects.get()
    for _, body in program.calls:
        for secret_word in (person.name, person.reference, person.offence, "score", str(person.pk)):
            assert secret_word not in body
        assert not SCORE.search(body)
    headers, body = program.calls[0]
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body.replace("amber", "red"), headers)
    assert len({headers["webhook-id"] for headers, _ in program.calls}) == 3
    assert set(subscriber.deliveries.values_list("state", flat=True)) == {"delivered"}
    assert Entry.objects.filter(action="alert.sent", verb="disclosure").count() == 3


@pytest.mark.parametrize("status", [500, 404, 302])
def test_a_failed_delivery_is_retried_and_finally_abandoned(cast: Cast, program: Program, status: int) -> None:
    subscriber, _ = _subscriber(cast, program.url, ["alert.raised"])
    make_alert(make_live_deployment(cast))
    program.status = status
    at = timezone.now()
    for attempt in range(len(operations.WAITS) + 1):
        assert operations.deliver_due(at=at) == (0, 1)
        assert operations.deliver_due(at=at) == (0, 0)
        delivery = subscriber.deliveries.get()
        assert (delivery.attempts, delivery.answer) == (attempt + 1, f"HTTP {status}")
        at = delivery.due_at
    assert delivery.state == Delivery.State.FAILED
    # Redirects are not followed.
    assert len(program.calls) == len(operations.WAITS) + 1
    program.status = 200
    operations.send_again(delivery, actor=cast.system_admin)
    assert operations.deliver_due() == (1, 0)
    with pytest.raises(Refused):
        operations.send_again(delivery, actor=cast.system_admin)


def test_an_unreachable_server_is_not_an_error(cast: Cast) -> None:
    subscriber, _ = _subscriber(cast, "http://127.0.0.1:1/", ["alert.raised"])
    make_alert(make_live_deployment(cast))
    assert operations.deliver_due() == (0, 1)
    assert subscriber.deliveries.get().answer == NO_CONNECTION
    keys.destroy(subscriber.key_name)
    Delivery.objects.update(due_at=timezone.now())
    assert operations.deliver_due() == (0, 1)
    assert subscriber.deliveries.get().answer == "The webhook’s secret is missing."


def test_an_unresponsive_subscriber_does_not_delay_others(cast: Cast, program: Program, settings: Any) -> None:
    """Invalid host names raise another kind of error, and come first here."""
    broken = [_subscriber(cast, f"https://a..b.example/{number}", ["alert.raised"])[0] for number in range(2)]
    _subscriber(cast, program.url, ["alert.raised"])
    apart(settings)
    deployment = make_live_deployment(cast)
    for number in range(operations.BATCH):
        make_alert(deployment, f"{number:032}")
    at = timezone.now()
    assert operations.deliver_due(at=at)[1] == 2
    # Further messages to the same subscriber count as tried.
    assert [each.deliveries.filter(attempts=1).count() for each in broken] == [operations.BATCH, operations.BATCH]
    while operations.deliver_due(at=at)[0]:
        pass
    assert len(program.calls) == operations.BATCH


def test_all_messages_to_an_unreachable_subscriber_are_abandoned_together(cast: Cast, settings: Any) -> None:
    apart(settings)
    subscriber, _ = _subscriber(cast, "http://127.0.0.1:1/", ["alert.raised"])
    deployment = make_live_deployment(cast)
    for number in range(3):
        make_alert(deployment, f"{number:032}")
    outbox.collect(timezone.now())
    rounds, waiting = 0, subscriber.deliveries.filter(state=Delivery.State.WAITING)
    while last := waiting.order_by("due_at").last():
        operations.deliver_due(at=last.due_at)
        rounds += 1
    assert rounds <= len(operations.WAITS) + 2
    assert set(subscriber.deliveries.values_list("state", "answer")) == {
        ("failed", "The connection failed or was lost.")
    }


def test_an_adjudication_that_is_undone_is_not_notified(cast: Cast, program: Program) -> None:
    _subscriber(cast, program.url, ["alert.referred", "alert.ended"])
    alert = act(make_alert(make_live_deployment(cast)), "same", cast=cast)
    assert operations.deliver_due() == (0, 0)
    act(alert, "undo", "not_same", "undo", "same", cast=cast)
    assert operations.deliver_due(at=timezone.now() + dt.timedelta(seconds=7)) == (1, 0)
    assert json.loads(program.calls[0][1])["type"] == "alert.referred"


def test_a_rolled_back_event_is_not_notified(cast: Cast, program: Program) -> None:
    _subscriber(cast, program.url)
    alert = make_alert(make_live_deployment(cast))
    with pytest.raises(Refused):
        act(alert, "release", cast=cast)
    outbox.collect(timezone.now())
    assert list(Delivery.objects.values_list("topic", flat=True)) == ["alert.raised"]


def test_each_subscriber_gets_only_the_events_subscribed_to(cast: Cast, program: Program) -> None:
    one, two = make_live_deployment(cast), make_live_deployment(cast)
    first, _ = _subscriber(cast, program.url, ["alert.escalated", "alert.expired"], deployment=one)
    alert, other = act(make_alert(one), "same", cast=cast), make_alert(two, "f" * 32)
    late = timezone.now() + dt.timedelta(hours=1)
    deadlines.escalate_unanswered(at=late)
    deadlines.expire_unreviewed(at=late)
    outbox.collect(late)
    assert [(each.topic, each.alert) for each in first.deliveries.all()] == [("alert.escalated", alert)]
    assert Alert.objects.get(pk=other.pk).state == "expired"
    operations.set_active(first, is_active=False, actor=cast.system_admin)
    assert first.deliveries.get().state == Delivery.State.FAILED
    operations.set_active(first, is_active=True, actor=cast.system_admin)
    assert operations.deliver_due() == (0, 0)


def test_a_mailbox_gets_an_email(cast: Cast, settings: Any) -> None:
    class Box:
        letters: list[str] = []

        async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:
            self.letters.append(envelope.content.decode())
            return "250 OK"

    port = available_port()
    controller = Controller(Box(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        _subscriber(cast, "control.room@force.example", ["alert.raised"], kind="email")
        alert = make_alert(make_live_deployment(cast))
        assert operations.deliver_due() == (1, 0)
    finally:
        controller.stop()
    (letter,) = Box.letters
    assert "Possible match raised" in letter
    assert str(alert.pk)[:8] in letter
    assert Person.objects.get().name not in letter


def test_addresses_are_checked_and_only_administrators_add_subscribers(cast: Cast, settings: Any) -> None:
    settings.IS_DEMO = False
    for given, words in (
        ({"address": "http://records.example/"}, "https"),
        ({"address": "https://me:secret@records.example/"}, "no user name or password"),
        ({"address": "records"}, "https"),
        ({"address": "https://[x"}, "correct format"),
        ({"address": "x", "kind": "email"}, "name@example.com"),
        ({"address": "x", "kind": "pigeon"}, "webhook or email"),
        ({"address": "https://records.example/", "topics": []}, "at least one topic"),
    ):
        with pytest.raises(Refused, match=words):
            _subscriber(cast, **given)
    with pytest.raises(PermissionDenied):
        operations.add_subscriber(
            name="x", kind="webhook", address="https://x.example/", topics=EVERYTHING, actor=cast.commander
        )
    assert not Subscriber.objects.exists()


def test_the_page_shows_the_secret_once(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.system_admin)
    given = {"name": "Records", "kind": "webhook", "address": "https://records.example/x", "topics": ["alert.raised"]}
    page = client.post("/notifications/", given).content.decode()
    assert "whsec_" in page
    assert "whsec_" not in client.get("/notifications/").content.decode()
    assert "starts with https" in client.post("/notifications/", {**given, "address": "ftp://x"}).content.decode()
    subscriber = Subscriber.objects.get()
    client.post(f"/notifications/{subscriber.pk}/switch/", {"active": "0"})
    subscriber.refresh_from_db()
    assert not subscriber.is_active
    assert json.dumps(list(Entry.objects.values_list("data", flat=True))).count("records.example") == 1


def test_an_action_is_notified_with_its_resulting_state(cast: Cast, program: Program) -> None:
    """Even if the alert has changed again by the time of delivery."""
    _subscriber(cast, program.url)
    act(make_alert(make_live_deployment(cast)), "same", "engage", "release", cast=cast)
    assert operations.deliver_due() == (3, 0)
    data = [json.loads(body)["data"] for _, body in program.calls]
    assert [(each["state"], each["revision"]) for each in data] == [("raised", 0), ("referred", 1), ("not_same", 3)]


def test_earlier_events_are_not_notified_and_none_twice(cast: Cast, program: Program, settings: Any) -> None:
    apart(settings)
    deployment = make_live_deployment(cast)
    make_alert(deployment)
    subscriber, _ = _subscriber(cast, program.url)
    assert operations.deliver_due() == (0, 0)
    make_alert(deployment, "d" * 32)
    now = timezone.now()
    for at in (now, now + dt.timedelta(hours=23), now + dt.timedelta(days=3)):
        operations.deliver_due(at=at)
    assert subscriber.deliveries.count() == len(program.calls) == 1
    subscriber.refresh_from_db()
    # Old entries are not read again.
    assert subscriber.told_from == now + dt.timedelta(days=2)


def test_events_are_notified_after_the_worker_was_away(cast: Cast, program: Program) -> None:
    _subscriber(cast, program.url, ["alert.raised"])
    make_alert(make_live_deployment(cast))
    assert operations.deliver_due(at=timezone.now() + dt.timedelta(days=5)) == (1, 0)
