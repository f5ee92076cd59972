"""The witness of a demonstration. It runs on the same machine, so it shows how a witness works and proves nothing."""

from __future__ import annotations

from pathlib import Path

from audit import log_keys
from lfr_site.supervisor import available_port
from transparency.witness import Signer

NAME = "oversight-body.example"


class DemoWitness:
    """The key and the folder of the witness, under the data of the demonstration."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "witness"
        self._key = self._folder / "key"
        self._port = available_port()

    def setting(self) -> str:
        """Return the value of `LFR_WITNESSES`, making the key the first time."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        signer = Signer.read(self._key) if self._key.exists() else Signer.create(NAME, self._key)
        return f"{signer.key} http://127.0.0.1:{self._port}"

    def command(self) -> list[str]:
        """Return the arguments that start it. The key of the log must exist."""
        logs = self._folder / "logs"
        logs.write_text("".join(f"log {key}\n" for key in log_keys.log_keys()), encoding="utf-8")
        options = {"--key": self._key, "--logs": logs, "--state": self._folder / "state", "--port": self._port}
        return ["-m", "transparency.witness", "serve", *(str(part) for option in options.items() for part in option)]
