"""The whole system as a user starts it, and users who do everything over HTTP and the sockets, as people do."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import psycopg
import redis
import requests
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from lfr_site import services
from lfr_site.supervisor import BASE_DIR, available_port
from tests.cast import NAMES

PASSWORD = "a-long-password"
LONDON_TIME = ZoneInfo("Europe/London")


@dataclass
class LiveSystem:
    """A system that runs: where, and the process that keeps it up."""

    data: Path
    port: int
    process: subprocess.Popen[str]
    environment: dict[str, str] = field(repr=False)
    users: dict[str, LiveUser] = field(default_factory=dict, repr=False)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def health(self) -> dict[str, Any]:
        return dict(requests.get(f"{self.url}/health/", timeout=5).json())

    def manage(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(BASE_DIR / "manage.py"), *arguments]
        environment = {**self.environment, **extra}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def sql(self, query: str) -> list[Any]:
        with psycopg.connect(services.database_url(self.data)) as connection:
            return connection.execute(query).fetchall()

    def valkey(self, number: int) -> redis.Redis:
        path = services.valkey_url(self.data).removeprefix("unix://")
        return redis.Redis(unix_socket_path=path, db=number)

    def pids(self, *words: str) -> list[int]:
        """Processes of this system whose command holds all these words."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        found = []
        for child in family:
            with contextlib.suppress(psutil.Error):
                line = " ".join(child.cmdline())
                if all(word in line for word in words):
                    found.append(child.pid)
        return found

    def user(self, name: str) -> LiveUser:
        """Somebody signed in, once for all the tests: so many sign-ins a minute look like an attack."""
        if name not in self.users:
            self.users[name] = LiveUser(self, name)
        return self.users[name]


