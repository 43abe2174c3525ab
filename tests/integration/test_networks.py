"""The rules about the network, where only a real engine shows whether they are right."""

import time

import pytest

from scanner.collect import collect
from scanner.engine import Engine
from scanner.evaluate import evaluate
from scanner.rule import Verdict
from scanner.rules import BY_SLUG
from tests.conftest import start
from tests.support.images import SSHD

pytestmark = pytest.mark.engine

FAIL, PASS, UNKNOWN = Verdict.FAIL, Verdict.PASS, Verdict.UNKNOWN
NOT_APPLICABLE = Verdict.NOT_APPLICABLE
APP = ("plimsoll/busybox:1", "sleep", "100000")


@pytest.fixture(scope="module")
def strict():
    """An engine set up as the advice of the rules for the daemon says, in a swarm of its own."""
    settings = [BY_SLUG[slug].fix.daemon for slug in ("inter-container-traffic", "port-interface")]
    started = start("strict", daemon_config=settings[0] | settings[1])
    started.cli("swarm", "init", "--advertise-addr=127.0.0.1", "--listen-addr=127.0.0.1:2377")
    yield started
    started.stop()


@pytest.fixture
def run(engine):
    names = []

    def start_one(name, *flags, **options):
        names.append(name)
        return engine.docker_run(*flags, name=name, **options)

    yield start_one
    engine.cli("rm", "--force", *names)


def judged(engine, slug):
    """{name of the subject: {sub-object: verdict}}"""
    with Engine(engine.url) as client:
        results = evaluate(collect(client), rules=[BY_SLUG[slug]])
    found = {}
    for result in results:
        found.setdefault(result.subject.name, {})[result.sub_object] = result.verdict
    return found


def test_traffic_between_containers_is_on_as_the_engine_comes_and_can_be_switched_off(
    engine, strict
):
    assert judged(engine, "inter-container-traffic") == {"engine-1": {"": FAIL}}
    assert judged(strict, "inter-container-traffic") == {"strict": {"": PASS}}


def test_an_engine_without_a_default_bridge_has_no_traffic_on_it(fresh_engine):
    bare = fresh_engine("bare", daemon_config={"bridge": "none"})
    bare.docker_run(name="alone", create_only=True)
    assert judged(bare, "inter-container-traffic") == {"bare": {"": NOT_APPLICABLE}}
    assert judged(bare, "default-bridge") == {"alone": {"": PASS}}


def test_an_overlay_must_be_encrypted_and_the_ingress_network_cannot_be(strict):
    strict.cli("network", "create", "--driver=overlay", "clear")
    strict.cli("network", "create", "--driver=overlay", "--opt=encrypted", "secret")
    verdicts = {name: found[""] for name, found in judged(strict, "overlay-encryption").items()}
    assert verdicts == {
        "clear": FAIL,
        "secret": PASS,
        "ingress": NOT_APPLICABLE,
        "bridge": NOT_APPLICABLE,
        "docker_gwbridge": NOT_APPLICABLE,
        "host": NOT_APPLICABLE,
        "none": NOT_APPLICABLE,
    }


def test_a_task_is_published_where_the_swarm_publishes_its_service(strict):
    strict.cli("service", "create", "--detach", "--name=mesh", "--publish=8080:80", *APP)
    strict.cli("service", "create", "--detach", "--name=hidden", *APP)
    host_port = "--publish=mode=host,published=8081,target=80"
    strict.cli("service", "create", "--detach", "--name=direct", host_port, *APP)
    names = {name: running_task(strict, name) for name in ("mesh", "hidden", "direct")}
    found = judged(strict, "port-interface")
    assert found[names["mesh"]] == {"0.0.0.0:8080->80/tcp": FAIL}
    assert found[names["hidden"]] == {"": PASS}
    assert found[names["direct"]] == {"": PASS}  # bound to the address that the daemon gives
    strict.cli("service", "rm", *names)


