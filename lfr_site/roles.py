"""The roles, each with all its permissions. The groups in the database are made from this table."""

from __future__ import annotations

import itertools
from collections.abc import Collection
from typing import Any

from django.contrib.auth.models import Group, Permission

from alerts.permissions import DECIDE_ALERT, HOLD_ALERT, RECORD_OUTCOME, SEE_FIGURES, WATCH_ALERTS
from audit.permissions import READ_JOURNAL
from cases.permissions import KEEP_CASES
from deployments.permissions import (
    APPLY_DEPLOYMENT,
    APPROVE_DOCUMENTS,
    AUTHORISE_DEPLOYMENT,
    BE_POSTED,
    HALT_DEPLOYMENT,
    KEEP_DOCUMENTS,
    MANAGE_CAMERAS,
    OPERATE_CAMERA,
    PUBLISH_RESULTS,
    READ_RECORDS,
    RECORD_DISCLOSURE,
    RUN_DEPLOYMENT,
    SEE_SHARING,
    VIEW_DEPLOYMENT,
)
from notifications.permissions import MANAGE_SUBSCRIBERS, SEE_DELIVERIES
from scrutiny.permissions import ANSWER_FINDINGS, SCRUTINISE
from training.permissions import KEEP_TRAINING, SEE_TRAINING
from watchlists.permissions import (
    APPROVE_THRESHOLD,
    AUTHORISE_WATCHLIST,
    COMPILE_WATCHLIST,
    COUNTERSIGN_EVIDENCE,
    HOLD_EVIDENCE,
    KEEP_EVIDENCE,
    PROPOSE_THRESHOLD,
    SEARCH_LEDGER,
)

ROLES: dict[str, tuple[str, ...]] = {
    "System administrator": (
        VIEW_DEPLOYMENT,
        MANAGE_CAMERAS,
        OPERATE_CAMERA,
        PROPOSE_THRESHOLD,
        MANAGE_SUBSCRIBERS,
    ),
    "Watchlist administrator": (
        COMPILE_WATCHLIST,
        VIEW_DEPLOYMENT,
        APPLY_DEPLOYMENT,
    ),
    # A program. It has no password and uses only the API.
    "Records system": (COMPILE_WATCHLIST,),
    # The rank of the account determines which applications it may decide.
    "Authorising officer": (
        AUTHORISE_WATCHLIST,
        HOLD_EVIDENCE,
        HOLD_ALERT,
        APPROVE_THRESHOLD,
        VIEW_DEPLOYMENT,
        AUTHORISE_DEPLOYMENT,
        HALT_DEPLOYMENT,
        READ_RECORDS,
        SEE_SHARING,
        SEE_TRAINING,
    ),
    # Runs the deployment; somebody else authorises it.
    "Commander": (
        VIEW_DEPLOYMENT,
        RUN_DEPLOYMENT,
        HALT_DEPLOYMENT,
        MANAGE_CAMERAS,
        OPERATE_CAMERA,
        READ_RECORDS,
        WATCH_ALERTS,
        HOLD_ALERT,
        SEE_FIGURES,
        RECORD_DISCLOSURE,
        SEE_SHARING,
        SEE_TRAINING,
    ),
    "LFR operator": (
        VIEW_DEPLOYMENT,
        BE_POSTED,
        HALT_DEPLOYMENT,
        OPERATE_CAMERA,
        WATCH_ALERTS,
        DECIDE_ALERT,
    ),
    "Engagement officer": (
        VIEW_DEPLOYMENT,
        BE_POSTED,
        WATCH_ALERTS,
        RECORD_OUTCOME,
    ),
    # Answers for the policy: countersigns the evidence on fairness and accepts risks.
    "Senior responsible owner": (
        VIEW_DEPLOYMENT,
        COUNTERSIGN_EVIDENCE,
        APPROVE_DOCUMENTS,
        READ_RECORDS,
        SEE_SHARING,
        SEE_TRAINING,
    ),
    # Publishes results that somebody else is responsible for.
    "Publisher": (VIEW_DEPLOYMENT, READ_RECORDS, PUBLISH_RESULTS),
    # From outside the force.
    "Oversight panel": (SCRUTINISE,),
    "Compliance officer": (
        VIEW_DEPLOYMENT,
        READ_JOURNAL,
        SEE_FIGURES,
        SEE_DELIVERIES,
        SEARCH_LEDGER,
        KEEP_CASES,
        ANSWER_FINDINGS,
        KEEP_EVIDENCE,
        KEEP_DOCUMENTS,
        KEEP_TRAINING,
        RECORD_DISCLOSURE,
        SEE_SHARING,
        SEE_TRAINING,
        READ_RECORDS,
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
        "Publisher",
        ("Commander", "LFR operator", "Engagement officer"),
        "Nobody can publish the results of deployments that they run or work on.",
    ),
    (
        "Compliance officer",
        (
            "Watchlist administrator",
            "Records system",
            "Authorising officer",
            "Senior responsible owner",
            "Commander",
            "LFR operator",
            "Engagement officer",
            "Publisher",
        ),
        "Nobody can oversee their own work on watchlists, deployments or alerts.",
    ),
    (
        "Oversight panel",
        tuple(role for role in ROLES if role not in ("Oversight panel", "System administrator")),
        "The panel is from outside the force and reviews its work.",
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
