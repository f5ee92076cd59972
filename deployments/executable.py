"""The executable authority: what was decided, as one signed document that the system runs on.

Each decision of an authorising officer that changes the terms makes a new version. The frame path reads the terms from
the verified document (`deployments.frame_terms`), never from the rows that it was made from, so that a row which is
changed afterwards changes nothing. Only state and revocation are read from rows, and these can only narrow.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import OrderedDict
from threading import Lock
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from audit.actions import Action
from audit.journal import record
from core import signing
from core.errors import Refused
from core.keys import KeyGone
from core.machine import JournalData
from core.ranks import rank_of
from deployments import fairness, plans
from deployments.applications import FIELDS
from deployments.models import Amendment, Camera, Deployment, Period, SignedAuthority
from deployments.terms import CONTEXT, SCHEMA, Document, NotAnAuthority, Terms, canonical, differences, read, sha256_of
from watchlists.models import Engine, Watchlist

# The most verified documents that a process remembers. A process serves a few deployments at a time.
REMEMBERED = 64
_LISTS = ("watchlist", "blue_watchlist")


class NotVerified(Exception):
    """The document in force is missing, or its signature or content is not what was signed."""


def sign(
    deployment: Deployment,
    what: Amendment,
    *,
    actor: AbstractBaseUser,
    period: Period | None = None,
    camera: Camera | None = None,
) -> SignedAuthority:
    """Sign the terms as the next version, and put it in force.

    The first version is derived from the rows, which the officer has just decided on. Each later one is the version
    before with only what the act changes, so that a row which has drifted in the meantime is not signed with it. The
    caller has locked the deployment and writes the entry of the act itself.

    period: whose list was confirmed, returned or attached. camera: which was widened.

    Raises:
        Refused: the signing key is missing, or the version before cannot be verified.
    """
    before = latest(deployment)
    document = derive(deployment, bound=before.document if before is not None else None)
    if before is not None and what != Amendment.AUTHORISED:
        document = _amended(before, document, what, period, camera)
    now = timezone.now()
    document |= {
        "version": 1 if before is None else before.version + 1,
        "replaces": before.sha256 if before is not None else "",
        "signed": {"at": _time(now), "for": what.value, "by": actor.get_username(), "rank": rank_of(actor)},
    }
    content = canonical(document)
    try:
        signature = signing.sign(signing.AUTHORITY, CONTEXT + content)
    except KeyGone as error:
        raise Refused(f"{error} Nothing can be authorised without it.") from error
    made = SignedAuthority.objects.create(
        deployment=deployment,
        version=document["version"],
        what=what,
        content=content,
        sha256=sha256_of(content),
        signature=signature.value,
        key_id=signature.key_id,
        signed_at=now,
    )
    deployment.authority_sha256 = made.sha256
    Deployment.objects.filter(pk=deployment.pk).update(authority_sha256=made.sha256)
    data: JournalData = {"sha256": made.sha256, "version": made.version, "for": what.value, "key": made.key_id}
    record(Action.AUTHORITY_SIGNED, actor=actor, target=deployment, data=data)
    return made


def _amended(
    before: SignedAuthority, derived: Document, what: Amendment, period: Period | None, camera: Camera | None
) -> Document:
    """Return the version before with what an act changes. derived: from the rows as they are now."""
    try:
        verify(before)
    except NotVerified as problem:
        raise Refused(f"{problem} Nothing can be added to this authority.") from problem
    document = before.document
    if what == Amendment.CONFIRMED:
        document["ends_at"] = derived["ends_at"]
    elif what == Amendment.THRESHOLD:
        document["how"] = derived["how"]
    for place in document["where"]:
        if period is not None and place["period"] == str(period.pk):
            blue = what == Amendment.BLUE_LIST
            watchlist = period.blue_list if blue else period.watchlist
            place["blue_watchlist" if blue else "watchlist"] = None if watchlist is None else _list(watchlist)
        for each in place["cameras"]:
            if camera is not None and each["camera"] == str(camera.pk):
                each.update(_camera(camera, None))
    return document


def prepare() -> None:
    """Create the signing key, once, before anything is signed with it.

    Raises:
        KeyGone: authorities were signed, but the key is missing.
    """
    if SignedAuthority.objects.exists() and not signing.public_keys(signing.AUTHORITY):
        raise KeyGone("The key that signs authorities is missing. Restore it to the key store.")
    signing.prepare(signing.AUTHORITY)


def latest(deployment: Deployment) -> SignedAuthority | None:
    """Return the newest version of a deployment's authority; None before it is authorised."""
    return deployment.authorities.order_by("-version").first()


