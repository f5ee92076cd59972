"""The executable authority: frames and alerts follow the signed document, whatever the rows say afterwards."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.utils import timezone

from audit.models import Entry
from core import keys, signing
from core.errors import Conflict, Refused
from core.ranks import Rank
from demo import rehearsal
from deployments import amendments, authority, cameras, executable, list_fit, period_lists, readiness, running
from deployments.choices import Halt
from deployments.frame_terms import FrameTerms, frame_terms
from deployments.models import Camera, Deployment, Period, SignedAuthority
from deployments.terms import CONTEXT, NotAnAuthority, canonical, read, sha256_of
from recognition.frame import Candidate
from recognition.zone import Area
from tests.cast import (
    Cast,
    add_person,
    cameras_of,
    client_of,
    list_of,
    make_alert,
    make_deployment,
    make_draft,
    make_live_deployment,
    make_operating_point,
    make_probe,
    make_sealed_watchlist,
    make_user,
    make_watchlist,
    people_of,
    period_of,
    raise_alert,
    random_embedding,
)
from watchlists.choices import Category, Seriousness
from watchlists.models import Engine, OperatingPoint, Person, Watchlist

SCHEMA = Path(__file__).resolve().parent.parent / "docs" / "reference" / "authority.schema.json"
HALF = [[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]


def _terms(deployment: Deployment) -> FrameTerms | None:
    return frame_terms(cameras_of(deployment)[0].pk, at=timezone.now())


def _forget() -> None:
    """As another process, which has verified nothing yet."""
    executable._verified.__init__()  # type: ignore[misc]


def _in_force(deployment: Deployment) -> SignedAuthority:
    deployment.refresh_from_db()
    return SignedAuthority.objects.get(sha256=deployment.authority_sha256)


def test_each_decision_makes_a_signed_version(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    first, second = deployment.authorities.order_by("version")
    assert [each.document["signed"]["for"] for each in (first, second)] == ["authorised", "watchlist confirmed"]
    assert second.document["replaces"] == first.sha256
    assert deployment.authority_sha256 == second.sha256
    assert first.document["where"][0]["watchlist"] is None
    bound = second.document["where"][0]["watchlist"]
    assert (bound["watchlist"], bound["sha256"]) == (str(list_of(deployment).pk), list_of(deployment).sealed_hash)
    entries = Entry.objects.filter(action="deployment.authority_signed").in_order()
    assert [entry.data["sha256"] for entry in entries] == [first.sha256, second.sha256]
    for signed in (first, second):
        jsonschema.validate(signed.document, json.loads(SCHEMA.read_text()))
        assert canonical(signed.document) == bytes(signed.content)
        assert sha256_of(bytes(signed.content)) == signed.sha256
        (public,) = signing.public_keys(signing.AUTHORITY).values()
        assert signing.is_signed(public, CONTEXT + bytes(signed.content), bytes(signed.signature))


def test_every_alert_carries_the_hash_of_its_authority(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    alert = make_alert(deployment)
    assert alert.authority_sha256 == deployment.authority_sha256
    assert alert.operating_point_id == _in_force(deployment).document["how"]["operating_point"]


def _another_list(deployment: Deployment, cast: Cast) -> None:
    other = make_sealed_watchlist(cast, embeddings=[random_embedding(5)])
    Watchlist.objects.filter(pk=other.pk).update(state="live")
    Period.objects.filter(deployment=deployment).update(watchlist=other)


def _another_content(deployment: Deployment, cast: Cast) -> None:
    Watchlist.objects.filter(pk=list_of(deployment).pk).update(sealed_hash="0" * 64)


def _blue_list_of_people(deployment: Deployment, cast: Cast) -> None:
    Period.objects.filter(deployment=deployment).update(
        blue_list=make_sealed_watchlist(cast, embeddings=[random_embedding(5)])
    )


def _camera_elsewhere(deployment: Deployment, cast: Cast) -> None:
    """A camera of another deployment, put among this one's."""
    stray = cameras_of(make_live_deployment(cast))[0]
    Camera.objects.filter(pk=cameras_of(deployment)[0].pk).delete()
    Camera.objects.filter(pk=stray.pk).update(period=period_of(deployment), name="A")


def _anothers_document(deployment: Deployment, cast: Cast) -> None:
    other = make_live_deployment(cast)
    Deployment.objects.filter(pk=deployment.pk).update(authority_sha256=other.authority_sha256)


