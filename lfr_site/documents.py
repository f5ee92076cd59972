"""The pages of docs/ that are generated from the code, so that they always agree with it."""

from __future__ import annotations

import datetime as dt
import io
import json
from pathlib import Path

from django.conf import settings
from django.core.management import call_command, get_commands, load_command_class
from django.db import models

from alerts import acts, states
from audit.actions import Action
from capture import frame_scripts
from core.machine import Step
from core.sockets import CameraMessage, CloseCode, Event
from deployments import models as deployments
from lfr_site.roles import APART, ROLES
from watchlists import models as watchlists

DOCS = Path(__file__).resolve().parent.parent / "docs"
REFERENCE = DOCS / "reference"
SCRIPTS = DOCS.parent / "static/js"

# Packages with commands of this project.
OURS = ("lfr_site", "demo")
MACHINES: dict[str, tuple[str, type[models.TextChoices], dict[str, Step]]] = {
    "Watchlist": (watchlists.Watchlist.State.DRAFT, watchlists.Watchlist.State, watchlists.STEPS),
    "Import": (watchlists.Import.State.READING, watchlists.Import.State, watchlists.IMPORT_STEPS),
    "Deployment": (deployments.Deployment.State.DRAFT, deployments.Deployment.State, deployments.STEPS),
    "Alert": (states.AlertState.RAISED, states.AlertState, acts.STEPS),
}
WRITTEN_BY = "<!-- Written by `manage.py write_docs` from the code. Change the code, then run it. -->\n"


def rendered() -> dict[Path, str]:
    """Return each generated page with its text."""
    return {
        REFERENCE / "states.md": _states(),
        REFERENCE / "roles.md": _roles(),
        REFERENCE / "audit-log.md": _actions(),
        REFERENCE / "retention.md": _retention(),
        REFERENCE / "commands.md": _commands(),
        REFERENCE / "openapi.yaml": _openapi(),
        SCRIPTS / "protocol.js": _protocol(),
    }


def _protocol() -> str:
    """Return the words of the sockets as a module for the browser."""
    parts = ["// Written by `manage.py write_docs` from core/sockets.py. Change that, then run it.\n"]
    for name, words in (("CLOSE", CloseCode), ("EVENT", Event), ("CAMERA", CameraMessage)):
        lines = [f"  {word.name}: {json.dumps(word.value)}," for word in words]
        parts += [f"export const {name} = Object.freeze({{", *lines, "});\n"]
    street = ", ".join(json.dumps(str(state.value)) for state in states.IN_THE_STREET)
    parts.append(f"// The states in which an alert is with officers.\nexport const STREET = new Set([{street}]);\n")
    final = ", ".join(f"CLOSE.{code.name}" for code in CloseCode if code.is_final)
    parts.append(f"// After these trying again cannot help.\nexport const FINAL = new Set([{final}]);\n")
    return "\n".join(parts)


def _openapi() -> str:
    stream = io.StringIO()
    call_command("spectacular", stdout=stream)
    return stream.getvalue()


def _states() -> str:
    parts = [
        "# States\n",
        WRITTEN_BY,
        "A state changes only by one of these actions. Each writes its entry to the audit log in the same transaction. "
        "“System” is the clock or a deployment, never a person.\n",
    ]
    for name, (first, labels, steps) in MACHINES.items():
        parts += [f"## {name}\n", "```mermaid", "stateDiagram-v2", f"    [*] --> {first}"]
        parts += [f"    {source} --> {step.target}: {act}" for act, step in steps.items() for source in step.sources]
        parts += ["```\n", "| action | from | to | who may | audit log |", "| --- | --- | --- | --- | --- |"]
        parts += [_step(act, step) for act, step in steps.items()]
        parts.append("")
        for state in labels:
            onward = [act for act, step in steps.items() if state in step.sources]
            leaves = f"Left by: {', '.join(onward)}." if onward else "No action leaves this state."
            parts += [f"### {name}: {state.value}\n", f"Shown as “{state.label}”. {leaves}\n"]
    return "\n".join(parts)


def _step(act: str, step: Step) -> str:
    who = [role for role, permissions in ROLES.items() if step.permission in permissions]
    if step.system_may:
        who.append("system")
    return f"| {act} | {', '.join(step.sources)} | {step.target} | {', '.join(who)} | `{step.action.value}` |"


