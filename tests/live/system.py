"""The whole system as a user starts it, and users who do everything over HTTP and the sockets, as people do."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime as dt
import functools
import json
import math
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import psutil
import psycopg
import redis
import requests
from websockets.asyncio.client import ClientConnection, connect
from websockets.sync.client import connect as connect_now
from websockets.sync.connection import Connection
from websockets.typing import Origin

from deployments import offsets
from lfr_site import services
from lfr_site.supervisor import BASE_DIR, available_port
from recognition.imaging import encode_jpeg
from tests.cast import NAMES, portrait, portrait_jpeg

PASSWORD = "a-long-password"
# As a browser sends it: the words of the rehearsal.
APPLICATION = {
    "use_case": "hotspot",
    "list_categories": ["wanted", "suspect"],
    "list_seriousness": ["grave", "serious"],
    "list_tiers": ["red", "amber"],
    "list_size_asked": "500",
    "list_under_18": "1",
    "footfall": "12000",
    "subjects_expected": "3",
    "collateral": ["worship"],
    "officers_planned": "4",
    **dict.fromkeys(
        (
            "objective",
            "why_here",
            "intelligence_reference",
            "why_now",
            "list_criteria",
            "alternatives",
            "collateral_measures",
            "article_8",
            "article_10",
            "article_11",
            "community_impact",
            "signage_plan",
            "threshold_reason",
        ),
        "As it is said in a test",
    ),
}
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

    def id_of(self, username: str) -> int:
        return int(self.sql(f"SELECT id FROM lfr_site_user WHERE username = '{username}'")[0][0])

    def shots(self) -> list[bytes]:
        """Every face that alerts hold, opened as only the system itself can."""
        found = self.manage("shell", "--no-imports", "-c", _SHOTS)
        assert found.returncode == 0, found.stderr
        return [base64.b64decode(line) for line in found.stdout.split()]

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
    full = {**os.environ, "LFR_ENV": "demo", "LFR_DATA": str(data), "LFR_BLUE_PASSES": "0", **environment}
    port = available_port()
    command = [sys.executable, str(BASE_DIR / "manage.py"), "start", "--port", str(port)]
    # As a script starts a background job: with SIGINT ignored. It ends on SIGINT all the same.
    process = subprocess.Popen(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command],
        env=full,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    system = LiveSystem(data, port, process, full)
    try:
        assert process.stdout is not None
        shown = []
        for line in process.stdout:
            shown.append(line)
            if "ready at" in line:
                break
        else:
            raise AssertionError("The system did not start:\n" + "".join(shown))
        made = system.manage("shell", "--no-imports", "-c", _MAKE_USERS)
        assert made.returncode == 0, made.stderr
        yield system
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(40)
        if process.stdout is not None:
            process.stdout.close()
        services.forget(data)


# The source that says whether people are still sought, where it is not the force's records.
SOURCES = {"staff": "staff"}

_MAKE_USERS = f"""
from lfr_site.accounts import add_user
for name, role in {NAMES | {"operator2": "LFR operator", "officer2": "Engagement officer"}!r}.items():
    add_user(username=name, password={PASSWORD!r}, role=role, rank="superintendent" if name == "authority" else "")
