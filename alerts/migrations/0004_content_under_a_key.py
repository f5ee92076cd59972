"""What alerts of before held in the open is encrypted, and what was decided on them becomes acts."""

from typing import Any

from django.db import migrations

ENDINGS = {
    "arrest": ("arrested", "arrest"),
    "other": ("other", "other"),
    "no_action": ("no_action", "no_action"),
    "not_same": ("not_same", "release"),
    "not_located": ("not_located", "lost"),
    "unreviewed": ("unresolved", "code"),
}
JUDGEMENTS = {"dismissed": ("op_false", "not_same"), "unsure": ("unsure", "cannot_say")}


def carry_over(apps: Any, schema_editor: Any) -> None:
    # Not the models: only how a piece is encrypted.
    from alerts.content import seal
    from core import keys

    alerts, acts, shots = (apps.get_model("alerts", name) for name in ("Alert", "Act", "Shot"))
    journal = apps.get_model("audit", "Entry")
    for alert in alerts.objects.select_related("camera", "person", "photograph").iterator(200):
        if alert.purged_at is None:
            alert.key_name = f"alerts-{alert.camera.period_id}"
            keys.create(alert.key_name)
            alert.sealed = seal(alert.key_name, alert.pk, _sought(alert.person, alert.photograph))
            alert.tier = alert.person.tier if alert.person else ""
            if alert.probe_jpeg is not None:
                shot = shots(
                    alert=alert,
                    kind="probe",
                    track=alert.track,
                    frame_number=alert.frame_number,
                    received_at=alert.received_at,
                    is_best=True,
                )
                about = {"score": alert.score, "box": alert.box}
                shot.sealed = seal(alert.key_name, shot.pk, about, bytes(alert.probe_jpeg))
                shot.save(force_insert=True)
        alert.last_seen_at = alert.received_at
        _carry_state(alert, acts, journal)
        alert.save()


def _carry_state(alert: Any, acts: Any, journal: Any) -> None:
    state, judgement = JUDGEMENTS.get(alert.state, ("referred", "same"))
    if alert.outcome == "unreviewed":
        # Written off from whatever state it was in; the judgement, if there was one, stands in the journal.
        decided = journal.objects.filter(action="alert.decided", target_id=str(alert.pk)).order_by("-number").first()
        said = decided.data.get("decision") if decided is not None else None
        state, judgement = {"unsure": JUDGEMENTS["unsure"], "same": ("referred", "same")}.get(said, ("raised", ""))
    if alert.state == "blue":
        alert.kind = "blue"
        return
    if alert.decided_at is not None and judgement:
        act = {"name": judgement, "before": "raised", "after": state, "by_id": alert.decided_by_id}
        acts.objects.create(alert=alert, done_at=alert.decided_at, recorded_at=alert.decided_at, **act)
        alert.referred_at = alert.decided_at if judgement == "same" else None
        alert.ended_at = alert.decided_at if judgement == "not_same" else None
    if alert.outcome:
        after, name = ENDINGS[alert.outcome]
        alert.code, alert.ended_at = alert.offence_class, alert.outcome_at
        act = {"name": name, "before": state, "after": after, "by_id": alert.outcome_by_id, "code": alert.code}
        acts.objects.create(alert=alert, done_at=alert.outcome_at, recorded_at=alert.outcome_at, **act)
        alert.officer_id, state = alert.outcome_by_id, after
    alert.state = alert.state if alert.decided_at is None and not alert.outcome else state


def _sought(person: Any, photograph: Any) -> dict[str, object]:
    if person is None:
        words = ("name", "reference", "category", "offence", "authority", "tier", "expected_action", "minor_rationale")
        return {
            **dict.fromkeys((*words, "look_alikes", "photographed"), ""),
            "markers": [],
            "is_minor": False,
        }
    taken_on = photograph.taken_on if photograph is not None else None
    labels = dict(type(person)._meta.get_field("markers").base_field.choices)
    return {
        "name": person.name,
        "reference": person.reference,
        "category": person.get_category_display(),
        "offence": person.offence,
        "authority": person.authority,
        "tier": person.get_tier_display(),
        "expected_action": person.expected_action,
        "markers": [str(labels[marker]) for marker in person.markers],
        # Who was ticked by the approver as under 18.
        "is_minor": person.minor_accepted_by_id is not None,
        "minor_rationale": person.minor_rationale,
        "look_alikes": person.look_alikes,
        "photographed": taken_on.isoformat() if taken_on else "",
    }


class Migration(migrations.Migration):
    dependencies = [
        ("alerts", "0003_decisions_a_court_can_follow"),
        ("watchlists", "0008_landmarks"),
        ("audit", "0007_alert_actions"),
    ]
    # Back: the columns return empty, as after a purge.
    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop)]