ROWS: dict[str, tuple[Callable[[Deployment, Cast], object], bool]] = {
    # The change of a row, and whether frames are still admitted, by the terms as they were signed.
    "threshold": (lambda _d, _c: Deployment.objects.update(operating_point=make_operating_point(0.5)), True),
    "threshold's value": (lambda _d, _c: OperatingPoint.objects.update(threshold=0.3), True),
    "end of the period": (lambda _d, _c: Period.objects.update(ends_at=timezone.now() + dt.timedelta(days=9)), True),
    "end of the authority": (
        lambda _d, _c: Deployment.objects.update(authority_ends_at=timezone.now() + dt.timedelta(days=9)),
        True,
    ),
    "minimum face width": (lambda _d, _c: Camera.objects.update(smallest_face=16), True),
    "zone": (lambda _d, _c: Camera.objects.update(zone=[]), True),
    "who may be listed": (
        lambda _d, _c: Deployment.objects.update(list_categories=["victim"], list_size_asked=9),
        True,
    ),
    "controller": (lambda _d, _c: Deployment.objects.update(controller="Another force"), True),
    "watchlist": (_another_list, False),
    "content of the watchlist": (_another_content, False),
    "blue watchlist": (_blue_list_of_people, True),
    "camera": (_camera_elsewhere, False),
    "document": (_anothers_document, False),
    "no document": (lambda _d, _c: Deployment.objects.update(authority_sha256=""), False),
    "engine": (lambda _d, _c: Engine.objects.update(digest="another"), False),
}


@pytest.mark.parametrize("what", ROWS)
def test_rows_that_drift_do_not_move_the_frame_path(cast: Cast, what: str) -> None:
    draft = make_draft(cast)
    Camera.objects.filter(period__deployment=draft).update(zone=HALF, smallest_face=40)
    deployment = rehearsal.authorised(draft, people_of(cast))
    rehearsal.prepared(period_of(deployment), make_sealed_watchlist(cast), people_of(cast))
    rehearsal.live(deployment, people_of(cast))
    deployment.refresh_from_db()
    before = _terms(deployment)
    assert before is not None
    assert (before.area, before.smallest_face) == (Area((_corners(HALF), _corners(HALF))), 40)
    change, is_admitted = ROWS[what]
    change(deployment, cast)
    _forget()
    after = _terms(deployment)
    if not is_admitted:
        assert after is None
        return
    assert after is not None
    # The zone set since may be wider; what was signed still holds.
    assert after.area.within[0] == _corners(HALF)
    assert dataclasses.replace(after, area=before.area) == before
    far = timezone.now() + dt.timedelta(days=1)
    assert frame_terms(cameras_of(deployment)[0].pk, at=far) is None


def _corners(zone: list[list[float]]) -> tuple[tuple[float, float], ...]:
    return tuple((x, y) for x, y in zone)


