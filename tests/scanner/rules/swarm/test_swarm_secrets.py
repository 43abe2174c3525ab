import json

import pytest

from scanner import parse
from scanner.model import Unread
from scanner.rule import NoParameters, NotApplicable
from scanner.rules.swarm.swarm_secrets import check
from tests.recorded import answer, host, swarm
from tests.scanner.rules.engine.hosts import PODMAN, passes, seen
from tests.scanner.rules.swarm.hosts import MANAGER, WORKER, in_state, told

NONE = NoParameters()


def services(change):
    """Of the recorded manager, whose answer is changed first."""
    raw = answer("_swarm_services")
    change(raw)
    names = ("_swarm", "_swarm_nodes", raw, "_swarm_secrets")
    bodies = [json.dumps(answer(n) if isinstance(n, str) else n).encode() for n in names]
    return parse.swarm(*bodies)


def test_a_credential_in_the_environment_fails_by_its_name_alone():
    [flaw, shown] = seen(check, MANAGER, NONE, swarm=swarm())
    assert flaw.sub_object == "web"
    assert flaw.evidence[0].found == ["DB_PASSWORD"]
    assert "battery" not in repr(flaw)
    assert shown.evidence[0].found == 1


def test_services_without_one_pass():
    clean = [service for service in swarm().services if service.name != "web"]
    assert passes(seen(check, MANAGER, NONE, swarm=told(services=tuple(clean))))


def test_a_service_without_a_template_or_without_containers_is_unknown():
    def no_template(raw):
        for service in raw:
            del service["Spec"]["TaskTemplate"]

    def no_containers(raw):
        for service in raw:
            service["Spec"]["TaskTemplate"]["ContainerSpec"] = None

    for change in (no_template, no_containers):
        with pytest.raises(Unread, match="Env"):
            seen(check, MANAGER, NONE, swarm=services(change))


def test_it_has_no_meaning_without_services_and_is_not_a_workers_business():
    for known in (host(), WORKER, PODMAN):
        with pytest.raises(NotApplicable):
            seen(check, known, NONE)
    with pytest.raises(NotApplicable, match="no services"):
        seen(check, MANAGER, NONE, swarm=told(services=()))


def test_what_was_not_read_is_unknown():
    for known in (MANAGER, in_state("pending")):
        with pytest.raises(Unread):
            seen(check, known, NONE)
