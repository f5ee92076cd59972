"""Who worked on the versions that are still to be approved: from their rows, and from the audit log what left none."""

from __future__ import annotations

from typing import Any

from django.db import migrations

UNDECIDED = ("draft", "returned", "compiled", "checked", "rejected")
# Acts of the audit log whose list stands in their data.
BY_LIST = {"person.destroyed": "removed", "person.flag_accepted": "flag", "import.begun": "imported"}
# Those whose target is a list itself.
OF_LIST = {
    "watchlist.flags_accepted": "flag",
    "watchlist.people_current": "current",
    "watchlist.compiled": "compiled",
    "watchlist.checked": "checked",
    "watchlist.withdrawn": "withdrawn",
}
# Those whose target is a person who is still on the list.
OF_PERSON = {"person.changed": "edited", "person.merged": "merged"}


def carry_over(apps: Any, schema_editor: Any) -> None:
    for watchlist in apps.get_model("watchlists", "Watchlist").objects.filter(state__in=UNDECIDED, sealed_at=None):
        _note(apps, watchlist, [*_from_rows(apps, watchlist), *_from_the_audit_log(apps, watchlist)])


def _from_rows(apps: Any, watchlist: Any) -> list[tuple[str, Any]]:
    """(kind, user's id) of what a version's rows say themselves."""
    of: dict[str, Any] = {
        "Person": {"watchlist": watchlist},
        "Photograph": {"person__watchlist": watchlist},
        "Flag": {"person__watchlist": watchlist},
        "Import": {"watchlist": watchlist},
    }
    found = [("version" if watchlist.replaces_id else "created", watchlist.created_by_id)]
    found += [("compiled", watchlist.compiled_by_id), ("checked", watchlist.checked_by_id)]
    for model, field, kind in (
        ("Person", "added_by_id", "added"),
        ("Person", "current_by_id", "current"),
        ("Photograph", "added_by_id", "photo_added"),
        ("Flag", "accepted_by_id", "flag"),
        ("Import", "created_by_id", "imported"),
    ):
        rows = apps.get_model("watchlists", model).objects.filter(**of[model])
        found += [(kind, pk) for pk in rows.order_by().values_list(field, flat=True).distinct()]
    return found


def _from_the_audit_log(apps: Any, watchlist: Any) -> list[tuple[str, Any]]:
    """(kind, user's id) of edits, removals and merges, which leave no name in the rows."""
    entries = apps.get_model("audit", "Entry").objects.exclude(actor_id="")
    people = [str(pk) for pk in watchlist.people.values_list("pk", flat=True)]
    imports = [str(pk) for pk in watchlist.imports.values_list("pk", flat=True)]
    found: list[tuple[str, Any]] = []
    for kinds, wanted in (
        (BY_LIST, {"data__watchlist": str(watchlist.pk)}),
        (OF_LIST, {"target_id": str(watchlist.pk)}),
        (OF_PERSON, {"target_id__in": people}),
        ({"photograph.destroyed": "photo_removed"}, {"data__person__in": people}),
        ({"import.confirmed": "imported", "import.cancelled": "cancelled"}, {"target_id__in": imports}),
    ):
        rows = entries.filter(action__in=kinds, **wanted).order_by().values_list("action", "actor_id").distinct()
        found += [(kinds[action], int(actor_id)) for action, actor_id in rows]
    return found


def _note(apps: Any, watchlist: Any, found: list[tuple[str, Any]]) -> None:
    model = apps.get_model("watchlists", "Contribution")
    users = set(apps.get_model("lfr_site", "User").objects.values_list("pk", flat=True))
    rows = [model(watchlist=watchlist, user_id=pk, kind=kind) for kind, pk in dict.fromkeys(found) if pk in users]
    model.objects.bulk_create(rows, ignore_conflicts=True)


class Migration(migrations.Migration):
    dependencies = [
        ("watchlists", "0010_contributions"),
        ("audit", "0007_alert_actions"),
        ("lfr_site", "0002_user_rank"),
    ]

    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop)]