def running_task(engine, service):
    """The name of the service's one running container."""
    deadline = time.monotonic() + 60
    label = f"label=com.docker.swarm.service.name={service}"
    while not (name := engine.cli("ps", "--filter", label, "--format={{.Names}}")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return name


def test_a_port_without_an_address_takes_that_of_the_daemon_before_and_after_the_start(strict):
    strict.docker_run("--publish=8090:80", name="quiet", create_only=True)
    assert judged(strict, "port-interface")["quiet"] == {"": PASS}
    strict.cli("start", "quiet")
    assert judged(strict, "port-interface")["quiet"] == {"": PASS}
    strict.cli("rm", "--force", "quiet")


def test_ports_keep_their_names_while_the_engine_picks_new_ones(engine, run):
    flags = ("--publish=80", "--publish=9095-9099:90", "--publish=[::]:8082:82")
    run("picked", *flags, "--publish=127.0.0.1::81", "--publish=53:53/udp", create_only=True)
    expected = {
        "0.0.0.0:any->80/tcp": FAIL,
        "0.0.0.0:9095-9099->90/tcp": FAIL,
        "[::]:8082->82/tcp": FAIL,
        "0.0.0.0:53->53/udp": FAIL,
    }
    assert judged(engine, "port-interface")["picked"] == expected
    for verb in ("start", "restart", "kill"):
        engine.cli(verb, "picked")
        assert judged(engine, "port-interface")["picked"] == expected
        assert judged(engine, "privileged-ports")["picked"] == {"0.0.0.0:53->53/udp": FAIL}


def test_publish_all_opens_what_the_image_exposes_before_and_after_the_start(engine, run):
    run("all", "--publish-all", image="plimsoll/app:1", create_only=True)
    for verb in ("inspect", "start"):
        engine.cli(verb, "all")
        assert judged(engine, "port-interface")["all"] == {"0.0.0.0:any->8080/tcp": FAIL}
        assert judged(engine, "necessary-ports")["all"] == {"--publish-all": FAIL}


def test_what_joins_a_container_on_the_hosts_network_is_on_it(engine, run):
    run("on-host", "--network=host")
    run("joined", "--network=container:on-host")
    run("apart")
    verdicts = {name: found[""] for name, found in judged(engine, "host-network").items()}
    assert verdicts == verdicts | {"on-host": FAIL, "joined": FAIL, "apart": PASS}
    found = judged(engine, "port-interface")
    assert [found[name] for name in ("on-host", "joined", "apart")] == [
        {"": UNKNOWN},
        {"": UNKNOWN},
        {"": PASS},
    ]


def test_what_joins_a_published_container_has_its_ports(engine, run):
    run("owner", "--publish=8099:80")
    run("sidecar", "--network=container:owner")
    for slug in ("port-interface", "necessary-ports"):
        found = judged(engine, slug)
        assert found["sidecar"] == found["owner"] == {"0.0.0.0:8099->80/tcp": FAIL}
    assert judged(engine, "default-bridge")["sidecar"] == {"": FAIL}


def test_a_login_service_is_found_by_the_process_that_runs(engine, run):
    copied = ("sh", "-c", 'cp /usr/sbin/sshd "/tmp/$NAME" && exec "/tmp/$NAME" 100000')
    run("as-ftp", "--env=NAME=vsftpd", image=SSHD, command=copied)
    run("looks-like-it", "--env=NAME=vsftpd-exporter", image=SSHD, command=copied)
    run("as-ssh", image=SSHD, command=())
    run("as-telnet", command=("busybox", "telnetd", "-F", "-p", "2323"))
    run("plain")
    found = judged(engine, "remote-login-service")
    assert found["as-ftp"] == {"ssh": FAIL, "ftp": FAIL}
    assert found["looks-like-it"] == {"ssh": FAIL}  # by the image's exposed port alone
    assert found["as-ssh"] == {"ssh": FAIL}
    assert found["as-telnet"] == {"telnet": FAIL}
    assert found["plain"] == {"": PASS}
    engine.cli("kill", "as-ssh", "plain")
    found = judged(engine, "remote-login-service")
    assert found["as-ssh"] == {"ssh": FAIL, "": UNKNOWN}
    assert found["plain"] == {"": UNKNOWN}
