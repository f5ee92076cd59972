"""Attestation of checkpoints by others: the signatures of witnesses, and time-stamps.

Only the newest checkpoint is sent: a witness that countersigns it vouches for everything before it. Each request has
one deadline, from the lookup of the name to the end of the answer.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import queue
import re
import threading
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from cryptography.x509 import load_pem_x509_certificates
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from rfc3161_client import TimestampRequestBuilder, VerificationError, VerifierBuilder, decode_timestamp_response

from audit.actions import Action
from audit.journal import record
from audit.log_keys import Witness, witnesses
from audit.models import Checkpoint, Cosignature, Entry, Timestamp
from audit.tree import Tree
from core.actors import System
from core.machine import JournalData
from transparency.verifier import Note, NotVerified, signature_line

logger = logging.getLogger(__name__)

LOG = System("the audit log")
DEADLINE_S = 5.0
LARGEST_ANSWER = 64 * 2**10


@dataclass(frozen=True)
class Answer:
    """The answer of a server. status: of HTTP, 0 if there was none."""

    status: int
    body: bytes
    why: str = ""


def attest() -> int:
    """Ask every witness, and the time-stamping service, about the newest checkpoint. Return how many attested it."""
    checkpoint = Checkpoint.objects.prefetch_related("cosignatures").first()
    if checkpoint is None:
        return 0
    signed = {each.witness for each in checkpoint.cosignatures.all()}
    done = sum(_countersigned(checkpoint, each) for each in witnesses() if each.key.name not in signed)
    if settings.LFR_TIMESTAMP_URL and not Timestamp.objects.filter(checkpoint=checkpoint).exists():
        done += _time_stamped(checkpoint)
    return done


def _countersigned(checkpoint: Checkpoint, witness: Witness) -> bool:
    last = Cosignature.objects.filter(witness=witness.key.name).order_by("-checkpoint__size").first()
    old = last.checkpoint.size if last is not None else 0
    answer = _ask(checkpoint, witness, old)
    if answer.status == 409 and re.fullmatch(rb"\d{1,18}\n?", answer.body):
        # The witness has seen another checkpoint than the last one that we know of.
        seen = int(answer.body)
        if seen > checkpoint.size:
            _refused(checkpoint, witness, answer.status, f"it has seen this log with {seen:,} entries")
            return False
        answer = _ask(checkpoint, witness, seen)
    if answer.status != 200:
        if answer.status in (400, 403, 404, 409, 422):
            _refused(checkpoint, witness, answer.status, "it did not countersign")
        else:
            logger.warning("The witness %s did not answer: %s %s", witness.key.name, answer.status or "", answer.why)
        return False
    try:
        note = Note.read(f"{checkpoint.note}{answer.body.decode()}")
        at = witness.key.time_of(note)
    except (NotVerified, UnicodeDecodeError):
        at = None
    if not at:
        _refused(checkpoint, witness, answer.status, "its signature is not one of its key")
        return False
    value = next(value for name, number, value in note.signatures if (name, number) == witness.key[:2])
    line = signature_line(witness.key, value)
    Cosignature.objects.create(checkpoint=checkpoint, witness=witness.key.name, at=timezone.now(), line=line)
    return True


def _ask(checkpoint: Checkpoint, witness: Witness, old: int) -> Answer:
    try:
        proof = Tree().consistency(old, checkpoint.size)
    except LookupError as problem:
        return Answer(0, b"", f"no proof from entry {old:,} on can be made: {problem}")
    lines = [f"old {old}", *(base64.b64encode(each).decode() for each in proof), "", checkpoint.note]
    return _posted(f"{witness.url}/add-checkpoint", "\n".join(lines).encode(), "text/plain")


def _refused(checkpoint: Checkpoint, witness: Witness, status: int, why: str) -> None:
    """Record that a witness refused, once for each checkpoint."""
    logger.error("The witness %s refused a checkpoint (%d): %s", witness.key.name, status, why)
    entries = Entry.objects.filter(action=Action.WITNESS_REFUSED, target_id=str(checkpoint.pk))
    with transaction.atomic():
        if not entries.filter(data__witness=witness.key.name).exists():
            data: JournalData = {"witness": witness.key.name, "status": status, "why": why}
            record(Action.WITNESS_REFUSED, actor=LOG, target=checkpoint, data=data)


def _time_stamped(checkpoint: Checkpoint) -> bool:
    message = checkpoint.note.encode()
    request = TimestampRequestBuilder().data(message).build()
    answer = _posted(settings.LFR_TIMESTAMP_URL, request.as_bytes(), "application/timestamp-query")
    if answer.status != 200:
        logger.warning("The time-stamping service did not answer: %s %s", answer.status or "", answer.why)
        return False
    try:
        response = decode_timestamp_response(answer.body)
        verifier = VerifierBuilder.from_request(request)
        roots = Path(settings.LFR_TIMESTAMP_ROOTS or "").read_bytes()
        for root in load_pem_x509_certificates(roots):
            verifier = verifier.add_root_certificate(root)
        verifier.build().verify_message(response, message)
    except (VerificationError, ValueError, OSError) as problem:
        logger.error("The answer of the time-stamping service cannot be verified: %s", problem)
        return False
    at = response.tst_info.gen_time
    Timestamp.objects.create(checkpoint=checkpoint, at=at, response=answer.body)
    return True


def _posted(url: str, body: bytes, content_type: str) -> Answer:
    """Post once, within the deadline. A lookup of a name cannot be interrupted, so it is left behind in its thread."""
    answers = queue.SimpleQueue[Answer]()
    ask = threading.Thread(
        target=lambda: answers.put(asyncio.run(_post(url, body, content_type))), name="attestation", daemon=True
    )
    ask.start()
    try:
        return answers.get(timeout=DEADLINE_S + 1)
    except queue.Empty:
        return Answer(0, b"", "no answer within the deadline")


async def _post(url: str, body: bytes, content_type: str) -> Answer:
    """Post once, within one deadline for the whole exchange. Redirects are not followed."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            # The deadline is the only one. A proxy or a password from the environment is not used.
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(), trust_env=False) as session:
                headers = {"Content-Type": content_type}
                async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                    content = b""
                    async for part in response.content.iter_any():
                        content += part
                        if len(content) > LARGEST_ANSWER:
                            return Answer(0, b"", "the answer is too large")
                    return Answer(response.status, content)
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as problem:
        return Answer(0, b"", f"{type(problem).__name__} {problem}".strip())
