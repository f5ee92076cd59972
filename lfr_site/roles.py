"""The roles, each with the whole of what it may do. Groups in the database are made from this table."""

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
    # A program: it has no password, and comes in by the API alone.
    "Records system": ("watchlists.compile_watchlist",),
    # Of what rank an application needs: the account's rank says what this role may decide.
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
    # Runs the day. Who authorised it is somebody else.
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


# A role, those that must not be the same person's as it, and why.
APART: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "Authorising officer",
        ("Watchlist administrator", "Records system", "Commander"),
        "Nobody authorises lists or deployments that they compile, apply for or run.",
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
        "Nobody oversees work on lists, deployments or alerts that they do themselves.",
    ),
    (
        "System administrator",
        tuple(role for role in ROLES if role != "System administrator"),
        "Nobody who gives roles and installs the system works with it.",
    ),
)
# Pairs of roles that one person must not have, each with the reason.
INCOMPATIBLE: dict[frozenset[str], str] = {
    frozenset((role, other)): reason for role, others, reason in APART for other in others
}


def conflict_in(roles: Collection[str]) -> str:
    """Why one person must not have all of these roles, in words; empty when they may."""
    for one, other in itertools.combinations([role for role in ROLES if role in roles], 2):
        reason = INCOMPATIBLE.get(frozenset((one, other)))
        if reason is not None:
            return f"One person cannot have the roles “{one}” and “{other}”. {reason}"
    return ""


def synchronise(**kwargs: Any) -> None:
    """Make every role's group hold exactly its permissions (run after each migration)."""
    by_name = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.select_related("content_type")
    }
    for role, names in ROLES.items():
        if all(name in by_name for name in names):
            group, _ = Group.objects.get_or_create(name=role)
            group.permissions.set([by_name[name] for name in names])
