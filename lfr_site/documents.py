"""The pages of docs/ that are generated from the code, so that they always agree with it."""

from __future__ import annotations

import io
import json
from pathlib import Path

from django.core.management import call_command, get_commands, load_command_class
from django.db import models

from alerts import acts, states
from audit.actions import Action
from audit.verbs import verb_of
from cases import models as cases
from core import retention
from core.machine import Step
from core.sockets import CameraMessage, CloseCode, Event
from deployments import models as deployments
from lfr_site.roles import APART, ROLES
from reports import rates, record_files
from reports.record_columns import COLUMNS, SCHEMA
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
    "Case": (cases.CaseState.OPEN, cases.CaseState, dict(cases.STEPS)),
}
WRITTEN_BY = "<!-- Written by `manage.py write_docs` from the code. Change the code, then run it. -->\n"


def rendered() -> dict[Path, str]:
    """Return each generated page with its text."""
    return {
        REFERENCE / "states.md": _states(),
        REFERENCE / "roles.md": _roles(),
        REFERENCE / "audit-log.md": _actions(),
        REFERENCE / "retention.md": _retention(),
        REFERENCE / "record.md": _record(),
        REFERENCE / "record.schema.json": json.dumps(record_files.schema(), indent=2, ensure_ascii=False) + "\n",
        REFERENCE / "commands.md": _commands(),
        REFERENCE / "openapi.yaml": _openapi(),
        SCRIPTS / "protocol.js": _protocol(),
    }


def _record() -> str:
    """Return the columns of a deployment's record, with what each means."""
    lines = [
        WRITTEN_BY,
        "# The record of a deployment as a file\n",
        f"Version `{SCHEMA}`. A CSV file has a line for each period and one for all of them (`period` is `all`). A",
        "JSON file has the same under `periods` and `all` ([record.schema.json](record.schema.json)). Times are",
        "ISO 8601 with their offset. What is unknown or does not apply is empty, in JSON `null`. A column is never",
        f"given another meaning.\n\n{rates.RULE}\n",
        "| Column | Kind | Public | Meaning |",
        "|---|---|---|---|",
        *(
            f"| `{column.name}` | {column.kind} | {'yes' if column.is_public else 'no'} | {column.meaning} |"
            for column in COLUMNS
        ),
    ]
    return "\n".join(lines) + "\n"


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
    parts += [f"### `{action.value}`\n\n{action.label}. Verb: {verb_of(action).value}.\n" for action in Action]
    return "\n".join(parts)


def _retention() -> str:
    parts = [
        "# Retention\n",
        WRITTEN_BY,
        "This page lists what the system keeps, where, and for how long. It is the table `core/retention.py`, by which "
        "the system deletes. A time with a setting can be changed up to its ceiling; here are the defaults.\n",
        "| what | where | how long | at most | setting | where the rule is from |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for line in retention.LINES:
        kept = f"{line.kept}. {line.besides}".strip() if line.besides else line.kept
        setting = f"`{line.variable}`" if line.variable else ""
        parts.append(f"| {line.what} | {line.where} | {kept} | {line.limit} | {setting} | {line.source} |")
    parts += [
        "",
        "[Architecture](../explain/architecture.md#a-deletion) describes deletion: rows are deleted, the tables are "
        "rewritten, the write-ahead log is removed and the key is destroyed.",
        "",
    ]
    return "\n".join(parts)


def _commands() -> str:
    parts = ["# Commands\n", WRITTEN_BY, "Run as `.venv/bin/python manage.py NAME`; `--help` lists the options.\n"]
    for name, app in sorted(get_commands().items()):
        if app in OURS:
            parts += [f"## `{name}`\n", f"{load_command_class(app, name).help}\n"]
    return "\n".join(parts)
