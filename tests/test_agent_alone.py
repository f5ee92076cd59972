"""The agent on a separate machine needs only its own requirements."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from lfr_site.supervisor import BASE_DIR

REQUIREMENTS = BASE_DIR / "agent" / "requirements.txt"
# Modules whose package has another name.
MODULES = {"opencv-python-headless": "cv2"}

# Refuse every import except those of Python, the agent and its requirements.
ALONE = """
import importlib.abc, sys

class Nothing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        first = name.partition(".")[0]
        if first not in {{*sys.stdlib_module_names, "agent", *{allowed}}}:
            raise ModuleNotFoundError(f"{{first}} is not on this machine", name=first)

sys.meta_path.insert(0, Nothing())
from agent.__main__ import main
sys.exit(main(["--help"]))
"""


def _pinned(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", path.read_text(), re.MULTILINE))


def test_the_agent_starts_with_its_own_requirements_alone() -> None:
    allowed = {MODULES.get(name, name) for name in _pinned(REQUIREMENTS)}
    command = [sys.executable, "-c", ALONE.format(allowed=sorted(allowed))]
    done = subprocess.run(command, cwd=BASE_DIR, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--source" in done.stdout


def test_the_agents_requirements_have_the_tested_versions() -> None:
    tested = _pinned(BASE_DIR / "requirements.txt")
    # The same package without the extra modules, which the agent does not use.
    tested["opencv-python-headless"] = tested["opencv-contrib-python-headless"]
    assert _pinned(REQUIREMENTS).items() <= tested.items()