from demo.rehearsal import train
from lfr_site.models import User
train(User.objects.all(), User.objects.get(username="compliance"))
"""


_SHOTS = """
import base64
from alerts.content import shot_content
from alerts.models import Shot
for shot in Shot.objects.select_related("alert"):
    print(base64.b64encode(shot_content(shot).jpeg).decode())
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

    def make_list(self, people: dict[str, bytes], **changes: str) -> str:
        """A draft with these people (name: photograph); its id. changes: of their particulars, and the list's."""
        about = {"name": changes.pop("list_name", "High harm"), "purpose": "Find them"}
        if changes.get("category") == "staff":
            about["is_blue"] = "on"
        listed = self.post("/watchlists/new/", about).url.rstrip("/")
        for name, photograph in people.items():
            fields = {
                "name": name,
                "reference": f"R/{name}",
                "category": "wanted",
                "offence": "Robbery",
                "seriousness": "serious",
                "data_subject": "suspect",
                "legal_basis": "warrant",
                "tier": "amber",
                "expected_action": "Arrest",
                "date_of_birth": "1990-05-01",
                "source": "custody",
                "keeping": "convicted" if changes.get("source", "custody") == "custody" else "",
                "lawful_hold": "Custody record",
                "is_of_person": "on",
                "taken_on": f"{dt.datetime.now(LONDON_TIME) - dt.timedelta(days=30):%Y-%m-%d}",
                **changes,
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
        for ground in re.findall(r'name="ground" value="(\w+)"', page):
            self.post(f"/watchlists/{watchlist}/current/", {"ground": ground, "source": SOURCES.get(ground, "records")})
        answer = self.post(f"/watchlists/{watchlist}/check/")
        assert "Awaiting approval" in answer.text, answer.text

    def apply_for(self, cameras: list[str], minutes: float = 60) -> str:
        """A complete application for one period that has begun, handed in; its id."""
        now = dt.datetime.now(LONDON_TIME)
        edit = self.post("/deployments/new/", {"name": "Southend High Street"})
        deployment = edit.url.split("/")[-3]
        (point,) = re.findall(r'<option value="(\d+)">0\.\d+, set', edit.text)[:1]
        fields: dict[str, Any] = {
            **APPLICATION,
            "name": "Southend High Street",
            "controller": "A force",
            "operating_point": point,
            "intelligence_expires_on": f"{now + dt.timedelta(days=9):%Y-%m-%d}",
            "governing": re.findall(r'name="governing" value="(\d+)"', edit.text),
            "revision": _field(edit.text, "revision"),
            "periods-TOTAL_FORMS": 1,
            "periods-INITIAL_FORMS": 1,
            "periods-0-id": _field(edit.text, "periods-0-id"),
            "periods-0-place": "High Street",
            "periods-0-approaches": "Both ends",
            "periods-0-alternative_route": "Through the arcade",
            "periods-0-starts_at": f"{now - dt.timedelta(minutes=2):%Y-%m-%dT%H:%M}",
            "periods-0-ends_at": f"{now + dt.timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S}",
            "cameras-TOTAL_FORMS": len(cameras),
            "cameras-INITIAL_FORMS": 0,
        }
        for index, name in enumerate(cameras):
            prefix = f"cameras-{index}"
            fields |= {f"{prefix}-period": 0, f"{prefix}-name": name, f"{prefix}-kind": "agent"}
        page = self.post(f"/deployments/{deployment}/edit/", fields)
        assert page.status_code == 200, page.text
        for index, (camera,) in enumerate(self.system.sql(_CAMERAS.format(deployment=deployment))):
            self.post(f"/cameras/{camera}/mark/", {"mark": json.dumps(beside(index, len(cameras)))})
        page = self.get(f"/deployments/{deployment}/")
        done = self.post(f"/deployments/{deployment}/submit/", {"revision": _field(page.text, "revision")})
        assert "Awaiting authority" in done.text, done.text
        return deployment

    def prepare(self, deployment: str, watchlist: str) -> None:
        """Everything that readiness asks for, and on."""
        ((period,),) = self.system.sql(f"SELECT id FROM deployments_period WHERE deployment_id = '{deployment}'")
        sign = {"photograph": ("sign.jpg", portrait_jpeg())}
        operator, officer = (self.system.id_of(name) for name in ("operator", "officer"))
        for path, fields, files in (
            (f"/deployments/{deployment}/notify/", _notice(), None),
            (f"/deployments/{deployment}/staff/", {"user": operator}, None),
            (f"/deployments/{deployment}/staff/", {"user": officer, "team": "Alpha 1"}, None),
            (f"/periods/{period}/list/", {"watchlist": watchlist}, None),
            (CONFIRM, {}, None),
            (f"/periods/{period}/signs/", {"approach": "Both ends", "place": "Lamp posts", "distance_m": 90}, sign),
            (f"/periods/{period}/briefing/", {"briefing": "All, by the commander"}, None),
            (f"/periods/{period}/officers/", {"count": "4"}, None),
            (f"/periods/{period}/clock/", self._clock(), None),
            (f"/deployments/{deployment}/ready/", {}, None),
            (f"/deployments/{deployment}/go-live/", {}, None),
        ):
            page = confirm_list(self.system, period) if path == CONFIRM else self.post(path, fields, files)
            assert page.status_code == 200, page.text

    def _clock(self) -> dict[str, str]:
        """How far this machine's clock is ahead of the server's, measured as a browser does."""
        server = offsets.measure(lambda: float(self.get("/time/").json()["ms"]), trips=8)
        return {"offset_ms": str(round(-server.ms)), "uncertainty_ms": str(math.ceil(server.uncertainty_ms))}

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
    watchlist_admin = system.user("watchlist_admin")
    watchlist = seal_list(system, people)
    put_threshold_in_force(system)
    deployment = watchlist_admin.apply_for(list(cameras), minutes)
    authorise(system, deployment)
    system.user("commander").prepare(deployment, watchlist)
    rows = system.sql(_CAMERAS.format(deployment=deployment))
    return LiveDeployment(deployment, watchlist, [str(camera) for (camera,) in rows])


# In the place of a path: what the authorising officer does.
CONFIRM = ""


def confirm_list(system: LiveSystem, period: str) -> requests.Response:
    """The authorising officer confirms the watchlist that is attached to a period."""
    authority = system.user("authority")
    seen = _field(authority.get(f"/periods/{period}/").text, "seen")
    return authority.post(f"/periods/{period}/list/confirm/", {"seen": seen})


def _notice() -> dict[str, str]:
    published = dt.datetime.now(LONDON_TIME) - dt.timedelta(hours=25)
    return {"channel": "site", "address": "News page", "published_at": f"{published:%Y-%m-%dT%H:%M}"}


def put_threshold_in_force(system: LiveSystem) -> None:
    """What must be in force before anything is authorised, once: a risk accepted, a threshold proposed and approved."""
    if system.sql("SELECT 1 FROM watchlists_operatingpoint"):
        return
    risk = {
        "title": "A test",
        "finding": "Only people who gave their photographs are seen",
        "lowest_threshold": "0.3",
        "highest_threshold": "0.95",
        "expires_on": f"{dt.datetime.now(LONDON_TIME) + dt.timedelta(days=9):%Y-%m-%d}",
    }
    assert system.user("compliance").post("/evidence/risk/", risk).status_code == 200
    put_documents_in_force(system)
    ((evidence,),) = system.sql("SELECT id FROM watchlists_biasevidence")
    assert system.user("owner").post(f"/evidence/{evidence}/countersign/").status_code == 200
    ((calibration, size),) = system.sql("SELECT id, (scores->>'gallery')::int FROM watchlists_calibration")
    figures = {"calibration": calibration, "list_size": size, "footfall": 10_000, "wanted_fpir": "0.3"}
    page = system.user("system_admin").post("/thresholds/propose/", {**figures, "reason": "A test"})
    assert page.status_code == 200, page.text
    ((proposal,),) = system.sql("SELECT id FROM watchlists_thresholdproposal")
    decision = {"decision": "approve", "reason": "A test"}
    page = system.user("authority").post(f"/thresholds/{proposal}/decide/", decision)
    assert page.status_code == 200, page.text


def put_documents_in_force(system: LiveSystem) -> None:
    """A version of each governing document, recorded by compliance and approved by the senior responsible owner."""
    today = dt.datetime.now(LONDON_TIME).date()
    for kind in ("policy", "sop", "dpia", "apd", "equality", "privacy", "processing", "mutual_aid"):
        fields = {
            "kind": kind,
            "version": "1.0",
            "owner": "Head of Operations",
            "in_force_from": f"{today:%Y-%m-%d}",
            "in_force_until": f"{today + dt.timedelta(days=100):%Y-%m-%d}",
        }
        page = system.user("compliance").post("/governing/record/", fields, {"file": ("a.txt", kind.encode())})
        assert page.status_code == 200, page.text
    for (document,) in system.sql("SELECT id FROM deployments_governingdocument"):
        assert system.user("owner").post(f"/governing/{document}/approve/").status_code == 200


def authorise(system: LiveSystem, deployment: str) -> None:
    """Give authority to what was handed in."""
    authority = system.user("authority")
    page = authority.get(f"/deployments/{deployment}/")
    decision = {"revision": _field(page.text, "revision"), "reason": "Proportionate"}
    page = authority.post(f"/deployments/{deployment}/authorise/", decision)
    assert page.status_code == 200, page.text


def seal_list(system: LiveSystem, people: dict[str, bytes], **changes: str) -> str:
    """A sealed list of these people (name: photograph); its id. changes: of their particulars."""
    watchlist_admin, authority = system.user("watchlist_admin"), system.user("authority")
    watchlist = watchlist_admin.make_list(people, **changes)
    watchlist_admin.submit_list(watchlist)
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', authority.get(f"/watchlists/{watchlist}/").text)
    assert seen is not None
    decision = {"reason": "Necessary", "seen": seen[1]}
    assert authority.post(f"/watchlists/{watchlist}/authorise/", decision).status_code == 200
    return watchlist


def beside(number: int, of: int) -> dict[str, Any]:
    """A camera's mark on the plan, clear of the others'."""
    left, right = (number + 0.1) / of, (number + 0.9) / of
    return {"at": [[left, 0.9]], "zone": [[left, 0.1], [right, 0.1], [right, 0.6], [left, 0.6]]}


def _field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, page
    return found[1]


_CAMERAS = (
    "SELECT camera.id FROM deployments_camera camera JOIN deployments_period period ON period.id = camera.period_id "
    "WHERE period.deployment_id = '{deployment}' ORDER BY camera.name"
)


@functools.cache
def _portrait_at(place: int) -> bytes:
    """Return a picture of 1280 x 720 with the portrait at one of ten places, by number."""
    side = 250
    small = cv2.resize(portrait(), (side, side), interpolation=cv2.INTER_AREA)
    picture = np.full((720, 1280, 3), 90, np.uint8)
    left, top = 5 + 255 * (place % 5), 60 + 330 * (place // 5 % 2)
    picture[top : top + side, left : left + side] = small
    return encode_jpeg(picture)


class Street:
    """A camera before which the portrait appears when it is asked to, each time as somebody new, elsewhere."""

    def __init__(self, connection: Connection) -> None:
        self._socket = connection
        self._number = 0
        self._walks = 0
        self._walked_at = 0.0
        self._until("ready")

    def walk_past(self, at: int | None = None) -> None:
        """Two frames of one track, longer after the last than a track lives. at: a place in the picture, from 0 on."""
        time.sleep(max(self._walked_at + 1.6 - time.monotonic(), 0))
        jpeg = _portrait_at(self._walks if at is None else at)
        self._walks += at is None
        for _ in range(2):
            self._send(jpeg)
            # On a machine that is busy a frame may be passed over, as it should.
            while self._until("read", "dropped") == "dropped":
                self._send(jpeg)
        self._walked_at = time.monotonic()

    @classmethod
    @contextlib.contextmanager
    def of(cls, system: LiveSystem, camera: str) -> Iterator[Street]:
        headers = {"Authorization": f"Bearer {system.user('commander').token(camera)}"}
        url = f"ws://localhost:{system.port}/ws/cameras/{camera}/"
        with connect_now(url, additional_headers=headers, origin=Origin(system.url), compression=None) as connection:
            yield cls(connection)

    def _send(self, jpeg: bytes) -> None:
        self._number += 1
        self._socket.send(struct.pack(">I", self._number) + jpeg)

    def _until(self, *kinds: str) -> str:
        while (shown := json.loads(self._socket.recv(timeout=10))["type"]) not in kinds:
            pass
        return str(shown)


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
