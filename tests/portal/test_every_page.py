"""What must hold of every address there is; a new page cannot forget it."""

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse

from portal.accounts.models import User
from portal.fleet.models import Host
from tests.fleet import named, register, scan
from tests.people import client_of

pytestmark = pytest.mark.django_db

# Whoever is not signed in may see these; what they show them has tests of its own.
OPEN = {
    *("healthz", "readyz", "setup", "account_login", "account_logout", "account_reauthenticate"),
    *("mfa_authenticate", "mfa_reauthenticate", "account_inactive"),
}
NOBODYS = {
    "slug": "no-such-thing",
    "finding_id": 4_000_000_000,
    "scan_id": 4_000_000_000,
    "container_id": 4_000_000_000,
    "number": 4_000_000_000,
}
WRITES = {"scan_start", "scan_cancel", "host_scan", "policy_default", "account_logout"}

QUERIES = (
    "page=99999999999999999999&size=-1",
    "page=%00&size=%00&sort=%00&q=%00%ff",
    "sort=-nothing&q=is:%20severity:x%20nothing:here",
    "severity=%00&state=x&verdict=y&family=z&kind=%00&outcome=%00",
    "environment=%00&group=%ff&owner=%F0%9F",
    "host=%00&rule=%00&tab=%00&for=%00&group_by=%00",
    "host=x&rule=x&tab=x&for=99999999999999999999&container=99999999999999999999",
    "from=99999999999999999999&old=99999999999999999999&new=%C2%B2&version=99999999999999999999",
    "from=%00&old=%00&new=-1&version=%00&full=%00",
)

PATTERNS = {
    pattern.name: pattern
    for pattern in get_resolver().url_patterns
    if isinstance(pattern, URLPattern) and pattern.name
}


def address(name: str, **known: object) -> str:
    converters = PATTERNS[name].pattern.converters
    return reverse(name, kwargs={key: known.get(key, NOBODYS.get(key, "x")) for key in converters})


@pytest.fixture
def host() -> Host:
    host = register("prod-web-1")
    scan(host, named("privileged", "reports"))
    return host


def test_every_address_has_a_name():
    assert len(PATTERNS) == len(get_resolver().url_patterns) > 20


@pytest.mark.parametrize("name", sorted(set(PATTERNS) - OPEN))
@pytest.mark.parametrize("verb", ["get", "post"])
def test_a_stranger_is_sent_to_sign_in(name: str, verb: str, host: Host, client: Client):
    response = getattr(client, verb)(address(name, slug=host.slug))
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/login/")


@pytest.mark.parametrize(
    "name", sorted(name for name, pattern in PATTERNS.items() if pattern.pattern.converters)
)
def test_what_does_not_exist_is_not_found(name: str, alice: User):
    verb = "post" if name in WRITES else "get"
    response = getattr(client_of(alice), verb)(address(name))
    assert response.status_code == 404


@pytest.mark.parametrize("name", sorted(set(PATTERNS) - WRITES - {"mfa_index"}))
def test_a_page_knows_no_other_verbs(name: str, host: Host, alice: User):
    client = client_of(alice)
    for verb in (client.put, client.delete, client.patch):
        assert verb(address(name, slug=host.slug)).status_code in (404, 405)


@pytest.mark.parametrize("name", sorted(WRITES))
def test_what_changes_something_is_no_link(name: str, host: Host, alice: User):
    assert client_of(alice).get(address(name, slug=host.slug)).status_code == 405


@pytest.mark.parametrize("name", sorted(set(PATTERNS) - WRITES - {"readyz"}))
def test_no_query_string_breaks_a_page(name: str, host: Host, alice: User):
    client = client_of(alice)
    for query in QUERIES:
        response = client.get(f"{address(name, slug=host.slug)}?{query}")
        assert response.status_code in (200, 302, 400, 404, 409, 410), query
