"""The pages of docs/ that are generated from the code, so that they always agree with it."""

from __future__ import annotations

import io
from pathlib import Path

from django.core.management import call_command

from alerts import acts, states
from audit.actions import Action
from core.machine import Step
from deployments import models as deployments
from lfr_site.roles import APART, ROLES
from watchlists import models as watchlists

DOCS = Path(__file__).resolve().parent.parent / "docs"

MACHINES: dict[str, tuple[str, dict[str, Step]]] = {
    "Watchlist": (watchlists.Watchlist.State.DRAFT, watchlists.STEPS),
    "Import": (watchlists.Import.State.READING, watchlists.IMPORT_STEPS),
    "Deployment": (deployments.Deployment.State.DRAFT, deployments.STEPS),
    "Alert": (states.AlertState.RAISED, acts.STEPS),
}
WRITTEN_BY = "<!-- Written by `manage.py write_docs` from the code. Change the code, then run it. -->\n"


def rendered() -> dict[Path, str]:
    """Return the path and text of each generated page."""
    return {
        DOCS / "states.md": _states(),
        DOCS / "roles.md": _roles(),
        DOCS / "journal.md": _actions(),
        DOCS / "openapi.yaml": _openapi(),
    }


def _openapi() -> str:
    stream = io.StringIO()
    call_command("spectacular", stdout=stream)
    return stream.getvalue()


def _states() -> str:
    parts = [
        "# States\n",
        WRITTEN_BY,
        "A state changes only by one of these steps. The change and its entry in the audit log are written in one "
        "transaction. “System” means a scheduled task or a deployment, never a person.\n",
    ]
    for name, (first, steps) in MACHINES.items():
        parts += [f"## {name}\n", "```mermaid", "stateDiagram-v2", f"    [*] --> {first}"]
        parts += [f"    {source} --> {step.target}: {act}" for act, step in steps.items() for source in step.sources]
        parts += ["```\n", "| action | from | to | who | audit log |", "| --- | --- | --- | --- | --- |"]
        parts += [_step(act, step) for act, step in steps.items()]
        parts.append("")
    return "\n".join(parts)


def _step(act: str, step: Step) -> str:
    who = [role for role, permissions in ROLES.items() if step.permission in permissions]
    if step.system_may:
        who.append("system")
    return f"| {act} | {', '.join(step.sources)} | {step.target} | {', '.join(who)} | `{step.action.value}` |"


def _roles() -> str:
    parts = ["# Roles\n", WRITTEN_BY]
    parts.append(
        "Each role has exactly these permissions. A user may have several roles, except for the combinations below. "
    )
    parts[-1] += "Anyone who worked on a version of a list, or applied for a deployment, cannot approve it, whatever "
    parts[-1] += "their roles.\n"
    parts += ["## Roles that one person cannot combine\n", "| role | not with | reason |", "| --- | --- | --- |"]
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
        "Every entry has a number, a time, an action, its verb under section 62 of the Data Protection Act 2018, the "
        "actor, the target, details, the hash of the previous entry and its own hash. The database refuses to change "
        "an entry; `manage.py verify_journal` recomputes the chain.\n",
        "| action | verb | meaning |",
        "| --- | --- | --- |",
    ]
    parts += [f"| `{action.value}` | {action.verb.value} | {action.label} |" for action in Action]
    return "\n".join([*parts, ""])
