"""Response times of the pages of a watchlist of 20,000 people.

    python -m benchmarks.pages [--people 20000] [--json]

The running system, one user at a time; milliseconds from the request to the complete response, p50 and p95 of several
requests. The people are invented and have no photographs, because browsers fetch only visible pictures, one by one.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import re
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import requests

from benchmarks.stage import say
from benchmarks.system import running_system

PASSWORD = "benchmark-only"
TIMES = 15


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--json", action="store_true", help="Print one line.")
    options = parser.parse_args(arguments)
    with running_system() as system:
        say(f"writing {options.people:,} people")
        path = _fill(options.people)
        sessions = {name: _signed_in(system.url, name) for name in ("compiler", "approver")}
        result = {
            title: _timed(sessions[name], f"{system.url}{path}{query}")
            for title, name, query in (
                ("first page", "compiler", ""),
                ("last page", "compiler", f"?page={options.people // 50}"),
                ("by name", "compiler", "?q=person+1234"),
                ("by category and response", "compiler", "?category=suspect&tier=red"),
                ("with open flags", "compiler", "?show=flagged"),
                ("under 18", "compiler", "?show=minors"),
                ("the approver's page", "approver", ""),
            )
        }
        result["people of the API, a hundred"] = _timed(
            sessions["compiler"], f"{system.url}/api/people/?watchlist={path.split('/')[2]}"
        )
    print(json.dumps({"people": options.people, "ms": result}, indent=None if options.json else 2))


def _fill(count: int) -> str:
    """Create a compiled watchlist; return the path of its page."""
    from django.contrib.auth.models import Group

    from lfr_site.accounts import add_user
    from watchlists import operations
    from watchlists.choices import Category, Tier
    from watchlists.models import Flag, Person, Watchlist

    user = add_user(username="compiler", password=PASSWORD, role="Watchlist administrator")
    add_user(username="approver", password=PASSWORD, role="Authorising officer")
    assert Group.objects.exists()
    watchlist = operations.create_watchlist(actor=user, name="Benchmark", purpose="Measurement")
    now = dt.datetime.now(dt.UTC)
    people = Person.objects.bulk_create(
        (
            Person(
                watchlist=watchlist,
                reference=f"B/{number:05}",
                name=f"Invented Person {number}",
                date_of_birth=dt.date(1955 + number % 60, 1 + number % 12, 1),
                category=Category.values[number % len(Category.values)],
                rationale="Measurement",
                minor_rationale="Measurement",
                offence="Measurement",
                seriousness="serious",
                data_subject="suspect",
                legal_basis="warrant",
                tier=Tier.values[number % 3],
                expected_action="None",
                added_by=user,
                current_at=now if number % 10 else None,
            )
            for number in range(count)
        ),
        batch_size=1500,
    )
    Flag.objects.bulk_create(
        (Flag(person=person, kind=Flag.Kind.OLD_PHOTOGRAPH, detail="Old") for person in people[::7]),
        batch_size=1500,
        ignore_conflicts=True,
    )
    Watchlist.objects.filter(pk=watchlist.pk).update(state=Watchlist.State.COMPILED, size=count)
    return f"/watchlists/{watchlist.pk}/"


def _signed_in(url: str, name: str) -> requests.Session:
    session = requests.Session()
    page = session.get(f"{url}/accounts/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    assert token is not None
    session.post(
        f"{url}/accounts/login/", {"login": name, "password": PASSWORD, "csrfmiddlewaretoken": token[1]}
    ).raise_for_status()
    return session


def _timed(session: requests.Session, url: str) -> dict[str, Any]:
    spent = []
    for number in range(TIMES + 1):
        began = time.perf_counter()
        answer = session.get(url)
        answer.raise_for_status()
        if number:
            spent.append((time.perf_counter() - began) * 1000)
    return {"p50": round(float(np.median(spent))), "p95": round(float(np.percentile(spent, 95)))}


if __name__ == "__main__":
    main()
