"""The filters of lists: what they find, what they say of bad input, and that other pages keep them."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from audit.actions import Action
from audit.models import Entry
from audit.verbs import verb_of
from reports import journal_views
from tests.cast import Cast, act, client_of, make_alert, make_live_deployment, make_watchlist
from watchlists.models import Flag, Person


def _page(client: Any, path: str) -> str:
    return " ".join(client.get(path).content.decode().split())


def test_the_audit_log_by_action_verb_and_day(cast: Cast) -> None:
    make_watchlist(cast)
    today = timezone.localdate().isoformat()
    client = client_of(cast.compliance)
    both = f"/journal/?action=watchlist.created&verb={verb_of(Action.WATCHLIST_CREATED)}&since={today}&until={today}"
    assert _page(client, both).count("<td>Watchlist created</td>") == 1
    for none in ("action=alert.raised", "verb=erasure", "until=2020-01-01"):
        assert "<td>Watchlist created</td>" not in _page(client, f"/journal/?{none}")


def test_a_filter_that_cannot_be_read_says_so_and_filters_nothing(cast: Cast) -> None:
    make_watchlist(cast)
    page = _page(client_of(cast.compliance), "/journal/?since=yesterday&action=nonsense")
    assert "Enter a valid date." in page
    assert "Select a valid choice" in page
    assert "<td>Watchlist created</td>" in page


def test_other_pages_keep_the_filters(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_views, "PAGE", 1)
    make_watchlist(cast)
    make_watchlist(cast)
    assert Entry.objects.filter(action="watchlist.created").count() == 2
    page = _page(client_of(cast.compliance), "/journal/?action=watchlist.created")
    assert "?action=watchlist.created&amp;page=2" in page.replace("%2E", ".")


def test_possible_matches_by_state(cast: Cast) -> None:
    deployment = make_live_deployment(cast)
    done = act(make_alert(deployment, "a" * 32), "not_same", cast=cast)
    waiting = make_alert(deployment, "b" * 32)
    client = client_of(cast.commander)
    for query, found in (("state=raised", [waiting]), ("state=op_false", [done]), ("show=referred", [])):
        page = _page(client, f"/deployments/{deployment.pk}/alerts/?{query}")
        assert [alert for alert in (waiting, done) if f'id="alert-{alert.pk}"' in page] == found


def test_people_by_flag_and_what_is_still_to_do(cast: Cast) -> None:
    watchlist = make_watchlist(cast, people=2)
    flagged, other = Person.objects.filter(watchlist=watchlist).order_by("name")
    Flag.objects.create(person=flagged, kind=Flag.Kind.OLD_PHOTOGRAPH, detail="Old")
    client = client_of(cast.watchlist_admin)
    for query, found in (("flag=old_photograph", [flagged]), ("show=flagged", [flagged]), ("flag=look_alike", [])):
        page = _page(client, f"/watchlists/{watchlist.pk}/?{query}")
        table = page.partition('class="entries"')[2]
        assert [person for person in (flagged, other) if person.name in table] == found
