"""Changing a host's name, connection or group."""

import pytest
from django.test import Client

from portal.fleet.models import Group, Host
from tests.fleet import NOW, named, register, scan
from tests.portal.compliance.pages import BUDGET, queries, text_of

pytestmark = pytest.mark.django_db
ADDRESS = "/hosts/web-1/edit/"


@pytest.fixture
def host() -> Host:
    host = register("web-1")
    scan(host, named("privileged", "reports"))
    return host


def filled(host: Host, **values: str) -> dict[str, str]:
    return {
        "transport": "unix",
        "socket": "/run/web-1.sock",
        "name": host.name,
        "group": str(host.group_id),
        "do": "save",
        **values,
    }


def test_it_shows_the_host_as_it_is(as_bob: Client, host: Host):
    page = as_bob.get(ADDRESS).content.decode()
    assert 'value="unix" checked' in page
    assert 'value="/run/web-1.sock"' in page
    assert 'value="web-1"' in page
    assert f'<option value="{host.group_id}" selected>' in page
    assert "Save web-1" in page


def test_a_host_on_a_port_shows_its_address(as_bob: Client, host: Host):
    Host.objects.filter(pk=host.pk).update(url="tcp://[fd00::7]:2375")
    page = as_bob.get(ADDRESS).content.decode()
    assert 'value="tcp" checked' in page
    assert 'value="[fd00::7]:2375"' in page


def test_it_is_saved_and_its_findings_stay(as_bob: Client, host: Host):
    answer = as_bob.post(ADDRESS, filled(host, name="Web A"), follow=True)
    assert answer.redirect_chain == [("/hosts/web-1/", 302)]
    assert "Web A is saved." in text_of(answer)
    host.refresh_from_db()
    assert (host.name, host.slug, host.last_success_at) == ("Web A", "web-1", NOW)


def test_it_may_move_to_a_new_group(as_bob: Client, host: Host):
    values = filled(host, group="new", group_name="Data", environment="staging", owner="Data")
    as_bob.post(ADDRESS, values)
    host.refresh_from_db()
    assert (host.group.name, host.group.environment) == ("Data", "staging")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"socket": "x"}, "is no address of an engine"),
        ({"name": "WEB-2"}, "There is already a host named WEB-2."),
        ({"socket": "/run/web-2.sock"}, "This address is already registered as web-2"),
    ],
)
def test_wrong_input_changes_nothing(as_bob: Client, host: Host, wrong: dict[str, str], said: str):
    register("web-2")
    groups = Group.objects.count()
    answer = as_bob.post(
        ADDRESS, filled(host, group="new", group_name="X", environment="staging") | wrong
    )
    assert answer.status_code == 422
    assert said in text_of(answer)
    host.refresh_from_db()
    assert (host.name, host.url) == ("web-1", "unix:///run/web-1.sock")
    assert Group.objects.count() == groups


def test_its_own_address_is_no_double_and_can_be_tested(as_bob: Client, host: Host):
    answer = as_bob.post(ADDRESS, filled(host, do="test", name="typed"))
    said = text_of(answer)
    assert "already registered" not in said
    assert "/run/web-1.sock does not exist on this machine." in said
    assert 'value="typed"' in answer.content.decode()
    host.refresh_from_db()
    assert host.name == "web-1"


def test_a_viewer_sees_it_disabled_and_may_not(as_charlie: Client, host: Host):
    answer = as_charlie.get(ADDRESS)
    assert "Only administrators and operators may" in text_of(answer)
    form = answer.content.decode().partition('id="register"')[2].partition("</form>")[0]
    buttons = [button for button in form.split("<button")[1:] if 'name="do"' in button]
    assert buttons
    assert all(" disabled" in button.partition(">")[0] for button in buttons)
    for do in ("test", "save"):
        assert as_charlie.post(ADDRESS, filled(host, do=do)).status_code == 403


def test_the_door(client: Client, as_bob: Client, host: Host):
    assert client.get(ADDRESS).headers["Location"] == f"/login/?next={ADDRESS}"
    assert as_bob.delete(ADDRESS).status_code == 405
    assert as_bob.get("/hosts/nothing/edit/").status_code == 404
    assert as_bob.post("/hosts/nothing/edit/").status_code == 404


def test_the_number_of_queries_does_not_grow(as_bob: Client, host: Host):
    few = queries(as_bob, ADDRESS)
    for number in range(20):
        register(f"host-{number}", owner=f"Team {number}")
    assert queries(as_bob, ADDRESS) == few <= BUDGET
