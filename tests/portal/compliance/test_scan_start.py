"""Starting scans from a page: one host, or all of a scope. The dispatcher sends them."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.compliance.models import Scan, ScanState
from portal.core.models import AuditEntry
from portal.fleet.models import Host
from tests.fleet import register

pytestmark = pytest.mark.django_db


@pytest.fixture
def hosts() -> list[Host]:
    now = timezone.now()
    return [
        register("prod-web-1", now=now),
        register("prod-web-2", now=now),
        register("test-shop", environment="staging", owner="Shop", now=now),
    ]


def said(client: Client, address: str, **values: str) -> tuple[str, str]:
    """Where the form leads to, and what is said there."""
    answer = client.post(address, values, follow=True)
    assert answer.status_code == 200
    [message] = answer.context["messages"]
    return answer.redirect_chain[-1][0], str(message).replace("\xa0", " ")


def test_one_host_is_queued_for_whoever_asked(as_erin: Client, erin: User, hosts: list[Host]):
    where, words = said(as_erin, "/hosts/prod-web-1/scan/")
    found = Scan.objects.get()
    assert where == f"/scans/{found.pk}/"
    assert words == "A scan of prod-web-1 is queued."
    assert (found.host, found.state, found.requested_by) == (hosts[0], ScanState.QUEUED, erin)
    assert found.published_at is None  # a page sends no message
    assert AuditEntry.objects.filter(verb="compliance.request_scan").count() == 1


def test_a_second_press_leads_to_the_scan_that_waits(as_erin: Client, hosts: list[Host]):
    first = said(as_erin, "/hosts/prod-web-1/scan/")
    where, words = said(as_erin, "/hosts/prod-web-1/scan/")
    assert where == first[0]
    assert words == "A scan of prod-web-1 waits already. This is it."
    assert Scan.objects.count() == 1


def test_all_hosts_of_the_scope_are_queued(as_bob: Client, hosts: list[Host]):
    where, words = said(as_bob, "/scans/start/", environment="production")
    assert where == "/scans/?environment=production"
    assert words == "2 scans queued."
    assert set(Scan.objects.values_list("host__name", flat=True)) == {"prod-web-1", "prod-web-2"}
    where, words = said(as_bob, "/scans/start/")
    assert where == "/scans/"
    assert words == "1 scan queued. 2 others waited already."
    assert said(as_bob, "/scans/start/")[1] == "3 scans waited already; none was added."
    assert Scan.objects.count() == 3


def test_a_scope_without_hosts_starts_nothing(as_bob: Client, hosts: list[Host]):
    assert said(as_bob, "/scans/start/", owner="Nobody")[1].startswith("There is no host to scan")
    assert said(as_bob, "/scans/start/", owner="\0")[1]


@pytest.mark.parametrize("address", ["/hosts/prod-web-1/scan/", "/scans/start/"])
def test_a_viewer_is_refused_with_the_reason(as_charlie: Client, hosts: list[Host], address: str):
    answer = as_charlie.post(address)
    assert answer.status_code == 403
    assert re.search(r"Only .* may start scans\.", answer.content.decode())
    assert not Scan.objects.exists()


@pytest.mark.parametrize("address", ["/hosts/prod-web-1/scan/", "/scans/start/"])
def test_looking_starts_nothing(as_alice: Client, hosts: list[Host], address: str):
    assert as_alice.get(address).status_code == 405
    assert not Scan.objects.exists()


@pytest.mark.parametrize("address", ["/hosts/prod-web-1/scan/", "/scans/start/"])
def test_anonymous_is_sent_to_sign_in(client: Client, hosts: list[Host], address: str):
    assert client.post(address).url.startswith("/login/")
    assert not Scan.objects.exists()


@pytest.mark.parametrize("address", ["/hosts/prod-web-1/scan/", "/scans/start/"])
def test_another_site_cannot_press_the_button(alice: User, hosts: list[Host], address: str):
    strict: Any = Client(enforce_csrf_checks=True)
    strict.force_login(alice, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert strict.post(address).status_code == 403
    assert not Scan.objects.exists()


def test_an_unknown_host_is_not_found(as_alice: Client):
    assert as_alice.post("/hosts/nowhere/scan/").status_code == 404
