"""The documents agree with the code."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import get_commands

from agent.camera_client import FINAL_CODES
from audit.actions import Action
from core.sockets import CameraMessage, CloseCode, Event
from lfr_site.celery import app as celery
from lfr_site.documents import DOCS, MACHINES, OURS, rendered
from lfr_site.roles import ROLES
from lfr_site.supervisor import BASE_DIR
from recognition import weights
from recognition.engine import SHIPPED
from recognition.models import MODELS

ROOMS = "agent|alerts|audit|capture|core|demo|deployments|lfr_site|notifications|recognition|reports|watchlists"
ROOT_PAGES = [BASE_DIR / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*sorted(DOCS.glob("**/*.md")), *ROOT_PAGES]


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", list(rendered()), ids=lambda path: path.name)
def test_generated_pages_are_up_to_date(path: Path) -> None:
    assert path.read_text() == rendered()[path], "run `manage.py write_docs`"


def test_settings_and_their_headings_agree() -> None:
    code = "".join(
        path.read_text() for room in ("lfr_site", "agent", "demo") for path in BASE_DIR.glob(f"{room}/**/*.py")
    )
    read = set(re.findall(r'"((?:LFR_[A-Z0-9_]+|DATABASE_URL|VALKEY_URL))"', code))
    described = set(re.findall(r"^## (\S+)$", (DOCS / "admin/settings.md").read_text(), re.MULTILINE))
    assert read == described


def test_every_state_action_role_and_command_has_its_heading() -> None:
    reference = DOCS / "reference"
    commands = {name for name, app in get_commands().items() if app in OURS}
    assert {f"{name}: {state}".lower() for name, (_, states, _) in MACHINES.items() for state in states} == set(
        re.findall(r"^### (.+)$", (reference / "states.md").read_text().lower(), re.MULTILINE)
    )
    for page, names in (("audit-log.md", set(Action.values)), ("commands.md", commands)):
        assert set(re.findall(r"^##+ `(.+)`$", (reference / page).read_text(), re.MULTILINE)) == names
    assert set(ROLES) <= set(re.findall(r"^## (.+)$", (reference / "roles.md").read_text(), re.MULTILINE))


def test_commands_named_in_the_documents_exist() -> None:
    ours = {name for name, app in get_commands().items() if app in OURS}
    text = "".join(path.read_text() for path in [*PAGES, BASE_DIR / "Makefile"])
    named = set(re.findall(r"manage\.py ([a-z_]+)", text))
    assert named - {"makemigrations"} <= ours


def test_targets_named_in_the_documents_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (BASE_DIR / "Makefile").read_text(), re.MULTILINE))
    for path in PAGES:
        named = set(re.findall(r"(?:`|^    )make ([a-z-]+)", path.read_text(), re.MULTILINE))
        assert named <= targets, path.name


def test_protocol_names_every_code_and_message() -> None:
    page = (DOCS / "reference/camera-protocol.md").read_text()
    for code in CloseCode:
        assert f"| {code.value} |" in page
    for word in (*CameraMessage, *Event):
        assert f"`{word}`" in page


def test_the_agent_knows_which_codes_are_final() -> None:
    """It imports no other package, and so has a copy."""
    assert {code.value for code in CloseCode if code.is_final} == FINAL_CODES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, _, anchor in re.findall(r"\]\(([^)#]*)(#([^)]*))?\)", page.read_text()):
        if not target.startswith("http"):
            linked = (page.parent / target).resolve() if target else page
            assert linked.exists(), target
            assert not anchor or anchor in headings(linked), f"{target}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_modules_named_in_the_documents_exist(page: Path) -> None:
    """`reports/records.py`, `alerts.deadlines`, `core.keys.KeyStore`: of this repository's own packages."""
    text = page.read_text()
    paths = re.findall(rf"`((?:{ROOMS}|templates|static|docs|tests|benchmarks)/[\w./-]+)`", text)
    assert [path for path in paths if not (BASE_DIR / path).exists()] == []
    modules = {name.rstrip(".") for name in re.findall(rf"`((?:{ROOMS})(?:\.\w+)+)(?:\(\))?`", text)}
    # A state, a task, an audit action or a permission looks like a module as well.
    names = {*Action.values, *Event, *celery.tasks, *(f"{app}.{name}" for app, name in _permissions())}
    assert [name for name in sorted(modules - names) if not _exists(name)] == []


def _permissions() -> list[tuple[str, str]]:
    return [(app, name) for names in ROLES.values() for app, name in (each.split(".") for each in names)]


def _exists(name: str) -> bool:
    """Return whether a dotted name is a module, or an attribute of one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path = BASE_DIR.joinpath(*parts[:length])
        if path.is_dir() or path.with_suffix(".py").exists():
            found: Any = importlib.import_module(".".join(parts[:length]))
            for part in parts[length:]:
                if not hasattr(found, part):
                    return False
                found = getattr(found, part)
            return True
    return False


def test_every_rule_names_its_test_or_why_it_is_not_built() -> None:
    rows = [line.strip("|").split("|") for line in (DOCS / "explain/doctrine.md").read_text().splitlines()]
    rules = [[cell.strip() for cell in row] for row in rows if len(row) == 3 and row[0].strip() not in ("Rule", "---")]
    assert len(rules) > 60
    known = {
        name for page in (BASE_DIR / "tests").rglob("*.py") for name in re.findall(r"def (test_\w+)", page.read_text())
    }
    for rule, where, shown in rules:
        named = re.findall(r"`(test_\w+)`", shown)
        assert set(named) <= known, rule
        assert named or shown.startswith("Not built: "), rule
        assert where or not named, rule


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (page.parent / target).resolve()
        for page in PAGES
        for target in re.findall(r"\]\(([^)#]+)", page.read_text())
        if not target.startswith("http")
    }
    linked |= {page.resolve() for folder in list(linked) if folder.is_dir() for page in folder.iterdir()}
    assert [page for page in PAGES if page.resolve() not in linked and page.name != "README.md"] == []


def test_the_model_card_names_every_model_and_every_file_that_is_loaded() -> None:
    page = (DOCS / "explain/engines.md").read_text()
    for name, model in MODELS.items():
        assert f"| `{name}` | {model.dimension} |" in page
    for path in SHIPPED.files:
        staged = weights.folder(settings.DEEPFACE_HOME) / path.file_name
        assert weights.sha256_of(staged) in page, path.file_name
