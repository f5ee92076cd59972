"""One round of deliveries: no subscriber can delay the worker or another subscriber."""

from __future__ import annotations

import contextlib
import datetime as dt
import ssl
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils import timezone

from lfr_site.supervisor import available_port
from notifications import operations, outbox, sending
from notifications.models import Delivery, Subscriber
from tests.cast import Cast, apart, make_alert, make_live_deployment
from tests.names import Names
from tests.program import Program, holding, listening

LATE = "There was no complete answer in time."
# Servers that never end a response, although each byte comes in time.
HOLDERS = {
    "silence": (b"", b""),
    "a dripping status": (b"HTTP/1.1 200 O", b"K"),
    "a dripping header": (b"HTTP/1.1 200 OK\r\nx: ", b"x"),
    "answers that announce another": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.fixture(autouse=True)
def own_network(settings: Any, names: Names) -> None:
    settings.LFR_OWN_NETWORKS = (ip_network("127.0.0.0/8"),)
    apart(settings)


@pytest.fixture
def program() -> Iterator[Program]:
    with listening() as program:
        yield program


def _add(cast: Cast, address: str, kind: str = "webhook") -> Subscriber:
    subscriber, _ = operations.add_subscriber(
        name=address[:80], kind=kind, address=address, topics=["alert.raised"], actor=cast.system_admin
    )
    return subscriber


def _raise_alerts(cast: Cast, count: int) -> None:
    deployment = make_live_deployment(cast)
    for number in range(count):
        make_alert(deployment, f"{number:032}")
    outbox.collect(timezone.now())


def _ids(subscriber: Subscriber) -> list[str]:
    return [str(pk) for pk in subscriber.deliveries.values_list("pk", flat=True)]


@pytest.mark.parametrize("kind", HOLDERS)
def test_a_webhook_that_never_ends_its_response_fails_and_others_are_delivered(
    cast: Cast, program: Program, kind: str
) -> None:
    with holding(*HOLDERS[kind]) as holder:
        held, good = _add(cast, holder.url), _add(cast, program.url)
        _raise_alerts(cast, 2)
        assert operations.deliver_due() == (2, 1)
        # The worker returns long before the server would have ended the response.
        assert (holder.called, holder.gave_up) == (1, False)
    assert [headers["webhook-id"] for headers, _ in program.calls] == _ids(good)
    # The second message was not tried and waits with the first.
    assert list(held.deliveries.values_list("state", "attempts", "answer")) == [("waiting", 1, LATE)] * 2
    assert len(set(held.deliveries.values_list("due_at", flat=True))) == 1


@pytest.mark.parametrize("headers", [b"x: " + b"x" * 100_000, b"x: x\r\n" * 10_000])
def test_a_response_with_endless_headers_is_not_stored(cast: Cast, headers: bytes) -> None:
    with holding(b"HTTP/1.1 200 OK\r\n" + headers, b"x") as holder:
        subscriber = _add(cast, holder.url)
        _raise_alerts(cast, 1)
        assert operations.deliver_due() == (0, 1)
        assert not holder.gave_up
    assert subscriber.deliveries.get().state == Delivery.State.WAITING


def test_the_body_of_a_response_is_not_read(cast: Cast) -> None:
    with holding(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n", b"x") as holder:
        _add(cast, holder.url)
        _raise_alerts(cast, 1)
        assert operations.deliver_due() == (1, 0)
        assert not holder.gave_up


def test_an_unresponsive_name_server_does_not_delay_others(cast: Cast, program: Program, names: Names) -> None:
    held = [_add(cast, f"https://records{number}.example/hook") for number in range(40)]
    _add(cast, program.url)
    names.hanging.update(f"records{number}.example" for number in range(40))
    _raise_alerts(cast, 1)
    assert operations.deliver_due() == (1, 40)
    assert not names.answer.is_set()
    assert {subscriber.deliveries.get().answer for subscriber in held} == {LATE}


def test_many_messages_of_one_subscriber_leave_room_for_others(cast: Cast, program: Program) -> None:
    _add(cast, "http://127.0.0.1:1/")
    _raise_alerts(cast, operations.BATCH)
    good = _add(cast, program.url)
    _raise_alerts(cast, 1)
    assert operations.deliver_due() == (1, 1)
    assert [headers["webhook-id"] for headers, _ in program.calls] == _ids(good)


def test_the_end_of_the_round_neither_loses_nor_counts_a_message(
    cast: Cast, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "MESSAGE_DEADLINE_S", 60.0)
    monkeypatch.setattr(sending, "ROUND_DEADLINE_S", 0.5)
    with holding(*HOLDERS["a dripping header"]) as holder:
        held = _add(cast, holder.url)
        _raise_alerts(cast, 2)
        before = list(held.deliveries.values("pk", "state", "attempts", "due_at", "answer"))
        assert operations.deliver_due() == (0, 0)
        assert holder.called == 1
    assert list(held.deliveries.values("pk", "state", "attempts", "due_at", "answer")) == before
    held.address = program.url
    held.save()
    monkeypatch.undo()
    assert operations.deliver_due() == (2, 0)
    assert [headers["webhook-id"] for headers, _ in program.calls] == _ids(held)


def test_messages_left_by_one_round_are_sent_in_order_in_the_next(
    cast: Cast, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow subscriber delays only its own messages: here only one fits into a round."""
    monkeypatch.setattr(sending, "ROUND_DEADLINE_S", sending.MESSAGE_DEADLINE_S)
    subscriber = _add(cast, program.url)
    _raise_alerts(cast, 3)
    for number in range(3):
        assert set(subscriber.deliveries.filter(state="waiting").values_list("attempts", flat=True)) == {0}
        assert operations.deliver_due() == (1, 0)
        assert [headers["webhook-id"] for headers, _ in program.calls] == _ids(subscriber)[: number + 1]
    assert operations.deliver_due() == (0, 0)


def test_a_message_that_another_worker_has_claimed_is_not_overtaken(cast: Cast, program: Program) -> None:
    subscriber = _add(cast, program.url)
    _raise_alerts(cast, 2)
    now = timezone.now()
    first, _ = operations._claim(now)[0]
    assert operations.deliver_due(at=now) == (0, 0)
    # Its worker died: both are sent once the claim has expired.
    assert operations.deliver_due(at=now + operations.CLAIM + dt.timedelta(seconds=1)) == (2, 0)
    assert [headers["webhook-id"] for headers, _ in program.calls] == _ids(subscriber)
    assert _ids(subscriber)[0] == str(first.pk)


@pytest.mark.parametrize("first", [b"220 mail", b"220 mail.example\r\n250-mail"])
def test_a_mail_server_that_never_ends_its_response_fails_and_others_are_delivered(
    cast: Cast, program: Program, settings: Any, first: bytes
) -> None:
    with holding(first, b"x") as holder:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", holder.port
        held = [_add(cast, f"{name}@force.example", "email") for name in ("control", "records")]
        good = _add(cast, program.url)
        _raise_alerts(cast, 1)
        assert operations.deliver_due() == (1, 2)
        assert (holder.called, holder.gave_up) == (2, False)
    assert len(program.calls) == len(_ids(good)) == 1
    for subscriber in held:
        delivery = subscriber.deliveries.get()
        assert (delivery.state, delivery.attempts, delivery.answer) == ("waiting", 1, LATE)


def test_an_email_that_cannot_be_composed_does_not_delay_others(cast: Cast, program: Program, settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "lfr@force.example\nbcc: x@elsewhere.example"
    held = _add(cast, "control@force.example", "email")
    _add(cast, program.url)
    _raise_alerts(cast, 1)
    with _mail_server() as port:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
        assert operations.deliver_due() == (1, 1)
    delivery = held.deliveries.get()
    assert (delivery.state, delivery.attempts, delivery.answer) == ("waiting", 1, "BadHeaderError")


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """Return a server certificate for records.example and mail.example that the sender trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")])
    names = x509.SubjectAlternativeName([x509.DNSName("records.example"), x509.DNSName("mail.example")])
    now = timezone.now()
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    made = made.add_extension(names, critical=False)
    file = tmp_path / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    signed = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    file.write_bytes(private + signed)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    sending.tls_context.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    yield context
    sending.tls_context.cache_clear()


@contextlib.contextmanager
def _mail_server(certificate: ssl.SSLContext | None = None) -> Iterator[int]:
    """Run a mail server that accepts everything; yield its port. With a certificate it requires encryption."""
    port, encrypts = available_port(), certificate is not None
    controller = Controller(Sink(), hostname="127.0.0.1", port=port, tls_context=certificate, require_starttls=encrypts)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def test_the_certificate_must_match_the_name(cast: Cast, names: Names, certificate: ssl.SSLContext) -> None:
    with listening(tls=certificate) as program:
        names.found |= {"records.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]}
        _add(cast, f"https://records.example:{program.port}/hook")
        other = _add(cast, f"https://other.example:{program.port}/hook")
        _raise_alerts(cast, 1)
        assert operations.deliver_due() == (1, 1)
        assert len(program.calls) == 1
    assert other.deliveries.get().answer == "The certificate is not valid."


@pytest.mark.parametrize(("host", "answer"), [("mail.example", ""), ("other.example", "The certificate is not valid.")])
def test_mail_is_encrypted_for_the_mail_servers_own_name(
    cast: Cast, names: Names, certificate: ssl.SSLContext, settings: Any, host: str, answer: str
) -> None:
    names.found[host] = [["127.0.0.1"]]
    with _mail_server(certificate) as port:
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = host, port, True
        subscriber = _add(cast, "control@force.example", "email")
        _raise_alerts(cast, 1)
        assert operations.deliver_due() == ((0, 1) if answer else (1, 0))
    assert subscriber.deliveries.get().answer == answer