def test_nobody_outside_the_signed_list_raises_an_alert(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    other = make_sealed_watchlist(cast, embeddings=[random_embedding(5)])
    stranger = Person.objects.get(watchlist=other)
    Period.objects.filter(deployment=deployment).update(blue_list=other)
    candidate = Candidate(stranger.pk, stranger.photographs.get().pk, 0.9)
    with pytest.raises(Refused, match="not searched at present"):
        raise_alert(cameras_of(deployment)[0], candidate, make_probe())


def test_what_was_signed_cannot_be_changed_and_a_forgery_is_not_followed(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    signed = _in_force(deployment)
    for statement in ("UPDATE deployments_signedauthority SET version = 9", "DELETE FROM deployments_signedauthority"):
        with pytest.raises(DatabaseError, match="cannot be changed"), transaction.atomic():
            connection.cursor().execute(statement)
    # Somebody who owns the database drops the trigger and writes a document of their own.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE deployments_signedauthority DISABLE TRIGGER ALL")
    document = signed.document
    document["how"]["threshold"] = "0.3000"
    forged = canonical(document)
    SignedAuthority.objects.filter(pk=signed.pk).update(content=forged)
    # What a process has verified stays as it was.
    assert _terms(deployment) is not None
    _forget()
    assert _terms(deployment) is None
    SignedAuthority.objects.filter(pk=signed.pk).update(sha256=sha256_of(forged))
    Deployment.objects.update(authority_sha256=sha256_of(forged))
    _forget()
    assert _terms(deployment) is None
    with pytest.raises(executable.NotVerified, match="signature"):
        executable.verify(SignedAuthority.objects.get(pk=signed.pk))
    keys.create("another")
    other = signing.sign("another", CONTEXT + forged)
    SignedAuthority.objects.filter(pk=signed.pk).update(signature=other.value, key_id=other.key_id)
    _forget()
    assert _terms(deployment) is None


def test_a_renewed_key_still_verifies_and_a_missing_one_admits_nothing(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    keys.renew(signing.AUTHORITY)
    _forget()
    assert _terms(deployment) is not None
    keys.destroy(signing.AUTHORITY)
    _forget()
    assert _terms(deployment) is None
    with pytest.raises(keys.KeyGone, match="Restore it"):
        executable.prepare()
    draft = make_draft(cast)
    with pytest.raises(Refused, match="signing key"):
        rehearsal.authorised(draft, people_of(cast))
    draft.refresh_from_db()
    assert draft.state != Deployment.State.AUTHORISED


def test_a_list_is_searched_only_once_confirmed_by_its_hash(cast: Cast) -> None:
    deployment = rehearsal.authorised(make_draft(cast), people_of(cast))
    period, watchlist = period_of(deployment), make_sealed_watchlist(cast)
    rehearsal.notified(deployment, cast.commander)
    period_lists.attach_list(period, watchlist, actor=cast.watchlist_admin)
    assert any("has not confirmed the watchlist" in why for why in readiness.obstacles(period))
    # Even if every other safeguard were skipped.
    Deployment.objects.filter(pk=deployment.pk).update(state="live")
    Period.objects.filter(pk=period.pk).update(went_live_at=timezone.now())
    assert _terms(deployment) is None
    Deployment.objects.filter(pk=deployment.pk).update(state="notified")
    Period.objects.filter(pk=period.pk).update(went_live_at=None)
    for actor in (cast.commander, cast.watchlist_admin, cast.compliance):
        with pytest.raises(PermissionDenied):
            period_lists.confirm_list(period, seen=watchlist.sealed_hash, actor=actor)
    with pytest.raises(Conflict, match="has changed since"):
        period_lists.confirm_list(period, seen="0" * 64, actor=cast.authority)
    inspector = make_user("inspector", cast.authority, Rank.INSPECTOR)
    with pytest.raises(Refused, match="rank of Superintendent"):
        period_lists.confirm_list(period, seen=watchlist.sealed_hash, actor=inspector)
    period_lists.confirm_list(period, seen=watchlist.sealed_hash, actor=cast.authority)
    with pytest.raises(Conflict, match="already confirmed"):
        period_lists.confirm_list(period, seen=watchlist.sealed_hash, actor=cast.authority)
    # Another list must be confirmed again.
    period_lists.attach_list(period, make_sealed_watchlist(cast), actor=cast.watchlist_admin)
    period.refresh_from_db()
    assert period.list_confirmed_at is None


def test_the_officer_can_return_a_list(cast: Cast) -> None:
    deployment = make_deployment(cast)
    period = period_of(deployment)
    with pytest.raises(Refused, match="why the watchlist is returned"):
        period_lists.return_list(period, reason=" ", actor=cast.authority)
    period_lists.return_list(period, reason="Not the people applied for", actor=cast.authority)
    period.refresh_from_db()
    assert (period.watchlist, period.list_confirmed_at) == (None, None)
    assert _in_force(deployment).document["where"][0]["watchlist"] is None
    assert Entry.objects.get(action="deployment.list_returned").data["reason"] == "Not the people applied for"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"category": Category.RISK}, "does not allow “Poses a risk of harm to self or others”: 1"),
        ({"seriousness": Seriousness.OTHER}, "does not allow “Another offence, or breach of an order”: 1"),
        ({"tier": "green"}, "does not allow “Green: identify only”: 1"),
    ],
)
def test_a_list_beyond_the_authority_cannot_be_attached(cast: Cast, changes: dict[str, Any], says: str) -> None:
    deployment = rehearsal.authorised(make_draft(cast), people_of(cast))
    watchlist = make_watchlist(cast)
    add_person(cast, watchlist, "T/other", embedding=random_embedding(3), **changes)
    rehearsal_seal(watchlist, cast)
    with pytest.raises(Refused, match=says):
        period_lists.attach_list(period_of(deployment), watchlist, actor=cast.watchlist_admin)


