"""Webhooks must lead to public addresses: internal ones are refused when saved and when called."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from core.errors import Refused
from notifications import destinations, operations
from notifications.models import Subscriber
from tests.cast import Cast, make_alert, make_live_deployment
from tests.names import Names
from tests.program import listening

EVERY_NETWORK = tuple(ip_network(each) for each in ("0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1"))
INSIDE = (
    "127.0.0.1",
    "127.8.8.8",
    "10.0.0.5",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "192.0.0.8",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fec0::1",
    "fc00::1",
    "fd12:3456::1",
    "ff02::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    # Addresses of this kind contain another address, which is the one called.
    "::10.0.0.5",
    "::ffff:10.0.0.5",
    "::ffff:127.0.0.1",
    "2002:a00:5::1",
    "2001:0:a00:5::f7f7:f7f7",
    "2001:0:808:808::f5ff:fffa",
    "64:ff9b::a00:5",
    "64:ff9b::7f00:1",
    "64:ff9b:1::a00:5",
)
PUBLIC = ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "2002:808:808::1", "64:ff9b::808:808")


@pytest.fixture(autouse=True)
def known_names(names: Names) -> Names:
    return names


def _add(cast: Cast, url: str) -> Subscriber:
    subscriber, _ = operations.add_subscriber(
        name="Records", kind="webhook", address=url, topics=["alert.raised"], actor=cast.system_admin
    )
    return subscriber


def _url(address: str) -> str:
    return f"http://[{address}]/hook" if ":" in address else f"http://{address}/hook"


@pytest.mark.parametrize("address", INSIDE)
def test_an_internal_address_is_refused_unless_its_network_is_named(settings: Any, address: str) -> None:
    assert not destinations.is_allowed(ip_address(address))
    settings.LFR_OWN_NETWORKS = (ip_network(address),)
    assert destinations.is_allowed(ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert destinations.is_allowed(ip_address(address))


def test_a_network_of_the_force_counts_in_every_form_of_the_address(settings: Any) -> None:
    settings.LFR_OWN_NETWORKS = (ip_network("10.0.0.0/8"),)
    for address in ("10.0.0.5", "::ffff:10.0.0.5", "64:ff9b::a00:5", "2002:a00:5::1"):
        assert destinations.is_allowed(ip_address(address))
    for address in ("127.0.0.1", "::ffff:192.168.1.1", "64:ff9b::7f00:1"):
        assert not destinations.is_allowed(ip_address(address))


def test_an_internal_address_is_refused_when_saved(cast: Cast) -> None:
    for url in (*map(_url, INSIDE), "http://127.1/", "http://2130706433/", "http://①②⑦.⓪.⓪.①/", "http://localhost/"):
        with pytest.raises(Refused, match=r"leads to .*, which is not a public address.*LFR_OWN_NETWORKS"):
            _add(cast, url)
    assert not Subscriber.objects.exists()


def test_an_internal_address_is_refused_when_called(cast: Cast, settings: Any) -> None:
    settings.LFR_OWN_NETWORKS = EVERY_NETWORK
    subscribers = [_add(cast, url) for url in (*map(_url, INSIDE), "http://①②⑦.⓪.⓪.①/")]
    make_alert(make_live_deployment(cast))
    settings.LFR_OWN_NETWORKS = ()
    assert operations.deliver_due() == (0, len(subscribers))
    for subscriber in subscribers:
        delivery = subscriber.deliveries.get()
        assert delivery.answer.startswith("The address leads to "), (subscriber.address, delivery.answer)
        assert (delivery.state, delivery.attempts) == ("waiting", 1)


@pytest.mark.parametrize("found", [["127.0.0.1"], ["8.8.8.8", "10.0.0.5"], ["::ffff:10.0.0.5"]])
def test_a_name_with_an_internal_address_is_refused_when_saved(cast: Cast, names: Names, found: list[str]) -> None:
    names.found["records.example"] = [found]
    with pytest.raises(Refused, match="not a public address"):
        _add(cast, "https://records.example/hook")


def test_a_name_that_later_has_an_internal_address_is_refused_when_called(cast: Cast, names: Names) -> None:
    with listening() as program:
        # It does not resolve at first, then has a public address, then an internal one.
        names.found["records.example"] = [[], ["8.8.8.8"], ["127.0.0.1"]]
        subscriber = _add(cast, f"http://records.example:{program.port}/hook")
        _add(cast, "http://records.example/hook")
        make_alert(make_live_deployment(cast))
        assert operations.deliver_due() == (0, 2)
        assert program.calls == []
    assert "leads to 127.0.0.1" in subscriber.deliveries.get().answer


def test_the_address_that_was_checked_is_the_one_that_is_called(cast: Cast, names: Names, settings: Any) -> None:
    settings.LFR_OWN_NETWORKS = (ip_network("127.0.0.1/32"),)
    with listening() as checked, listening("127.0.0.2", checked.port) as inside:
        subscriber = _add(cast, f"http://records.example:{checked.port}/hook")
        names.asked.clear()
        names.found["records.example"] = [["127.0.0.2", "127.0.0.1"], ["127.0.0.2"]]
        make_alert(make_live_deployment(cast))
        assert operations.deliver_due() == (1, 0), subscriber.deliveries.get().answer
        assert names.asked.count("records.example") == 1
        assert (len(checked.calls), inside.calls) == (1, [])
        assert checked.calls[0][0]["Host"] == f"records.example:{checked.port}"


def test_a_redirect_to_an_internal_address_is_not_followed(cast: Cast, settings: Any) -> None:
    settings.LFR_OWN_NETWORKS = (ip_network("127.0.0.1/32"),)
    with listening() as program, listening("127.0.0.2") as inside:
        subscriber = _add(cast, program.url)
        program.status, program.location = 307, f"http://127.0.0.2:{inside.port}/hook"
        make_alert(make_live_deployment(cast))
        assert operations.deliver_due() == (0, 1)
        assert (len(program.calls), inside.calls) == (1, [])
    assert subscriber.deliveries.get().answer == "HTTP 307"


def test_a_proxy_of_the_environment_is_not_used(
    cast: Cast, settings: Any, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.LFR_OWN_NETWORKS = (ip_network("127.0.0.1/32"),)
    names.found["records.example"] = [["127.0.0.1"]]
    with listening() as program, listening("127.0.0.2") as inside:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.2:{inside.port}")
        _add(cast, f"http://records.example:{program.port}/hook")
        make_alert(make_live_deployment(cast))
        assert operations.deliver_due() == (1, 0)
        assert (len(program.calls), inside.calls) == (1, [])


def test_an_unresponsive_name_server_does_not_delay_saving(
    cast: Cast, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destinations, "LOOKUP_AT_SAVING_S", 0.2)
    names.hanging.add("records.example")
    assert _add(cast, "https://records.example/hook").is_active
    assert not names.answer.is_set()