@contextlib.contextmanager
def live_system(**environment: str) -> Iterator[LiveSystem]:
    """Started with one user a role, stopped however the block ends."""
    data = Path(tempfile.mkdtemp(prefix="lfr-live-"))
    data.chmod(0o711)
    full = {**os.environ, "LFR_ENV": "demo", "LFR_DATA": str(data), **environment}
    port = available_port()
    command = [sys.executable, str(BASE_DIR / "manage.py"), "start", "--port", str(port)]
    process = subprocess.Popen(
        command, env=full, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    system = LiveSystem(data, port, process, full)
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if "ready at" in line:
                break
        else:
            raise AssertionError("The system did not start:\n" + "".join(said))
        made = system.manage("shell", "--no-imports", "-c", _MAKE_USERS)
        assert made.returncode == 0, made.stderr
        yield system
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(40)
        if process.stdout is not None:
            process.stdout.close()
        services.forget(data)


_MAKE_USERS = f"""
from lfr_site.accounts import add_user
for name, role in {NAMES!r}.items():
    add_user(username=name, password={PASSWORD!r}, role=role)
"""


class LiveUser:
    """Somebody signed in, who fills in forms and presses buttons."""

    def __init__(self, system: LiveSystem, name: str) -> None:
        self.system = system
        self._session = requests.Session()
        self.post("/accounts/login/", {"login": name, "password": PASSWORD})
        assert "sessionid" in self._session.cookies, f"{name} could not sign in"

    def get(self, path: str) -> requests.Response:
        return self._session.get(self.system.url + path, timeout=30)

    def post(
        self, path: str, fields: dict[str, Any] | None = None, files: dict[str, Any] | None = None
    ) -> requests.Response:
        if "csrftoken" not in self._session.cookies:
            self.get("/accounts/login/")
        body = {**(fields or {}), "csrfmiddlewaretoken": self._session.cookies["csrftoken"]}
        return self._session.post(self.system.url + path, data=body, files=files, timeout=60)

    @property
    def cookie(self) -> str:
        return f"sessionid={self._session.cookies['sessionid']}"

    # What people do.

    def make_list(self, people: dict[str, bytes]) -> str:
        """A draft with these people (name: photograph); its id."""
        listed = self.post("/watchlists/new/", {"name": "High harm", "purpose": "Find them"}).url.rstrip("/")
        for name, photograph in people.items():
            fields = {
                "name": name,
                "reference": f"R/{name}",
                "category": "wanted",
                "offence": "Robbery",
                "legal_basis": "warrant",
                "tier": "amber",
                "expected_action": "Arrest",
                "date_of_birth": "1990-05-01",
                "source": "custody",
                "lawful_hold": "Custody record",
                "taken_on": f"{dt.datetime.now(LONDON_TIME) - dt.timedelta(days=30):%Y-%m-%d}",
            }
            page = self.post(
                f"{listed.removeprefix(self.system.url)}/people/new/", fields, {"photograph": ("p.jpg", photograph)}
            )
            assert page.status_code == 200, page.text
        return listed.rsplit("/", 1)[-1]

    def submit_list(self, watchlist: str) -> None:
        """Compile a draft, settle its flags, say that everybody is still sought, and put it before the authority."""
        self.post(f"/watchlists/{watchlist}/compile/")
        page = self.get(f"/watchlists/{watchlist}/").text
        for person in set(re.findall(r'href="/people/([0-9a-f-]{36})/"', page)):
            for flag in set(re.findall(r'action="/flags/(\d+)/accept/"', self.get(f"/people/{person}/").text)):
                self.post(f"/flags/{flag}/accept/", {"reason": "Compared by eye"})
        self.post(f"/watchlists/{watchlist}/current/", {"all": "1"})
        answer = self.post(f"/watchlists/{watchlist}/check/")
        assert "Awaiting approval" in answer.text, answer.text

    def make_deployment(self, watchlist: str, cameras: list[str], minutes: float = 60) -> str:
        now = dt.datetime.now(LONDON_TIME)
        fields: dict[str, Any] = {
            "name": "Southend High Street",
            "place": "High Street",
            "purpose": "They are seen here",
            "starts_at": f"{now - dt.timedelta(minutes=2):%Y-%m-%dT%H:%M}",
            "ends_at": f"{now + dt.timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S}",
            "watchlist": watchlist,
            "cameras-TOTAL_FORMS": len(cameras),
            "cameras-INITIAL_FORMS": 0,
        }
        for index, name in enumerate(cameras):
            fields |= {f"cameras-{index}-name": name, f"cameras-{index}-kind": "agent"}
        page = self.post("/deployments/new/", fields)
        assert page.status_code == 200, page.text
        return page.url.rstrip("/").rsplit("/", 1)[-1]

    def token(self, camera: str) -> str:
        page = self.post(f"/cameras/{camera}/token/")
        found = re.search(r"LFR_CAMERA_TOKEN=(\S+)", page.text)
        assert found is not None, page.text
        return found[1]


@dataclass(frozen=True)
class LiveDeployment:
    id: str
    watchlist: str
    cameras: list[str]


def go_live(
    system: LiveSystem, people: dict[str, bytes], cameras: tuple[str, ...] = ("North",), minutes: float = 60
) -> LiveDeployment:
    """From photographs to a live deployment, every step by who may take it."""
    intelligence, authority, operator = (system.user(name) for name in ("intelligence", "authority", "operator"))
    watchlist = intelligence.make_list(people)
    intelligence.submit_list(watchlist)
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', authority.get(f"/watchlists/{watchlist}/").text)
    assert seen is not None
    decision = {"reason": "Necessary", "seen": seen[1]}
    assert authority.post(f"/watchlists/{watchlist}/authorise/", decision).status_code == 200
    deployment = intelligence.make_deployment(watchlist, list(cameras), minutes)
    for user, act in ((intelligence, "submit"), (authority, "authorise"), (operator, "go-live")):
        page = user.post(f"/deployments/{deployment}/{act}/", {"reason": "Proportionate"})
        assert page.status_code == 200, page.text
    page = operator.get(f"/deployments/{deployment}/")
    return LiveDeployment(deployment, watchlist, re.findall(r'href="/cameras/([0-9a-f-]{36})/"', page.text))


class Socket:
    """A socket that says what it heard."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.closing: dict[str, Any] = {}

    async def until(self, kind: str, patience: float = 10) -> dict[str, Any]:
        """The next message of this kind; others are passed over."""
        async with asyncio.timeout(patience):
            async for text in self.connection:
                message = dict(json.loads(text))
                if message.get("type", message.get("kind")) == kind:
                    return message
        raise AssertionError(f"closed with {self.connection.close_code} before {kind}")


@contextlib.asynccontextmanager
async def socket(system: LiveSystem, path: str, **headers: str) -> AsyncIterator[Socket]:
    url = f"ws://localhost:{system.port}{path}"
    origin = Origin(headers.pop("Origin", system.url))
    async with connect(url, additional_headers=headers, origin=origin, compression=None) as connection:
        yield Socket(connection)


def eventually(true: Callable[[], bool], patience: float = 20) -> bool:
    """Whether it becomes true in time."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.2)
    return False
