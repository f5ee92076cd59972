"""Access to every URL by every role. A URL that is missing here fails the test."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from alerts.models import StandDown
from audit import checkpoints, log_keys
from audit.models import Checkpoint, Entry
from cases import operations as case_operations
from deployments import amendments, closure, sharing, staffing
from deployments.models import EqualityFinding, GoverningDocument, Period
from notifications import operations as notifications
from notifications import outbox
from notifications.models import Subscriber
from reports import public_site
from scrutiny import operations as scrutiny
from scrutiny.models import Dossier, Draw
from tests.cast import (
    NAMES,
    Cast,
    act,
    cameras_of,
    client_of,
    list_of,
    make_alert,
    make_case,
    make_deployment,
    make_live_deployment,
    make_operating_point,
    make_sealed_watchlist,
    make_user,
    period_of,
    portrait_jpeg,
)
from watchlists import thresholds
from watchlists.models import Flag, Import, Person, Photograph

ALL = set(NAMES)
COMPILE = {"watchlist_admin", "records"}
LISTS = COMPILE | {"authority"}
WATCH = {"operator", "officer", "commander"}
DESK = {"operator", "commander"}
HALT = {"commander", "operator", "authority"}
MANAGE = {"system_admin", "commander"}
RECORDS = {"authority", "commander", "compliance", "owner", "publisher"}


@dataclass(frozen=True)
class Rule:
    """Who has access, and by which method. Other signed-in users get 403 or 404; anonymous ones are redirected.

    answer: the status of users who have access, when what they post is empty. again: the status from the second on, if
    the first changed the object.
    """

    who: set[str]
    method: str = "get"
    answer: int = 200
    again: int = 0


TABLE: dict[str, Rule] = {
    "home": Rule(ALL | {"stranger"}),
    "server-time": Rule(ALL | {"stranger"}),
    "watchlists": Rule(LISTS),
    "watchlist-new": Rule(COMPILE),
    "watchlist": Rule(LISTS),
    "people-current": Rule(COMPILE, "post", 409),
    "photographs-confirm": Rule(COMPILE),
    "watchlist-compile": Rule(COMPILE, "post", 409),
    "watchlist-check": Rule(COMPILE, "post", 422),
    "watchlist-withdraw": Rule(COMPILE, "post", 409),
    "watchlist-discard": Rule(COMPILE, "post", 409),
    "watchlist-version": Rule(COMPILE, "post", 302),
    "watchlist-reject": Rule({"authority"}, "post", 422),
    "person": Rule(LISTS),
    "person-edit": Rule(COMPILE),
    "person-remove": Rule(COMPILE, "post", 409),
    "photograph-new": Rule(COMPILE),
    "photograph-remove": Rule(COMPILE, "post", 409),
    "flags-accept": Rule(COMPILE, "post", 409),
    "flag-merge": Rule(COMPILE, "post", 409),
    "flag-accept": Rule(COMPILE, "post", 409),
    "volunteer-attributes": Rule(COMPILE, "post", 422),
    "hold-place": Rule({"authority"}, "post", 422),
    "hold-release": Rule({"authority"}, "post", 422),
    "import-new": Rule(COMPILE),
    "import-template": Rule(COMPILE),
    "import": Rule(COMPILE),
    "import-confirm": Rule(COMPILE, "post", 409),
    "import-cancel": Rule(COMPILE, "post", 302, 409),
    "import-report": Rule(COMPILE),
    "scrutiny": Rule(RECORDS | {"panel"}),
    "dossier": Rule(RECORDS | {"panel"}),
    "dossier-finding": Rule({"panel"}, "post", 422),
    "finding-answer": Rule({"compliance"}, "post", 422),
    "cases": Rule({"compliance"}),
    "case-new": Rule({"compliance"}),
    "case": Rule({"compliance"}),
    "case-act": Rule({"compliance"}, "post", 422),
    "case-search": Rule({"compliance"}, "post", 422),
    "case-deployment": Rule({"compliance"}, "post", 409),
    "case-receipt": Rule({"compliance"}, "post", 422),
    "case-alerts": Rule({"compliance"}),
    "case-unlink": Rule({"compliance"}, "post", 409),
    "case-answer": Rule({"compliance"}),
    "case-preview": Rule({"compliance"}, "post"),
    "case-letter": Rule({"compliance"}),
    "case-file": Rule({"compliance"}),
    "person-new": Rule(COMPILE),
    "watchlist-confirm": Rule({"authority"}, "post", 422),
    "watchlist-authorise": Rule({"authority"}, "post", 422),
    "watchlist-return": Rule({"authority"}, "post", 422),
    "photograph-check": Rule(COMPILE, "post", 422),
    "photograph": Rule(LISTS),
    "thresholds": Rule({"system_admin", "authority", "compliance", "owner"}),
    "threshold-propose": Rule({"system_admin"}, "post", 422),
    "threshold-decide": Rule({"authority"}, "post", 422),
    "evidence-record": Rule({"compliance"}, "post", 422),
    "risk-record": Rule({"compliance"}, "post", 422),
    "evidence-countersign": Rule({"owner"}, "post", 409),
    "evidence-file": Rule({"system_admin", "authority", "compliance", "owner"}, answer=404),
    "evidence-withdraw": Rule({"compliance"}, "post", 302),
    "deployments": Rule(ALL - {"records", "panel"}),
    "deployment-new": Rule({"watchlist_admin"}),
    "deployment": Rule(ALL - {"records", "panel"}),
    "deployment-edit": Rule({"watchlist_admin"}, answer=302),
    "deployment-submit": Rule({"watchlist_admin"}, "post", 422),
    "deployment-withdraw": Rule({"watchlist_admin"}, "post", 409),
    "deployment-cancel": Rule({"watchlist_admin"}, "post", 422),
    "deployment-authorise": Rule({"authority"}, "post", 422),
    "deployment-return": Rule({"authority"}, "post", 422),
    "deployment-refuse": Rule({"authority"}, "post", 422),
    "deployment-confirm": Rule({"authority"}, "post", 422),
    "deployment-revoke": Rule({"authority"}, "post", 422),
    "deployment-notify": Rule({"commander"}, "post", 422),
    "notice-exempt": Rule({"authority"}, "post", 422),
    "threshold-change": Rule({"commander"}, "post", 422),
    "threshold-change-decide": Rule({"authority"}, "post", 422),
    "document": Rule(ALL - {"records", "panel"}),
    "command": Rule(HALT),
    "command-now": Rule(HALT),
    "command-ceiling": Rule(HALT),
    "deployment-continue": Rule({"commander"}, "post", 422),
    "deployment-ready": Rule({"commander"}, "post", 409),
    "deployment-unready": Rule({"commander"}, "post", 409),
    "deployment-go-live": Rule({"commander"}, "post", 409),
    "deployment-pause": Rule(HALT, "post", 422),
    "deployment-resume": Rule({"commander"}, "post", 409),
    "deployment-end": Rule({"commander"}, "post", 422),
    "deployment-stop": Rule(HALT, "post", 422),
    "kit-receive": Rule(MANAGE, "post", 422),
    "kit-wipe": Rule(MANAGE, "post", 422),
    "loans": Rule({"system_admin", "authority", "commander", "owner", "compliance"}),
    "loan-make": Rule(MANAGE, "post", 422),
    "loan-end": Rule(MANAGE, "post", 422),
    "disclosures": Rule({"authority", "commander", "owner", "compliance"}),
    "disclosure-record": Rule({"commander", "compliance"}, "post", 422),
    "deployment-review": Rule({"commander"}, "post", 422),
    "deployment-close": Rule({"authority"}, "post", 409),
    "period": Rule(ALL - {"records", "panel"}),
    "plan": Rule(ALL - {"records", "panel"}),
    "plan-picture": Rule(ALL - {"records", "panel"}),
    "governing": Rule(ALL - {"records", "panel"}),
    "governing-record": Rule({"compliance"}, "post", 422),
    "governing-approve": Rule({"owner"}, "post", 409),
    "governing-withdraw": Rule({"compliance"}, "post", 302, 409),
    "governing-file": Rule(ALL - {"records", "panel"}),
    "training": Rule({"compliance", "commander", "authority", "owner"}),
    "training-record": Rule({"compliance"}, "post", 422),
    "training-withdraw": Rule({"compliance"}, "post", 422),
    "authority": Rule(ALL - {"records", "panel"}),
    "authority-file": Rule(ALL - {"records", "panel"}),
    "camera-widen": Rule({"authority"}, "post", 422),
    "camera-exclude": Rule(MANAGE, "post", 422),
    "camera-include": Rule(MANAGE, "post", 409),
    "list-confirm": Rule({"authority"}, "post", 409),
    "list-return": Rule({"authority"}, "post", 409),
    "list-attach": Rule({"commander", "watchlist_admin"}, "post", 422),
    "sign-record": Rule({"commander"}, "post", 422),
    "sign-take-down": Rule({"commander"}, "post", 422),
    "cards-record": Rule({"commander"}, "post", 422),
    "sign-picture": Rule(ALL - {"records", "panel"}),
    "briefing-record": Rule({"commander"}, "post", 422),
    "officers-count": Rule({"commander"}, "post", 422),
    "clock-check": Rule({"commander"}, "post", 422),
    "test-start": Rule({"commander"}, "post", 422),
    "test-end": Rule({"commander"}, "post", 302),
    "pass-tap": Rule(MANAGE | {"operator"}, "post", 422),
    "camera": Rule(MANAGE | {"operator"}),
    "camera-mark": Rule({"watchlist_admin"}, "post", 422),
    "camera-zone": Rule(MANAGE, "post", 422),
    "camera-limits": Rule(MANAGE, "post", 422),
    "camera-token": Rule(MANAGE, "post", 200),
    "camera-token-revoke": Rule(MANAGE, "post", 302),
    "camera-tile": Rule({"commander"}, answer=204),
    "console": Rule(DESK),
    "alert-queue": Rule(DESK),
    "alert-rows": Rule(DESK),
    "console-measured": Rule(DESK),
    "handset": Rule({"officer"}),
    "handset-list": Rule({"officer"}),
    "alert": Rule(WATCH),
    "alert-act": Rule({"operator", "officer"}, "post", 422),
    "alert-photograph": Rule(WATCH),
    "shot": Rule(WATCH),
    "alert-log": Rule(RECORDS),
    "alert-separate": Rule({"operator"}, "post", 422),
    "alert-repeats": Rule({"operator"}, "post", 422),
    "alert-stand-down": Rule({"operator"}, "post", 422),
    "alert-lift": Rule({"operator"}, "post", 409),
    "stand-downs": Rule({"operator", "authority", "commander"}),
    "stand-down-confirm": Rule({"commander"}, "post", 302, 409),
    "stand-down-lift": Rule({"commander"}, "post", 302, 409),
    "alert-code": Rule({"commander"}, "post", 422),
    "alert-correct": Rule({"commander"}, "post", 422),
    # No officer has responded to this one; then the officer who did may, too (test_equality).
    "alert-attributes": Rule({"commander"}),
    "alert-hold": Rule({"commander", "authority"}, "post", 422),
    "alert-release": Rule({"commander", "authority"}, "post", 422),
    "holds": Rule(RECORDS),
    "leaflet": Rule({"officer", "commander"}),
    "leaflet-blank": Rule({"officer", "commander"}),
    "second-looks": Rule(DESK),
    "second-look": Rule(DESK, answer=422),
    "figures": Rule(DESK | {"compliance"}),
    "subscribers": Rule({"system_admin", "compliance"}),
    "subscriber-switch": Rule({"system_admin"}, "post", 302),
    "delivery-again": Rule({"system_admin"}, "post", 422),
    "staff-post": Rule({"commander"}, "post", 422),
    "staff-withdraw": Rule({"commander"}, "post", 302),
    "journal": Rule({"compliance"}),
    "journal-download": Rule({"compliance"}),
    "journal-verify": Rule({"compliance"}, "post"),
    "journal-export": Rule({"compliance"}),
    "journal-report": Rule({"compliance"}),
    "journal-entry": Rule({"compliance"}),
    "journal-proof": Rule({"compliance"}),
    "checkpoints": Rule({"compliance"}),
    "checkpoint": Rule({"compliance"}),
    "checkpoint-proof": Rule({"compliance"}, answer=422),
    "retention": Rule(RECORDS),
    "retention-report": Rule(RECORDS),
    "dashboard": Rule(RECORDS),
    "records": Rule(RECORDS),
    "record": Rule(RECORDS),
    "earlier": Rule(RECORDS | {"watchlist_admin"}),
    "check-published": Rule(RECORDS | {"panel"}),
    "atrs": Rule(RECORDS),
    "atrs-answer": Rule({"compliance"}, "post", 422),
    "publication": Rule(RECORDS),
    "publish": Rule({"publisher"}, "post", 409),
    "equality": Rule(RECORDS),
    "equality-review": Rule({"authority"}, "post", 422),
    "record-json": Rule(RECORDS),
    "record-pdf": Rule(RECORDS),
    "record-download": Rule(RECORDS),
}


# Open to everybody, without sign-in.
PUBLIC = {"authority-keys", "log-policy", "public", "public-file", "receipt", "receipt-code"}


def _names(resolver: URLResolver) -> set[str]:
    found: set[str] = set()
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            found |= _names(pattern)
        elif isinstance(pattern, URLPattern):
            found.add(str(pattern.name))
    return found


def test_no_url_is_missing_from_the_table() -> None:
    # The tables of the API and of the demonstration are in test_api and test_demo_sign_in.
    ours = {name for name in _names(get_resolver()) if not name.startswith(("account_", "api-", "demo-"))}
    assert ours == set(TABLE) | PUBLIC


@pytest.fixture
def addresses(cast: Cast, tmp_path: Path, settings: Any) -> dict[str, str]:
    settings.LFR_PUBLIC = tmp_path / "public"
    public_site.write_all(settings.LFR_PUBLIC)
    live = make_live_deployment(cast)
    watchlist, period = list_of(live), period_of(live)
    photograph = Photograph.objects.get(person__watchlist=watchlist)
    engine = watchlist.engine
    assert engine is not None
    flag = Flag.objects.create(person=photograph.person, kind=Flag.Kind.OLD_PHOTOGRAPH, detail="Old")
    # Referred to officers, so that everybody who can see an alert sees this one.
    alert = act(make_alert(live), "same", cast=cast)
    handed_in = Import.objects.create(watchlist=watchlist, engine=engine, created_by=cast.watchlist_admin)
    Period.objects.update(plan_jpeg=portrait_jpeg())
    point = live.operating_point
    assert point is not None
    lower = make_operating_point(0.5)
    change = amendments.propose_change(live, lower, evidence="Too few are found", actor=cast.commander)
    kit = closure.receive_kit(
        live, kind="loaned", description="Van", serial="1", lender="A force", actor=cast.commander
    )
    assert point.calibration is not None
    proposal = thresholds.propose(
        point.calibration, threshold=0.7, list_size=500, footfall=1000, reason="A test", actor=cast.system_admin
    )
    subscriber, _ = notifications.add_subscriber(
        name="A", kind="email", address="a@example.org", topics=["alert.raised"], actor=cast.system_admin
    )
    Subscriber.objects.update(told_from=alert.raised_at)
    outbox.collect(timezone.now())
    stood_down = StandDown.objects.create(
        alert=alert,
        camera=alert.camera,
        left=0,
        top=0,
        width=1,
        height=1,
        reason="picture",
        by=cast.operator,
        at=alert.raised_at,
        until=alert.raised_at + dt.timedelta(minutes=30),
    )
    another = make_user("another", cast.officer)
    loan = sharing.lend(
        description="Van",
        serial="9",
        borrower="Another force",
        controller="Another force",
        purpose="Their deployment",
        agreement=GoverningDocument.objects.get(kind="mutual_aid"),
        due_back_on=timezone.localdate(),
        actor=cast.commander,
    )
    case = make_case(cast)
    case_operations.acknowledge(case, words="Received.", actor=cast.compliance)
    draw = Draw.objects.create(deployment=live, drawn_at=timezone.now(), percent=20, false_alerts=1, long_engagements=0)
    dossier = Dossier.objects.create(number=1, draw=draw, alert=alert, why=Dossier.Why.FALSE)
    asked = scrutiny.record_finding(dossier, verdict="question", words="Why?", actor=make_user("member", cast.panel))
    objects: dict[str, object] = {
        "watchlist_id": watchlist.pk,
        "deployment_id": live.id,
        "camera_id": cameras_of(live)[0].id,
        "period_id": period.id,
        "sign_id": period.signs.all()[0].pk,
        "loan_id": loan.pk,
        "training_id": cast.operator.training.all()[0].pk,
        "document_id": live.documents.all()[0].pk,
        "change_id": change.pk,
        "kit_id": kit.pk,
        "proposal_id": proposal.pk,
        "evidence_id": proposal.evidence_id,
        "alert_id": alert.id,
        "shot_id": alert.shots.get().pk,
        "stand_down_id": stood_down.pk,
        "name": "no-such-step",
        "subscriber_id": subscriber.pk,
        "delivery_id": subscriber.deliveries.get().pk,
        "posting_id": staffing.post(live, another, actor=cast.commander).pk,
        "photograph_id": photograph.id,
        "person_id": photograph.person_id,
        "flag_id": flag.pk,
        "import_id": handed_in.pk,
        "number": case.number,
        "act_name": "note",
        "event_id": case.events.get(kind="acknowledged").pk,
        "size": checkpoints.make(Checkpoint.Why.DAILY).size,
        "finding_id": EqualityFinding.objects.create(
            key="a", words="b", since=timezone.localdate(), until=timezone.localdate(), found_at=timezone.now()
        ).pk,
        "dossier_id": dossier.pk,
        "panel_finding_id": asked.pk,
        "governing_id": live.governing.all()[0].pk,
        "version": live.authorities.order_by("-version")[0].version,
    }
    found: dict[str, str] = {}
    for name in TABLE:
        patterns = get_resolver().reverse_dict.getlist(name)
        wanted: dict[str, object] = {key: objects[key] for key in patterns[0][0][0][1] if key in objects}
        found[name] = reverse(name, kwargs=wanted)
    return found


def test_every_url_by_every_role(cast: Cast, addresses: dict[str, str]) -> None:
    """Posts are empty and the objects are in later states: the table has the status that users with access get."""
    wrong = []
    for role, user in cast.by_role.items():
        client = Client()
        client.force_login(user)
        for name, rule in TABLE.items():
            answer = getattr(client, rule.method)(addresses[name])
            expected = {rule.answer, rule.again} if role in rule.who else {403, 404}
            if answer.status_code not in expected:
                wrong.append(f"{role} {rule.method} {name}: {answer.status_code}")
    assert wrong == []


def test_anonymous_visitors_see_nothing(cast: Cast, addresses: dict[str, str]) -> None:
    client = Client()
    for name, rule in TABLE.items():
        answer = getattr(client, rule.method)(addresses[name])
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/accounts/login/"), name


def test_what_is_public(cast: Cast) -> None:
    answer = Client().get(reverse("authority-keys"))
    assert (answer.status_code, list(answer.json())) == (200, ["keys"])
    answer = Client().get(reverse("log-policy"))
    assert (answer.status_code, answer.content.decode()) == (200, log_keys.policy_text())


def test_no_page_offers_a_link_that_its_reader_may_not_open(cast: Cast, addresses: dict[str, str]) -> None:
    closed = []
    for role, user in cast.by_role.items():
        client = client_of(user)
        tried: set[str] = set()
        for name, rule in TABLE.items():
            if rule.method != "get" or role not in rule.who:
                continue
            page = client.get(addresses[name])
            if "text/html" not in page.headers.get("Content-Type", ""):
                continue
            for link in set(re.findall(r'<a [^>]*href="(/[^"#?]*)', page.content.decode())) - tried:
                tried.add(link)
                answer = client.get(link)
                if answer.status_code not in (200, 302):
                    closed.append(f"{role} on {name}: {link} {answer.status_code}")
    assert closed == []


def test_responses_behind_sign_in_are_not_cached(cast: Cast, addresses: dict[str, str]) -> None:
    """For every kind of response: a page, a refusal, a redirect, a wrong method."""
    clients = {role: client_of(user) for role, user in cast.by_role.items()} | {"nobody": Client()}
    kept = []
    for role, client in clients.items():
        for name, rule in TABLE.items():
            for method in {"get", rule.method}:
                answer = getattr(client, method)(addresses[name])
                if "no-store" not in answer.headers.get("Cache-Control", ""):
                    kept.append(f"{role} {method} {name}: {answer.status_code}")
    assert kept == []
    for path in ("/health/", "/accounts/login/", "/accounts/logout/", "/no-such-page/"):
        assert "no-store" in Client().get(path).headers.get("Cache-Control", ""), path


def test_static_files_may_be_cached(cast: Cast) -> None:
    files = sorted((settings.BASE_DIR / "static").rglob("*.css"))
    answer = Client().get(f"/static/{files[0].relative_to(settings.BASE_DIR / 'static')}")
    answer.close()
    assert (answer.status_code, "no-store" in answer.headers["Cache-Control"]) == (200, False)


def test_the_other_method_is_not_allowed(cast: Cast, addresses: dict[str, str]) -> None:
    client = Client()
    client.force_login(cast.watchlist_admin)
    for name, rule in TABLE.items():
        if rule.method == "post":
            assert client.get(addresses[name]).status_code == 405, name


def test_an_unknown_id_is_not_found(cast: Cast) -> None:
    for user, path in (
        (cast.watchlist_admin, f"/watchlists/{uuid.uuid4()}/"),
        (cast.operator, f"/alerts/{uuid.uuid4()}/"),
        (cast.operator, f"/deployments/{uuid.uuid4()}/"),
        (cast.compliance, f"/records/{uuid.uuid4()}.csv"),
    ):
        client = Client()
        client.force_login(user)
        assert client.get(path).status_code == 404


def test_sign_up_is_closed(db: None) -> None:
    answer = Client().post("/accounts/signup/", {"username": "me", "password1": "x" * 14, "password2": "x" * 14})
    assert "You cannot create your own account" in answer.content.decode()


def test_a_form_from_another_site_is_refused(cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.operator)
    alert = make_alert(make_live_deployment(cast))
    assert client.post(f"/alerts/{alert.id}/acts/same/", {"feature_eyes": "alike"}).status_code == 403


def test_pages_forbid_inline_script_and_framing(cast: Cast) -> None:
    client = Client()
    client.force_login(cast.operator)
    answer = client.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_a_person_is_hidden_from_users_who_cannot_see_watchlists(cast: Cast) -> None:
    deployment = make_deployment(cast, make_sealed_watchlist(cast))
    name = Person.objects.get().name
    for role in ("system_admin", "commander", "operator", "officer", "compliance"):
        client = Client()
        client.force_login(cast.by_role[role])
        assert name not in client.get(f"/deployments/{deployment.id}/").content.decode()
        assert not Person.objects.visible_to(cast.by_role[role]).exists()


def test_sign_ins_sign_outs_and_failures_are_audited(cast: Cast) -> None:
    cast.operator.set_password("a-long-password")
    cast.operator.save()
    client = Client()
    client.post("/accounts/login/", {"login": "operator", "password": "wrong"})
    client.post("/accounts/login/", {"login": "my-password-by-mistake", "password": "operator"})
    client.post("/accounts/login/", {"login": "operator", "password": "a-long-password"})
    client.post("/accounts/logout/")
    actions = list(Entry.objects.in_order().values_list("action", flat=True))
    assert actions == ["user.sign_in_failed", "user.signed_in", "user.signed_out"]


def test_allauths_other_pages_do_not_exist() -> None:
    for path in ("password/change/", "password/reset/", "email/", "confirm-email/"):
        assert Client().get(f"/accounts/{path}").status_code == 404


def test_a_part_of_a_page_whose_user_is_signed_out_sends_the_page_to_sign_in(db: None) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/deployments/"}
    answer = Client().get(f"/deployments/{uuid.uuid4()}/command/now/", headers=headers)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (204, "/accounts/login/?next=%2Fdeployments%2F")
    assert "no-store" in answer.headers["Cache-Control"]
