"""Host names for tests, so that no test asks a real name server."""

from __future__ import annotations

import socket
import threading
from typing import Any

_really = socket.getaddrinfo


class Names:
    """Resolves `*.example`.

    found: name -> a list of addresses for each lookup, the last for all later ones; an empty list means "not found".
    hanging: names whose servers do not answer, until `answer` is set. asked: the name of every lookup.
    """

    def __init__(self) -> None:
        self.found: dict[str, list[list[str]]] = {}
        self.hanging: set[str] = set()
        self.answer = threading.Event()
        self.asked: list[str] = []

    def getaddrinfo(self, host: Any, port: Any, *arguments: Any, **named: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        self.asked.append(name)
        if name in self.hanging:
            self.answer.wait(40)
            raise socket.gaierror(socket.EAI_AGAIN, "No answer")
        if not str(name).endswith(".example") or ".." in name:
            return _really(host, port, *arguments, **named)
        lookups = self.found.get(name) or [[]]
        addresses = lookups.pop(0) if len(lookups) > 1 else lookups[0]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Not found")
        return [info for address in addresses for info in _really(address, port, *arguments, **named)]
