"""Registering a host: tried first if one likes, saved or refused with all that was filled in."""

import socket
from pathlib import Path

import pytest
from django.test import Client

from portal.fleet import forms
from portal.fleet.models import Environment, Group, Host
from scanner.rules import RULES
from tests.fleet import NOW, register, scan
from tests.portal.compliance.pages import BUDGET, queries, text_of
from tests.support.engines import Engine
from tests.support.hostile import RecordingProxy

pytestmark = pytest.mark.django_db
ADDRESS = "/hosts/new/"
NASTY = '"><img src=x onerror=alert(1)>'


@pytest.fixture(autouse=True)
def no_local_socket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The machine of the tests may have an engine of its own."""
    monkeypatch.setattr(forms, "LOCAL_SOCKET", str(tmp_path / "docker.sock"))
    return tmp_path / "docker.sock"


@pytest.fixture
def group() -> Group:
    return Group.objects.create(name="Shop", owner="Payments")


def filled(group: Group | None = None, **values: str) -> dict[str, str]:
    return {
        "transport": "tcp",
        "address": "docker-7",
        "name": "web-1",
        "group": str(group.pk) if group else "new",
        "group_name": "" if group else "Data",
        "environment": "staging",
        "owner": "Data team",
        **values,
    }


def test_it_offers_the_connections_that_work(as_bob: Client):
    said = text_of(as_bob.get(ADDRESS))
    for kind in ("Unix socket", "TCP with TLS", "SSH", "TCP without TLS"):
        assert kind in said
    assert "Such a port is itself a fault." in said


def test_this_machines_socket_is_chosen_where_it_is_readable(as_bob: Client, no_local_socket: Path):
    assert b'" checked' not in as_bob.get(ADDRESS).content
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(str(no_local_socket))
        answer = as_bob.get(ADDRESS)
    assert "This machine, unix socket found" in text_of(answer)
    assert b'value="unix" checked' in answer.content
    no_local_socket.unlink()
    no_local_socket.write_text("a file")
    assert b'" checked' not in as_bob.get(ADDRESS).content


def test_save_and_scan_now_registers_it(as_bob: Client, group: Group):
    answer = as_bob.post(ADDRESS, filled(group, do="scan"), follow=True)
    host = Host.objects.get()
    assert answer.redirect_chain == [(f"/hosts/{host.slug}/", 302)]
    assert "web-1 is registered. Its first scan starts now." in text_of(answer)
    assert (host.name, host.url, host.group) == ("web-1", "tcp://docker-7:2375", group)
    assert host.next_scan_at == host.created_at


def test_save_only_scans_nothing_yet(as_bob: Client, group: Group):
    answer = as_bob.post(ADDRESS, filled(group, do="save"), follow=True)
    assert "Nothing is scanned yet." in text_of(answer)
    host = Host.objects.get()
    assert host.next_scan_at is not None
    assert host.next_scan_at > host.created_at


def test_a_new_group_comes_with_it(as_bob: Client):
    as_bob.post(ADDRESS, filled())
    found = Host.objects.get().group
    assert (found.name, found.environment, found.owner) == (
        "Data",
        Environment.STAGING,
        "Data team",
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"transport": ""}, "Choose how Plimsoll reaches the host."),
        ({"transport": "rsh"}, "Select a valid choice"),
        ({"address": ""}, "Give the address, such as 10.0.4.7:2375."),
        ({"address": "ssh://docker-7"}, "does not say as which user to log in."),
        ({"address": "unix:///x"}, "belongs to another kind of connection"),
        ({"address": "a b"}, "is no address of an engine"),
        ({"address": "x:99999"}, "is no address of an engine"),
        ({"transport": "unix", "socket": ""}, "Give the path"),
        ({"transport": "unix", "socket": "run/docker.sock"}, "is no address of an engine"),
        ({"transport": "unix", "socket": "tcp://x"}, "belongs to another kind of connection"),
        ({"name": ""}, "Name: This field is required."),
        ({"name": "a\u202eb"}, "printable characters"),
        ({"name": "x" * 101}, "at most 100 characters"),
        ({"name": "a\0b"}, "Null characters are not allowed."),
        ({"group": "99999999999999999999"}, "Select a valid choice"),
        ({"group_name": ""}, "Give the new group a name."),
        ({"environment": "moon"}, "Select a valid choice"),
    ],
)
def test_wrong_input_is_said_and_the_rest_is_kept(as_bob: Client, wrong: dict[str, str], said: str):
    values = filled(owner=NASTY) | wrong
    answer = as_bob.post(ADDRESS, values)
    assert answer.status_code == 422
    assert "This could not be saved" in text_of(answer)
    assert said in text_of(answer)
    assert not Host.objects.exists()
    assert not Group.objects.exists()
    assert b"&quot;&gt;&lt;img" in answer.content
    assert b"<img src=x" not in answer.content


def test_what_is_wrong_with_a_choice_not_taken_does_not_matter(as_bob: Client, group: Group):
    values = filled(group, socket="x" * 2000, group_name="x" * 2000, environment="moon")
    assert as_bob.post(ADDRESS, values).status_code == 302


def test_an_address_that_is_registered_leads_to_its_host(as_bob: Client):
    host = register("web-7")
    values = filled(transport="unix", socket="/run/../run/web-7.sock")
    for do, status in (("scan", 422), ("test", 200)):
        answer = as_bob.post(ADDRESS, values | {"do": do})
        assert answer.status_code == status
        assert "This address is already registered as web-7" in text_of(answer)
        assert f'href="/hosts/{host.slug}/"' in answer.content.decode()
    assert Host.objects.count() == 1


def test_a_name_that_is_taken_is_refused_with_the_rest_kept(as_bob: Client, group: Group):
    register("web-1")
    answer = as_bob.post(ADDRESS, filled(group, name="WEB-1"))
    assert answer.status_code == 422
    assert "There is already a host named WEB-1." in text_of(answer)
    assert 'value="docker-7"' in answer.content.decode()


def test_a_test_that_fails_shows_where_and_what_next(as_bob: Client, tmp_path: Path):
    path = tmp_path / "no.sock"
    values = {"do": "test", "transport": "unix", "socket": str(path), "owner": "kept"}
    answer = as_bob.post(ADDRESS, values)
    said = text_of(answer)
    assert answer.status_code == 200
    assert f"Failed: {path} takes connections" in said
    assert f"{path} does not exist on this machine." in said
    assert "Check the path" in said
    assert "Not reached: Its events may be read" in said
    assert "It can be saved all the same" in said
    assert 'value="kept"' in answer.content.decode()
    assert not Host.objects.exists()


def test_only_the_connection_is_looked_at_by_a_test(as_bob: Client):
    answer = as_bob.post(ADDRESS, {"do": "test", "transport": "tcp", "address": ""})
    said = text_of(answer)
    assert answer.status_code == 422
    assert "The connection could not be tried" in said
    assert "Give the address" in said
    assert "This field is required" not in said


def test_a_test_of_a_real_engine(as_bob: Client, empty_engine: Engine):
    empty_engine.docker_run(name="one", create_only=True)
    values = {"do": "test", "transport": "unix", "socket": str(empty_engine.socket), "name": ""}
    answer = as_bob.post(ADDRESS, values, headers={"HX-Request-Type": "partial"})
    said = text_of(answer)
    assert f"1 container found on {empty_engine.name}." in said
    assert f" of {len(RULES)} rules can be checked" in said
    assert f'value="{empty_engine.name}"' in answer.content.decode()
    assert b"<html" not in answer.content
    assert answer.content.lstrip().startswith(b'<form id="register"')
    assert "HX-Request-Type" in answer.headers["Vary"]
    assert not Host.objects.exists()


def test_what_is_denied_is_told_with_what_it_costs(as_bob: Client, empty_engine: Engine):
    with RecordingProxy(empty_engine.socket) as proxy:
        proxy.fail("/networks", status=403)
        values = {"do": "test", "transport": "unix", "socket": proxy.url}
        said = text_of(as_bob.post(ADDRESS, values))
    assert f"of {len(RULES)} rules can be checked" in said
    assert "Not to be judged here" in said
    assert "A scan can do without what failed above." in said


def test_the_same_engine_under_another_registration_is_pointed_out(
    as_bob: Client, empty_engine: Engine
):
    twin = register("twin")
    Host.objects.filter(pk=twin.pk).update(engine={"id": empty_engine.client.info()["ID"]})
    values = filled(transport="unix", socket=str(empty_engine.socket))
    said = text_of(as_bob.post(ADDRESS, values | {"do": "test"}))
    assert "is registered as twin" in said
    assert as_bob.post(ADDRESS, values | {"do": "save"}).status_code == 302


def test_a_viewer_sees_the_form_disabled_with_the_reason(as_charlie: Client):
    answer = as_charlie.get(ADDRESS)
    assert "Only administrators and operators may register, change or remove hosts." in text_of(
        answer
    )
    form = answer.content.decode().partition('id="register"')[2].partition("</form>")[0]
    buttons = [button for button in form.split("<button")[1:] if 'name="do"' in button]
    assert len(buttons) == 5
    assert all(" disabled" in button.partition(">")[0] for button in buttons)


@pytest.mark.parametrize("do", ["test", "save", "scan", ""])
@pytest.mark.parametrize("who", ["charlie", "erin", "dana"])
def test_who_may_not_is_refused(request: pytest.FixtureRequest, do: str, who: str):
    client = request.getfixturevalue(f"as_{who}")
    assert client.post(ADDRESS, filled(do=do)).status_code == 403
    assert not Host.objects.exists()


def test_the_door(client: Client, as_bob: Client):
    assert client.get(ADDRESS).headers["Location"] == f"/login/?next={ADDRESS}"
    assert as_bob.put(ADDRESS).status_code == 405
    assert as_bob.head(ADDRESS).status_code == 200


def test_the_number_of_queries_does_not_grow(as_bob: Client):
    scan(register("one"), now=NOW)
    few = queries(as_bob, ADDRESS)
    for number in range(20):
        register(f"host-{number}", owner=f"Team {number}")
    assert queries(as_bob, ADDRESS) == few <= BUDGET
