"""Templates are formatted, short, and ask only for states and steps that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from alerts.states import AlertState
from core.machine import Stateful
from lfr_site.roles import ROLES

TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))


PERMISSIONS = {permission for permissions in ROLES.values() for permission in permissions}


def _machines() -> list[type[Stateful]]:
    return [each for each in Stateful.__subclasses__() if hasattr(each, "State")]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_template_asks_only_for_states_and_steps_that_exist(path: Path) -> None:
    """Django shows nothing for a name that does not exist, and takes it for false."""
    states = {value for machine in _machines() for value in machine.State.values} | set(AlertState.values)
    steps = {name for machine in _machines() for name in machine.steps}
    text = path.read_text()
    assert set(re.findall(r"\.is_in\.(\w+)", text)) <= states
    assert set(re.findall(r"\.can\.(\w+)", text)) <= steps


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_template_asks_only_for_permissions_that_exist(path: Path) -> None:
    asked = set(re.findall(r"perms\.(\w+\.\w+)", path.read_text()))
    assert asked <= PERMISSIONS


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_template_compares_no_state_with_a_string(path: Path) -> None:
    assert re.findall(r"\w+\.(?:state|kind|verdict) (?:==|!=|in|not in) [\"']", path.read_text()) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_short_comment_ends_on_its_line(path: Path) -> None:
    """Django shows one that does not to everyone."""
    assert [line for line in path.read_text().splitlines() if line.count("{#") != line.count("#}")] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_lines_of_a_template_are_short(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert [line for line in lines if len(line) > 120] == []
    assert len(lines) <= 400
