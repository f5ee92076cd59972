"""The roles, each with all its permissions. The groups in the database are made from this table."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import Group, Permission

ROLES: dict[str, tuple[str, ...]] = {
    "System administrator": (
        "deployments.view_deployment",
        "deployments.manage_cameras",
        "deployments.operate_camera",
        "watchlists.propose_threshold",
        "notifications.manage_subscribers",
    ),
    "Watchlist administrator": (
        "watchlists.compile_watchlist",
        "deployments.view_deployment",
        "deployments.apply_deployment",
    ),
    # A program. It has no password and uses only the API.
    "Records system": ("watchlists.compile_watchlist",),
    # The rank of the account determines which applications it may decide.
    "Authorising officer": (
        "watchlists.authorise_watchlist",
        "watchlists.hold_evidence",
        "alerts.hold_alert",
        "watchlists.approve_threshold",
        "deployments.view_deployment",
        "deployments.authorise_deployment",
        "deployments.halt_deployment",
        "deployments.read_records",
    ),
    # Runs the deployment; somebody else authorises it.
    "Commander": (
        "deployments.view_deployment",
        "deployments.run_deployment",
        "deployments.halt_deployment",
        "deployments.manage_cameras",
        "deployments.operate_camera",
        "deployments.read_records",
        "alerts.watch_alerts",
        "alerts.hold_alert",
        "alerts.see_figures",
    ),
    "LFR operator": (
        "deployments.view_deployment",
        "deployments.be_posted",
        "deployments.halt_deployment",
        "deployments.operate_camera",
        "alerts.watch_alerts",
        "alerts.decide_alert",
    ),
    "Engagement officer": (
        "deployments.view_deployment",
        "deployments.be_posted",
        "alerts.watch_alerts",
        "alerts.record_outcome",
    ),
    "Compliance officer": (
        "deployments.view_deployment",
        "audit.read_journal",
        "watchlists.search_ledger",
        "watchlists.keep_evidence",
        "deployments.read_records",
    ),
}


# Each role, the roles that the same person cannot have, and why.
APART: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "Authorising officer",
        ("Watchlist administrator", "Records system", "Commander"),
        "Nobody can authorise watchlists or deployments that they compile, apply for or run.",
    ),
    (
        "Compliance officer",
        (
            "Watchlist administrator",
            "Records system",
            "Authorising officer",
            "Commander",
            "LFR operator",
            "Engagement officer",
        ),
        "Nobody can oversee their own work on watchlists, deployments or alerts.",
    ),
    (
        "System administrator",
        tuple(role for role in ROLES if role != "System administrator"),
        "Anyone who installs the system and gives roles cannot also use it in operations.",
    ),
)
# Pairs of roles that one person cannot have, each with the reason.
INCOMPATIBLE: dict[frozenset[str], str] = {
    frozenset((role, other)): reason for role, others, reason in APART for other in others
}


def conflict_in(roles: Collection[str]) -> str:
    """Return why one person cannot have all of these roles; empty if they can."""
    for one, other in itertools.combinations([role for role in ROLES if role in roles], 2):
        reason = INCOMPATIBLE.get(frozenset((one, other)))
        if reason is not None:
            return f"One person cannot have the roles “{one}” and “{other}”. {reason}"
    return ""


def synchronise(**kwargs: Any) -> None:
    """Give every role's group exactly its permissions (run after each migration)."""
    by_name = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type")
    }
    for role, names in ROLES.items():
        if all(name in by_name for name in names):
            group, _ = Group.objects.get_or_create(name=role)
            group.permissions.set([by_name[name] for name in names])
