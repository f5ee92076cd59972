"""The documents agree with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import get_commands

from lfr_site.documents import DOCS, rendered
from lfr_site.supervisor import BASE_DIR
from recognition import weights
from recognition.engine import SHIPPED
from recognition.models import MODELS


@pytest.mark.parametrize("path", list(rendered()), ids=lambda path: path.name)
def test_generated_pages_are_up_to_date(path: Path) -> None:
    assert path.read_text() == rendered()[path], "run `manage.py write_docs`"


def test_settings_and_their_headings_agree() -> None:
    code = "".join(
        path.read_text() for room in ("lfr_site", "agent", "demo") for path in BASE_DIR.glob(f"{room}/**/*.py")
    )
    read = set(re.findall(r'"((?:LFR_[A-Z0-9_]+|DATABASE_URL|VALKEY_URL))"', code))
    described = set(re.findall(r"^## (\S+)$", (DOCS / "settings.md").read_text(), re.MULTILINE))
    assert read == described


def test_commands_named_in_the_documents_exist() -> None:
    ours = {name for name, app in get_commands().items() if app in ("lfr_site", "demo")}
    text = "".join(path.read_text() for path in [*DOCS.glob("**/*.md"), BASE_DIR / "README.md", BASE_DIR / "Makefile"])
    named = set(re.findall(r"manage\.py ([a-z_]+)", text))
    assert named - {"makemigrations"} <= ours


def test_protocol_names_every_code_and_message() -> None:
    page = (DOCS / "protocol.md").read_text()
    source = "".join((BASE_DIR / "capture" / name).read_text() for name in ("consumer.py", "admission.py"))
    for code in re.findall(r"\b(44\d\d|1013)\b", source):
        assert f"| {code} |" in page
    for kind in set(re.findall(r'_say\("(\w+)"', source)):
        assert f"`{kind}`" in page


def test_links_have_targets() -> None:
    for path in [*DOCS.glob("**/*.md"), BASE_DIR / "README.md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
            assert target.startswith("http") or (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_model_card_names_every_model_and_every_file_that_is_loaded() -> None:
    page = (DOCS / "engines.md").read_text()
    for name, model in MODELS.items():
        assert f"| `{name}` | {model.dimension} |" in page
    for path in SHIPPED.files:
        staged = weights.folder(settings.DEEPFACE_HOME) / path.file_name
        assert weights.sha256_of(staged) in page, path.file_name