def _roles() -> str:
    parts = ["# Roles\n", WRITTEN_BY]
    parts.append(
        "Each role has exactly these permissions. A user may have several roles, except for the pairs below. "
        "Anyone who worked on a version of a list, or applied for a deployment, cannot approve it, whatever their "
        "roles.\n"
    )
    parts += ["## Pairs that one person cannot have\n", "| role | not together with | because |", "| --- | --- | --- |"]
    for role, others, reason in APART:
        parts.append(f"| {role} | {', '.join(others)} | {reason} |")
    parts.append("")
    for role, permissions in ROLES.items():
        parts += [f"## {role}\n", *(f"- `{permission}`" for permission in permissions), ""]
    return "\n".join(parts)


def _actions() -> str:
    parts = [
        "# Audit log\n",
        WRITTEN_BY,
        "Every entry has a number, a time, an action, its verb (of section 62 of the Data Protection Act 2018, or "
        "outside it), the actor and the roles held then, the target and details. The database refuses to change an "
        "entry, and to delete one before its time. Each entry is a leaf of a Merkle tree whose states are signed "
        "(checkpoints) and countersigned by witnesses outside the force, if any are set up; `manage.py "
        "verify_journal` recomputes it, and `transparency/verifier.py` does so from an export. "
        "[Architecture](../explain/architecture.md#the-audit-log) describes what that shows and what it does not.\n",
    ]
    parts += [f"### `{action.value}`\n\n{action.label}. Verb: {action.verb.value}.\n" for action in Action]
    return "\n".join(parts)


def _retention() -> str:
    lists, alerts = _hours(settings.LFR_WATCHLIST_RETENTION), _hours(settings.LFR_ALERT_RETENTION)
    frame, tile = (f"{life / 1000:g} seconds" for life in (frame_scripts.FRAME_LIFE_MS, frame_scripts.TILE_LIFE_MS))
    tracks = f"{frame_scripts.TRACKS_LIFE_S} seconds"
    rows = [
        ("A frame of a camera", "memory", f"{frame}, or until a worker has read it"),
        ("A face that matches nobody", "nowhere", "it goes with its frame"),
        ("Tracks: boxes, and candidates with their scores; no image, no embedding", "memory", tracks),
        (
            "The camera's tile on the commander's page, faces flattened",
            "memory",
            tile,
        ),
        (
            "A possible match: images, score and the subject's particulars",
            "database, encrypted",
            f"{alerts} after its period ends, 24 hours after it was raised at most; longer under an evidence hold",
        ),
        (
            "A watchlist: subjects, photographs, templates",
            "database; photographs encrypted",
            f"{lists} after its period ends, or after it is rejected or expires; at once when it is discarded or "
            "another version replaces it; an entry under an evidence hold stays",
        ),
        ("The keys of both", "files of the server", "as long as what they encrypt"),
        ("Acts on a possible match: codes, times, people of the force", "database", "not deleted"),
        ("Ledger of destroyed entries: a keyed hash of the reference, no name", "database", "not deleted"),
        ("Second looks: who found what, and a remark without names", "database", "not deleted"),
        ("Training, signs, equipment, loans and disclosures: people of the force and texts", "database", "not deleted"),
        ("Certificates of destruction: counts and hashes", "database", "not deleted"),
        (
            "Entries of the audit log",
            "database",
            f"{settings.LFR_AUDIT_RETENTION.days:,} days (`LFR_AUDIT_RETENTION_DAYS`), then in groups of 256; the "
            "database refuses to delete one of less than six years",
        ),
        ("Hashes of the audit log's tree, checkpoints, countersignatures", "database", "not deleted"),
    ]
    parts = [
        "# Retention\n",
        WRITTEN_BY,
        "This page lists what the system keeps, where, and for how long. The two times that a force can set are "
        "`LFR_WATCHLIST_RETENTION_MINUTES` and `LFR_ALERT_RETENTION_MINUTES`; the system accepts 24 hours at most.\n",
        "| what | where | for how long |",
        "| --- | --- | --- |",
    ]
    parts += [f"| {what} | {where} | {time} |" for what, where, time in rows]
    parts += [
        "",
        "[Architecture](../explain/architecture.md#a-deletion) describes deletion: rows are deleted, the tables are "
        "rewritten, the write-ahead log is removed and the key is destroyed.",
        "",
    ]
    return "\n".join(parts)


def _hours(time: dt.timedelta) -> str:
    return f"{time.total_seconds() / 3600:g} hours"


def _commands() -> str:
    parts = ["# Commands\n", WRITTEN_BY, "Run as `.venv/bin/python manage.py NAME`; `--help` lists the options.\n"]
    for name, app in sorted(get_commands().items()):
        if app in OURS:
            parts += [f"## `{name}`\n", f"{load_command_class(app, name).help}\n"]
    return "\n".join(parts)
