"""Removing a host needs its name, typed."""

import pytest
from django.test import Client

from portal.fleet.models import Host
from tests.fleet import named, register, scan
from tests.portal.compliance.pages import BUDGET, queries, text_of

pytestmark = pytest.mark.django_db
ADDRESS = "/hosts/web-1/remove/"


@pytest.fixture
def host() -> Host:
    host = register("web-1")
    scan(host, named("privileged", "reports"), named("read_only", "web"))
    return host


def test_it_says_what_goes_and_what_stays(as_bob: Client, host: Host):
    said = text_of(as_bob.get(ADDRESS))
    assert "2 containers" in said
    assert "cannot be undone" in said
    assert "On the machine itself nothing changes." in said
    assert Host.objects.exists()


def test_the_typed_name_removes_it(as_bob: Client, host: Host):
    answer = as_bob.post(ADDRESS, {"typed_name": " web-1 "}, follow=True)
    assert answer.redirect_chain == [("/hosts/", 302)]
    assert "web-1 is removed" in text_of(answer)
    assert not Host.objects.exists()
    assert as_bob.get("/hosts/web-1/").status_code == 404


@pytest.mark.parametrize("typed", ["", "web-2", "WEB-1", "x" * 5000, "\0"])
def test_another_name_removes_nothing(as_bob: Client, host: Host, typed: str):
    answer = as_bob.post(ADDRESS, {"typed_name": typed})
    assert answer.status_code == 422
    assert "Nothing was removed" in text_of(answer)
    assert Host.objects.exists()


def test_a_viewer_sees_it_disabled_and_may_not(as_charlie: Client, host: Host):
    answer = as_charlie.get(ADDRESS)
    assert "Only administrators and operators may" in text_of(answer)
    assert b'<button class="btn btn-danger" disabled>' in answer.content
    assert as_charlie.post(ADDRESS, {"typed_name": "web-1"}).status_code == 403
    assert Host.objects.exists()


def test_the_door(client: Client, as_bob: Client, host: Host):
    assert client.get(ADDRESS).headers["Location"] == f"/login/?next={ADDRESS}"
    assert client.post(ADDRESS, {"typed_name": "web-1"}).status_code == 302
    assert Host.objects.exists()
    assert as_bob.put(ADDRESS).status_code == 405
    assert as_bob.get("/hosts/nothing/remove/").status_code == 404


def test_a_hostile_name_is_only_text(as_bob: Client):
    host = register("web-1")
    Host.objects.filter(pk=host.pk).update(name="<img src=x onerror=alert(1)>")
    page = as_bob.get(f"/hosts/{host.slug}/remove/").content.decode()
    assert "<img src=x" not in page
    assert "&lt;img src=x onerror=alert(1)&gt;" in page


def test_the_number_of_queries(as_bob: Client, host: Host):
    assert queries(as_bob, ADDRESS) <= BUDGET