def derive(deployment: Deployment, *, bound: Document | None = None) -> Document:
    """Return the terms as the rows give them now, without version and signing.

    bound: an earlier document, whose lists are taken over for the periods that still have them attached, and whose
    cameras' zones and minimum face widths are: the rows may have been narrowed since.
    """
    point = deployment.operating_point
    assert point is not None  # noqa: S101 (a constraint of the table)
    engine = point.engine
    earlier = {each["period"]: each for each in (bound or {}).get("where", [])}
    periods = deployment.periods.order_by("starts_at", "pk").prefetch_related("cameras")
    return {
        "schema": SCHEMA,
        "deployment": str(deployment.pk),
        "number": deployment.number,
        "force": settings.LFR_FORCE,
        "controller": deployment.controller,
        "equipment_lent_by": deployment.lender,
        "staff_from": deployment.staff_from,
        "use_case": deployment.use_case,
        "authorised": {
            "by": deployment.authorised_by.get_username() if deployment.authorised_by else "",
            "rank": deployment.authorised_rank,
            "at": _time(deployment.authorised_at),
            "reason_sha256": _sha256(deployment.decision_reason),
        },
        "conditions": deployment.conditions,
        "application_sha256": application_hash(deployment),
        "governing": [
            {"kind": each.kind, "version": each.version, "sha256": each.file_sha256}
            for each in deployment.governing.defer("file").order_by("kind", "version")
        ],
        "ends_at": _time(deployment.authority_ends_at),
        "intelligence_until": _day(deployment.intelligence_expires_on),
        "who": {
            "categories": sorted(deployment.list_categories),
            "seriousness": sorted(deployment.list_seriousness),
            "tiers": sorted(deployment.list_tiers),
            "most_people": deployment.list_size_asked,
            "most_under_18": deployment.list_under_18,
        },
        "how": {
            "engine": {name: getattr(engine, name) for name in _ENGINE},
            "engine_row": engine.pk,
            "operating_point": point.pk,
            "threshold": f"{point.threshold:.4f}",
            "faces_a_false_alert": settings.LFR_FACES_A_FALSE_ALERT,
            "equality_evidence": fairness.words_of(deployment),
        },
        "where": [_where(period, earlier.get(str(period.pk), {})) for period in periods],
    }


_ENGINE = (
    "model",
    "digest",
    "preprocessing",
    "dimension",
    "second_model",
    "second_digest",
    "second_dimension",
)


def application_hash(deployment: Deployment) -> str:
    """Return the SHA-256 over the application's own words, which the document refers to."""
    words = {name: getattr(deployment, name) for name in FIELDS if name != "operating_point"}
    return hashlib.sha256(json.dumps(words, sort_keys=True, default=str).encode()).hexdigest()


def drift(signed: SignedAuthority) -> list[tuple[str, str, str]]:
    """Return what the rows say otherwise than the document that was signed: where, signed, and now."""
    document = signed.document
    derived = derive(signed.deployment, bound=document)
    for each in derived["where"]:
        for name in _LISTS:
            if each[name] is not None:
                watchlist = Watchlist.objects.filter(pk=each[name]["watchlist"]).first()
                each[name] = None if watchlist is None else _list(watchlist)
    kept = {name: document[name] for name in ("version", "replaces", "signed")}
    if derived["ends_at"] < document["ends_at"]:
        # Ended early: that needs no signature.
        kept["ends_at"] = document["ends_at"]
    return [*differences(document, {**derived, **kept}), *_wider(signed)]


def _wider(signed: SignedAuthority) -> list[tuple[str, str, str]]:
    """Return the cameras whose rows look at more than was signed. They may look at less."""
    found = []
    for camera, _ in read(bytes(signed.content)).cameras.values():
        row = Camera.objects.filter(pk=camera.id).first()
        if row is None:
            continue
        if row.smallest_face < camera.smallest_face:
            found.append((f"{row}: minimum face width", str(camera.smallest_face), str(row.smallest_face)))
        if not plans.lies_within(row.zone, camera.zone):
            found.append((f"{row}: zone", str(camera.zone), str(row.zone)))
    return found


