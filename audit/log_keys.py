"""The name and the keys under which the audit log is signed, and the witnesses that countersign it."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from audit.models import Checkpoint
from core import signing
from core.keys import KeyGone
from transparency.verifier import ED25519, Key, Policy

# The key that signs checkpoints and exports.
LOG = "log"


@dataclass(frozen=True)
class Witness:
    """A witness that the force named. url: of its `add-checkpoint` (tlog-witness), without that last part."""

    key: Key
    url: str


def prepare() -> None:
    """Create the key of the log, once, before anything is signed with it.

    Raises:
        KeyGone: checkpoints were signed, but the key is missing.
    """
    if Checkpoint.objects.exists() and not signing.public_keys(LOG):
        raise KeyGone("The key that signs the audit log is missing. Restore it to the key store.")
    signing.prepare(LOG)


def origin() -> str:
    return str(settings.LFR_LOG_ORIGIN)


def origins() -> list[str]:
    """Return the present name of the log, and the earlier ones under which it signed checkpoints."""
    earlier = Checkpoint.objects.exclude(origin=origin()).order_by("origin").values_list("origin", flat=True)
    return [origin(), *earlier.distinct()]


def log_keys() -> list[Key]:
    """Return the public keys of the log under each of its names, the present name and the newest key first."""
    publics = signing.public_keys(LOG).values()
    return [Key.of(name, ED25519, public) for name in origins() for public in publics]


def witnesses() -> list[Witness]:
    """Return the witnesses in `LFR_WITNESSES`."""
    return [Witness(Key.read(vkey), url) for vkey, url in settings.LFR_WITNESSES]


def trusted() -> Policy:
    return Policy(log_keys(), [witness.key for witness in witnesses()])


def policy_text() -> str:
    """Return the keys of the log and its witnesses as a tlog-policy, to publish and to verify exports with."""
    lines = [f"log {key}" for key in log_keys()]
    lines += [f"witness {witness.key.name} {witness.key} {witness.url}" for witness in witnesses()]
    return "\n".join([*lines, ""])
