"""Send notifications to webhooks and mailboxes: all subscribers at the same time, one subscriber's messages in order.

Each message has one deadline for the whole exchange, from the lookup of the name to the answer, and each round has one
too. No subscriber can hold the worker for longer. This module does not use the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import aiohappyeyeballs
import aiohttp
import aiosmtplib
from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import timezone
from standardwebhooks import Webhook

from notifications import destinations

MESSAGE_DEADLINE_S = 5.0
# Longer than the deadline of a message, so that the first message of every subscriber has its full time.
ROUND_DEADLINE_S = 10.0
# The wait for one address of a host before the next is tried in parallel (RFC 8305).
NEXT_ADDRESS_S = 0.25


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one attempt. reason: why it was not accepted, or empty. answered: the subscriber answered."""

    reason: str = ""
    answered: bool = True

    @property
    def taken(self) -> bool:
        return not self.reason


class Message(Protocol):
    async def send(self) -> Outcome:
        """Send it once. An exception counts as no answer."""


@dataclass(frozen=True, slots=True)
class WebhookMessage:
    """A call signed as Standard Webhooks defines. secret: empty if it is missing."""

    id: str
    url: str
    secret: str = field(repr=False)
    body: dict[str, object]

    async def send(self) -> Outcome:
        if not self.secret:
            return Outcome("The webhook’s secret is missing.", answered=False)
        checked = await destinations.resolve_allowed(*destinations.host_and_port(self.url))
        connector = aiohttp.TCPConnector(
            resolver=destinations.CheckedAddresses(checked), use_dns_cache=False, force_close=True, ssl=tls_context()
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            # The caller's deadline is the only one. A proxy or a password from the environment is not used.
            timeout=aiohttp.ClientTimeout(),
            trust_env=False,
        )
        async with session:
            status = await self._post(session)
        return Outcome() if 200 <= status < 300 else Outcome(f"HTTP {status}")

    async def _post(self, session: aiohttp.ClientSession) -> int:
        now = timezone.now()
        text = json.dumps(self.body, separators=(",", ":"))
        headers = {
            "content-type": "application/json",
            "webhook-id": self.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(self.secret).sign(self.id, now, text),
        }
        # Redirects are not followed: they could lead to a host that nobody approved. The answer's body is not read.
        answer = await session.post(self.url, data=text.encode(), headers=headers, allow_redirects=False)
        answer.close()
        return answer.status


@dataclass(frozen=True, slots=True)
class MailMessage:
    """An email, sent through the force's own mail server. write: returns it without querying the database."""

    write: Callable[[], EmailMessage]

    async def send(self) -> Outcome:
        found = await destinations.resolve(settings.EMAIL_HOST, settings.EMAIL_PORT)
        connection = await aiohappyeyeballs.start_connection(found, happy_eyeballs_delay=NEXT_ADDRESS_S)
        server = aiosmtplib.SMTP(sock=connection, local_hostname=_own_name(), start_tls=False, timeout=None)
        try:
            await server.connect()
            await self._hand_over(server)
        finally:
            _hang_up(server)
            connection.close()
        return Outcome()

    async def _hand_over(self, server: aiosmtplib.SMTP) -> None:
        if settings.EMAIL_USE_TLS:
            await server.starttls(server_hostname=settings.EMAIL_HOST, tls_context=tls_context())
        if settings.EMAIL_HOST_USER:
            await server.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)
        await server.send_message(self.write().message())
        if isinstance(server.transport, asyncio.Transport):
            # The message was accepted, so there is no need to wait for the answer to QUIT.
            server.transport.write(b"QUIT\r\n")


def send(queues: Sequence[Sequence[Message]]) -> list[list[Outcome]]:
    """Send every subscriber's queue and return the outcomes, in the queue's order.

    A queue has fewer outcomes than messages if the subscriber did not answer or the round was over. The remaining
    messages were not sent, except that one being sent at the round's deadline may have arrived.
    """
    outcomes: list[list[Outcome]] = [[] for _ in queues]
    asyncio.run(_send_round(queues, outcomes))
    return outcomes


async def _send_round(queues: Sequence[Sequence[Message]], outcomes: list[list[Outcome]]) -> None:
    # The end of the round could cut off a message that starts later than this.
    last_start = asyncio.get_running_loop().time() + ROUND_DEADLINE_S - MESSAGE_DEADLINE_S
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ROUND_DEADLINE_S), asyncio.TaskGroup() as group:
            for queue, ended in zip(queues, outcomes, strict=True):
                group.create_task(_send_queue(queue, ended, last_start))


async def _send_queue(queue: Sequence[Message], ended: list[Outcome], last_start: float) -> None:
    for message in queue:
        if ended and asyncio.get_running_loop().time() > last_start:
            return
        outcome = await _attempt(message)
        ended.append(outcome)
        if not outcome.answered:
            return


async def _attempt(message: Message) -> Outcome:
    try:
        async with asyncio.timeout(MESSAGE_DEADLINE_S):
            return await message.send()
    except Exception as error:
        # An error concerns this subscriber only. Its own text is not kept, because it may repeat what was sent.
        return Outcome(_reason(error), answered=False)


# The first match counts, because time-outs and failed lookups are also connection errors.
_REASONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    ((socket.gaierror, UnicodeError), "The host name could not be resolved."),
    (TimeoutError, "There was no complete answer in time."),
    (ssl.SSLCertVerificationError, "The certificate is not valid."),
    (aiohttp.ClientConnectorCertificateError, "The certificate is not valid."),
    ((ssl.SSLError, aiohttp.ClientSSLError), "No encrypted connection could be made."),
    (aiosmtplib.SMTPRecipientsRefused, "The mail server refused the recipient."),
    (aiohttp.ClientResponseError, "The answer was not valid HTTP."),
    (ConnectionError, "The connection failed or was lost."),
    (aiosmtplib.SMTPException, "The mail server did not accept the message."),
    ((OSError, aiohttp.ClientConnectionError), "The connection failed or was lost."),
)


def _reason(error: Exception) -> str:
    if isinstance(error, destinations.NotAllowed):
        return str(error)
    found = (reason for kinds, reason in _REASONS if isinstance(error, kinds))
    return next(found, type(error).__name__)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Return the TLS context. It trusts the machine's own certificates, or those in SSL_CERT_FILE."""
    return ssl.create_default_context()


def _own_name() -> str:
    """Return the name to greet a mail server with. The full name is not looked up: a name server could delay it."""
    name = socket.gethostname()
    return name if "." in name else "[127.0.0.1]"


def _hang_up(server: aiosmtplib.SMTP) -> None:
    """Close the connection at once. A proper end of TLS would have to wait for the server."""
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()
    server.close()