def test_too_many_people_or_children_cannot_be_attached(cast: Cast) -> None:
    deployment = rehearsal.authorised(make_draft(cast, list_size_asked=1, list_under_18=0), people_of(cast))
    watchlist = make_watchlist(cast)
    add_person(
        cast,
        watchlist,
        "T/child",
        embedding=random_embedding(3),
        date_of_birth=timezone.localdate() - dt.timedelta(days=365 * 15),
        minor_rationale="Missing and at risk",
    )
    rehearsal_seal(watchlist, cast)
    with pytest.raises(Refused, match="allows 1") as refused:
        period_lists.attach_list(period_of(deployment), watchlist, actor=cast.watchlist_admin)
    assert "1 people under 18 on this watchlist; the authority allows 0" in str(refused.value)
    assert [part.title for part in list_fit.mix_of(watchlist)] == ["Lawful ground", "Seriousness", "Response", "Age"]


def rehearsal_seal(watchlist: Watchlist, cast: Cast) -> None:
    from demo.seeding import check_and_seal

    check_and_seal(watchlist, compiler=cast.watchlist_admin, approver=cast.authority)


def test_narrowing_needs_a_record_and_widening_a_signature(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    camera = cameras_of(deployment)[0]
    corner = [[0.0, 0.0], [0.2, 0.0], [0.2, 0.2], [0.0, 0.2]]
    with pytest.raises(Refused, match="Enter why"):
        cameras.exclude(camera, corner, reason="", actor=cast.commander)
    cameras.exclude(camera, corner, reason="A screen in a shop window", actor=cast.commander)
    terms = _terms(deployment)
    assert terms is not None
    assert terms.area.without == (_corners(corner),)
    entry = Entry.objects.get(action="camera.exclusion")
    assert (entry.target_id, entry.data["reason"]) == (str(deployment.pk), "A screen in a shop window")
    cameras.include_again(camera, actor=cast.commander)
    running.pause(deployment, code=Halt.FAULT, actor=cast.commander)
    camera.refresh_from_db()
    with pytest.raises(Refused, match="wider than was authorised"):
        cameras.set_limits(camera, smallest_face=20, frame_rate=5, actor=cast.commander)
    cameras.set_limits(camera, smallest_face=60, frame_rate=5, actor=cast.commander)
    # Back to what was signed, which is not widening.
    cameras.set_limits(camera, smallest_face=32, frame_rate=5, actor=cast.commander)
    with pytest.raises(PermissionDenied):
        amendments.widen_camera(camera, smallest_face=20, reason="Far away", actor=cast.commander)
    amendments.widen_camera(camera, smallest_face=20, reason="The street is wider than planned", actor=cast.authority)
    signed = _in_force(deployment)
    assert signed.document["signed"]["for"] == "camera widened"
    assert signed.document["where"][0]["cameras"][0]["smallest_face"] == 20
    cameras.set_limits(Camera.objects.get(pk=camera.pk), smallest_face=20, frame_rate=5, actor=cast.commander)
    running.resume(deployment, actor=cast.commander)
    with pytest.raises(Conflict, match="Pause it first"):
        amendments.widen_camera(camera, smallest_face=16, reason="More", actor=cast.authority)
    terms = _terms(deployment)
    assert terms is not None
    assert terms.smallest_face == 20


def test_a_zone_cannot_become_wider_than_the_signed_one(cast: Cast) -> None:
    draft = make_draft(cast)
    Camera.objects.filter(period__deployment=draft).update(zone=HALF)
    deployment = rehearsal.authorised(draft, people_of(cast))
    camera = cameras_of(deployment)[0]
    inside = [[0.1, 0.1], [0.4, 0.1], [0.4, 0.9]]
    cameras.set_zone(camera, inside, actor=cast.commander)
    for wider in ([], [[0.1, 0.1], [0.7, 0.1], [0.4, 0.9]]):
        with pytest.raises(Refused, match="wider than was authorised"):
            cameras.set_zone(camera, wider, actor=cast.commander)
    cameras.set_zone(camera, HALF, actor=cast.commander)


def test_the_authority_ends_when_the_intelligence_does(cast: Cast) -> None:
    deployment = make_draft(cast)
    today = timezone.localdate()
    Deployment.objects.filter(pk=deployment.pk).update(intelligence_expires_on=today, state="submitted")
    deployment.refresh_from_db()
    midnight = dt.datetime.combine(today + dt.timedelta(days=1), dt.time(), timezone.get_current_timezone())
    assert authority._accepted_end(deployment, None) <= midnight


def test_an_amendment_does_not_sign_what_has_drifted(cast: Cast) -> None:
    deployment = rehearsal.authorised(make_draft(cast), people_of(cast))
    period, watchlist = period_of(deployment), make_sealed_watchlist(cast)
    period_lists.attach_list(period, watchlist, actor=cast.watchlist_admin)
    OperatingPoint.objects.update(threshold=0.31)
    Camera.objects.update(smallest_face=16)
    Period.objects.update(ends_at=timezone.now() + dt.timedelta(days=3))
    period_lists.confirm_list(period, seen=watchlist.sealed_hash, actor=cast.authority)
    first, second = (each.document for each in deployment.authorities.order_by("version"))
    assert second["where"][0].pop("watchlist")["sha256"] == watchlist.sealed_hash
    first["where"][0].pop("watchlist")
    assert (second["how"], second["where"], second["who"]) == (first["how"], first["where"], first["who"])


def test_readiness_and_the_page_say_what_differs(cast: Cast) -> None:
    deployment = make_deployment(cast)
    (check,) = [each for each in readiness.checks(period_of(deployment)) if each.name == "terms"]
    assert check.holds
    client = client_of(cast.commander)
    page = client.get(f"/deployments/{deployment.pk}/authority/").content.decode()
    assert "The records agree" in page
    Deployment.objects.update(list_size_asked=9999)
    (check,) = [each for each in readiness.checks(period_of(deployment)) if each.name == "terms"]
    assert (check.holds, "who.most_people" in check.why) == (False, True)
    page = client.get(f"/deployments/{deployment.pk}/authority/").content.decode()
    assert "The records differ" in page
    assert "9999" in page


def test_the_file_can_be_verified_by_anybody(cast: Cast, tmp_path: Path) -> None:
    deployment = make_live_deployment(cast)
    signed = _in_force(deployment)
    answer = client_of(cast.compliance).get(f"/deployments/{deployment.pk}/authority/{signed.version}.json")
    file = tmp_path / "authority.json"
    file.write_bytes(answer.content)
    assert _verify(file) == (
        f"Signature verified. Version 2 of {deployment.number}, {signed.sha256}.\n"
        "It is in force, and the records agree with it.\n"
    )
    # With nothing but the published key.
    (published,) = Client().get("/authority/keys/").json()["keys"]
    assert "Signature verified" in _verify(file, key=published["ed25519"], offline=True)
    with pytest.raises(CommandError, match="not one of these keys"):
        _verify(file, key="00" * 32)
    Deployment.objects.update(list_size_asked=9999)
    with pytest.raises(CommandError, match="records differ"):
        _verify(file)
    envelope = json.loads(file.read_text())
    envelope["document"]["how"]["threshold"] = "0.3000"
    file.write_text(json.dumps(envelope))
    with pytest.raises(CommandError, match="hash is not that"):
        _verify(file)
    envelope["sha256"] = sha256_of(canonical(envelope["document"]))
    file.write_text(json.dumps(envelope))
    with pytest.raises(CommandError, match="was changed"):
        _verify(file)
    file.write_text("{}")
    with pytest.raises(CommandError, match="is not a signed authority"):
        _verify(file)


def _verify(file: Path, **options: Any) -> str:
    output = io.StringIO()
    call_command("verify_authority", file, stdout=output, **options)
    return output.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"schema":"lfr-authority/2"}', b'{"schema": "lfr-authority/1"}', b'{"schema":"lfr-authority/1"}'],
)
def test_other_content_is_not_an_authority(content: bytes) -> None:
    with pytest.raises(NotAnAuthority):
        read(content)


def test_a_list_that_expires_ends_its_period(cast: Cast) -> None:
    """Once its checks no longer count, or an urgent approval was not confirmed, nobody on it is looked for."""
    deployment = make_live_deployment(cast)
    soon = timezone.now() + dt.timedelta(minutes=1)
    Watchlist.objects.filter(pk=list_of(deployment).pk).update(expires_at=soon)
    camera = cameras_of(deployment)[0]
    assert frame_terms(camera.pk, at=soon - dt.timedelta(seconds=1)) is not None
    assert frame_terms(camera.pk, at=soon) is None
    assert not Camera.objects.streaming_allowed(soon).filter(pk=camera.pk).exists()
    assert not period_of(deployment).is_open(soon)
    assert [each.pk for each in running.end_run_out(at=soon)] == [deployment.pk]
    deployment.refresh_from_db()
    assert (deployment.state, deployment.end_code) == ("ended", Halt.LIST)