class _Verified:
    """The documents that this process has verified, by their hash."""

    def __init__(self) -> None:
        self._terms: OrderedDict[str, Terms] = OrderedDict()
        self._lock = Lock()

    def terms(self, sha256: str) -> Terms:
        with self._lock:
            known = self._terms.get(sha256)
        if known is not None:
            return known
        found = verify(SignedAuthority.objects.filter(sha256=sha256).first())
        with self._lock:
            self._terms[sha256] = found
            while len(self._terms) > REMEMBERED:
                self._terms.popitem(last=False)
        return found


_verified = _Verified()


def verified(sha256: str) -> Terms:
    """Return the terms of the signed document with this hash, verified once by each process.

    Raises:
        NotVerified: there is none, or it is not what was signed.
    """
    return _verified.terms(sha256)


def verify(signed: SignedAuthority | None) -> Terms:
    """Verify hash, signature and form of a document, and that its engine is the one that it describes.

    Raises:
        NotVerified: one of them is wrong.
    """
    if signed is None:
        raise NotVerified("There is no signed authority.")
    content = bytes(signed.content)
    if sha256_of(content) != signed.sha256:
        raise NotVerified("The document is not the one that was signed: its hash differs.")
    public = signing.public_keys(signing.AUTHORITY).get(signed.key_id)
    if public is None or not signing.is_signed(public, CONTEXT + content, bytes(signed.signature)):
        raise NotVerified("The signature is not one of this system's.")
    try:
        terms = read(content)
    except NotAnAuthority as error:
        raise NotVerified(str(error)) from error
    if terms.deployment != signed.deployment_id:
        raise NotVerified("The document is of another deployment.")
    engine = Engine.objects.filter(pk=terms.engine_id).first()
    if engine is None or any(getattr(engine, name) != getattr(terms.engine, name) for name in _ENGINE):
        raise NotVerified("The recognition engine is not the one that was authorised.")
    return terms


def envelope(signed: SignedAuthority) -> dict[str, Any]:
    """Return a version with its signature and public key, as the file that can be verified anywhere."""
    public = signing.public_keys(signing.AUTHORITY).get(signed.key_id, b"")
    return {
        "document": signed.document,
        "sha256": signed.sha256,
        "signature": signed.signature_text,
        "key_id": signed.key_id,
        "public_key": public.hex(),
    }


def _list(watchlist: Watchlist) -> dict[str, Any]:
    return {
        "watchlist": str(watchlist.pk),
        "sha256": watchlist.sealed_hash,
        "people": watchlist.size,
        "under_18": watchlist.under_18 or 0,
    }


def _where(period: Period, bound: dict[str, Any]) -> dict[str, Any]:
    cameras = {each["camera"]: each for each in bound.get("cameras", [])}
    attached = {"watchlist": period.watchlist_id, "blue_watchlist": period.blue_list_id}
    lists = {}
    for name, pk in attached.items():
        kept = bound.get(name)
        lists[name] = kept if kept is not None and kept["watchlist"] == str(pk) else None
    return {
        "period": str(period.pk),
        "place": period.place,
        "approaches": period.approach_list,
        "alternative_route": period.alternative_route,
        "starts_at": _time(period.starts_at),
        "ends_at": _time(period.ends_at),
        "cameras": [_camera(camera, cameras.get(str(camera.pk))) for camera in period.cameras.all()],
        **lists,
    }


def _camera(camera: Camera, bound: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "camera": str(camera.pk),
        "name": camera.name,
        "kind": camera.kind,
        "smallest_face": camera.smallest_face if bound is None else bound["smallest_face"],
        "zone": [[f"{x:.4f}", f"{y:.4f}"] for x, y in camera.zone] if bound is None else bound["zone"],
    }


def _time(moment: dt.datetime | None) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds") if moment is not None else ""


def _day(day: dt.date | None) -> str:
    return day.isoformat() if day is not None else ""


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
