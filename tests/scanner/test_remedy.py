"""Advice and what it is made of. That it is true, tests/integration/test_advice.py shows."""

import json
import shlex

import pytest
import yaml
from msgspec.structs import replace

from scanner.model import (
    Container,
    DeviceRequest,
    EnvironmentName,
    Healthcheck,
    Image,
    Mount,
    PartialContainer,
    Port,
    RestartPolicy,
)
from scanner.remedy import Line, advice, compose, docker_run, units, written
from scanner.remedy.yaml import text
from scanner.rule import Family, Fix, NoParameters, Rule, Severity
from scanner.rules import BY_SLUG
from tests.recorded import container

SECOND = 1_000_000_000
PLAIN = written(PartialContainer(id="0123456789abcdef", name="web", image="nginx:1.27"))

EVERYTHING_RUN = r"""
docker run --detach \
  --name everything \
  --init \
  --tty \
  --hostname reports \
  --user 1000:1000 \
  --group-add 2000 \
  --restart on-failure:3 \
  --health-cmd 'test -e '"'"'/tmp/ready'"'"' || exit 1' \
  --health-interval 90s \
  --health-timeout 1500ms \
  --health-start-period 1h \
  --health-retries 2 \
  --env GREETING \
  --cap-drop ALL \
  --cap-add NET_BIND_SERVICE \
  --security-opt no-new-privileges:true \
  --pid host \
  --ipc shareable \
  --cgroupns host \
  --cgroup-parent /reports \
  --sysctl net.ipv4.ip_unprivileged_port_start=0 \
  --memory 256m \
  --memory-swap 300m \
  --memory-reservation 100000k \
  --cpu-shares 512 \
  --cpus 1.5 \
  --cpuset-cpus 0 \
  --pids-limit 100 \
  --oom-score-adj 100 \
  --ulimit nofile=1024:2048 \
  --read-only \
  --tmpfs /run \
  --tmpfs /tmp:rw,size=65536k \
  --volume /anonymous \
  --volume reports-data:/data \
  --volume /srv/shared:/shared:rshared \
  --volume /srv/reports:/srv:ro \
  --mount type=bind,source=/etc,target=/with:colon,readonly \
  --device /dev/null:/dev/nothing:r \
  --device /dev/zero:/dev/zero \
  --device-cgroup-rule 'c 1:3 r' \
  --publish 8053:53/udp \
  --publish 127.0.0.1:8080:80 \
  --publish '[::1]:8081:81' \
  --publish 9000 \
  plimsoll/busybox:1 sh -c 'echo $HOME; sleep 100000'
""".strip()

EVERYTHING_COMPOSE = {
    "services": {
        "everything": {
            "image": "plimsoll/busybox:1",
            "init": True,
            "tty": True,
            "hostname": "reports",
            "user": "1000:1000",
            "group_add": ["2000"],
            "restart": "on-failure:3",
            "healthcheck": {
                "test": ["CMD-SHELL", "test -e '/tmp/ready' || exit 1"],
                "interval": "90s",
                "timeout": "1500ms",
                "start_period": "1h",
                "retries": 2,
            },
            "environment": ["GREETING"],
            "cap_drop": ["ALL"],
            "cap_add": ["NET_BIND_SERVICE"],
            "security_opt": ["no-new-privileges:true"],
            "pid": "host",
            "ipc": "shareable",
            "cgroup": "host",
            "cgroup_parent": "/reports",
            "sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"},
            "mem_limit": "256m",
            "memswap_limit": "300m",
            "mem_reservation": "100000k",
            "cpu_shares": 512,
            "cpus": 1.5,
            "cpuset": "0",
            "pids_limit": 100,
            "oom_score_adj": 100,
            "ulimits": {"nofile": {"soft": 1024, "hard": 2048}},
            "read_only": True,
            "tmpfs": ["/run", "/tmp:rw,size=65536k"],
            "volumes": [
                "/anonymous",
                "reports-data:/data",
                "/srv/shared:/shared:rshared",
                "/srv/reports:/srv:ro",
                {"type": "bind", "source": "/etc", "target": "/with:colon", "read_only": True},
            ],
            "devices": ["/dev/null:/dev/nothing:r", "/dev/zero:/dev/zero"],
            "device_cgroup_rules": ["c 1:3 r"],
            "ports": ["8053:53/udp", "127.0.0.1:8080:80", "[::1]:8081:81", "9000"],
            "command": ["sh", "-c", "echo $$HOME; sleep 100000"],
            "network_mode": "bridge",
        }
    },
    "volumes": {"reports-data": {"external": True}},
}


def command(given, *more):
    return shlex.split(" ".join(docker_run(given, *more)).replace("\\", ""))


def service(given, *more):
    [found] = yaml.safe_load("\n".join(compose(given, *more)))["services"].values()
    return found


def rule_with(fix):
    return Rule(
        slug="made-up",
        title="Made up",
        subject=Container,
        severity=Severity.LOW,
        family=Family.LIFECYCLE,
        report="",
        reads=(),
        why="",
        check=lambda *_: iter(()),
        fix=fix,
        parameters=NoParameters,
    )


def test_of_an_almost_unknown_container_only_what_is_known_is_written():
    known = PartialContainer(id="0123", name="web", image="nginx:1.27")
    assert docker_run(written(known)) == [
        "docker run --detach \\",
        "  --name web \\",
        "  nginx:1.27",
    ]
    assert compose(written(known)) == ["services:", "  web:", "    image: nginx:1.27"]


def test_every_setting_of_a_real_container_is_written_as_docker_run_takes_it():
    lines = docker_run(written(container("everything")))
    assert "\n".join(lines) == EVERYTHING_RUN


def test_every_setting_of_a_real_container_is_written_as_compose_takes_it():
    document = yaml.safe_load("\n".join(compose(written(container("everything")))))
    assert document == EVERYTHING_COMPOSE


def test_no_value_of_a_variable_and_no_label_is_written():
    given = written(container("environment_secrets"))
    everything = "\n".join([*docker_run(given), *compose(given)])
    assert "--env DATABASE_PASSWORD \\" in everything
    assert "for-the-tests-only" not in everything
    assert "team" not in "\n".join(docker_run(written(container("everything"))))


def test_what_the_image_sets_by_itself_is_not_repeated():
    image = Image(
        id="sha256:1",
        user="app",
        environment=("LANG", "PATH"),
        entrypoint=("/entry",),
        command=("serve",),
        healthcheck=Healthcheck(("CMD", "/probe")),
        inspected=True,
    )
    same = replace(
        PLAIN,
        user="app",
        environment=(EnvironmentName("LANG"), EnvironmentName("PATH"), EnvironmentName("MODE")),
        entrypoint=("/entry",),
        command=("serve",),
        healthcheck=Healthcheck(("CMD", "/probe")),
    )
    assert command(same, image)[3:] == ["--name", "web", "--env", "MODE", "nginx:1.27"]
    other = replace(same, entrypoint=("/other", "-x"))
    assert command(other, image)[-5:] == ["--entrypoint", "/other", "nginx:1.27", "-x", "serve"]
    assert service(other, image)["entrypoint"] == ["/other", "-x"]
    assert service(same, image) == {"image": "nginx:1.27", "environment": ["MODE"]}


def test_without_the_image_the_command_is_repeated_and_the_path_is_not():
    given = replace(
        PLAIN,
        environment=(EnvironmentName("PATH"),),
        entrypoint=("/entry",),
        command=("serve", "a b", "$HOME"),
    )
    assert command(given) == [
        *("docker", "run", "--detach", "--name", "web", "nginx:1.27", "serve", "a b", "$HOME")
    ]
    assert service(given)["command"] == ["serve", "a b", "$$HOME"]


def test_what_the_engine_adds_by_itself_is_not_written():
    by_engine = replace(PLAIN, privileged=True, security_opt=("label=disable",))
    assert written(by_engine).security_opt == ()
    by_person = replace(PLAIN, security_opt=("label=disable",))
    assert written(by_person).security_opt == ("label=disable",)


@pytest.mark.parametrize(
    ("memory", "swap", "flags"),
    [
        (256 << 20, 512 << 20, ["--memory", "256m"]),
        (256 << 20, 256 << 20, ["--memory", "256m", "--memory-swap", "256m"]),
        (256 << 20, -1, ["--memory", "256m", "--memory-swap", "-1"]),
        (3 << 30, 0, ["--memory", "3g"]),
        (1000, 0, ["--memory", "1000b"]),
        (0, 0, []),
    ],
)
def test_memory_and_swap_are_written_as_the_engine_means_them(memory, swap, flags):
    given = replace(PLAIN, memory=memory, memory_swap=swap)
    assert command(given)[5:-1] == flags


def test_a_default_is_written_where_the_change_asks_for_it():
    given = replace(PLAIN, cgroupns_mode="private", ipc_mode="private")
    assert command(given)[5:-1] == []
    changed = frozenset({"cgroupns_mode"})
    assert command(given, None, changed)[5:-1] == ["--cgroupns", "private"]
    assert service(given, None, changed)["cgroup"] == "private"


@pytest.mark.parametrize(
    ("mode", "networks", "flags", "keys"),
    [
        ("default", ("bridge",), [], {"network_mode": "bridge"}),
        ("host", (), ["--network", "host"], {"network_mode": "host"}),
        ("container:abc", (), ["--network", "container:abc"], {"network_mode": "container:abc"}),
        ("shop", ("shop",), ["--network", "shop"], {"networks": ["shop"]}),
    ],
)
def test_networks(mode, networks, flags, keys):
    given = replace(PLAIN, network_mode=mode, networks=networks)
    assert command(given)[5:-1] == flags
    assert service(given) == {"image": "nginx:1.27", **keys}


def test_a_further_network_is_a_further_command_and_external_to_compose():
    given = replace(PLAIN, network_mode="shop", networks=("back", "shop"))
    assert docker_run(given)[-1] == "docker network connect back web"
    document = yaml.safe_load("\n".join(compose(given)))
    assert document["networks"] == {"shop": {"external": True}, "back": {"external": True}}


def test_what_compose_made_for_its_project_is_not_external():
    labels = {"com.docker.compose.project": "shop", "com.docker.compose.service": "web"}
    given = replace(
        PLAIN,
        name="shop-web-1",
        labels=labels,
        network_mode="shop_default",
        networks=("shop_default",),
        mounts=(Mount("volume", "", "/data", True, volume="shop_data"),),
    )
    document = yaml.safe_load("\n".join(compose(given)))
    assert document == {
        "services": {"web": {"image": "nginx:1.27", "volumes": ["shop_data:/data"]}},
        "volumes": {"shop_data": {"name": "shop_data"}},
    }


def test_a_port_on_every_interface_of_both_families_is_written_once():
    both = (Port(80, "tcp", "0.0.0.0", 8080), Port(80, "tcp", "::", 8080))
    assert service(replace(PLAIN, ports=both))["ports"] == ["8080:80"]


def test_ports_that_the_engine_chose_for_publish_all_are_not_written():
    ports = (
        Port(80, "tcp", "0.0.0.0", 49153, "any"),
        Port(81, "tcp", "", None),
        Port(443, "tcp", "", 443),
    )
    given = replace(PLAIN, publish_all=True, ports=ports)
    assert command(given)[5:-1] == ["--publish-all", "--publish", "443:443"]


def test_a_port_is_written_as_it_was_asked_for_and_not_as_the_engine_picked_it():
    ports = (
        Port(80, "tcp", "0.0.0.0", 49153, "any"),
        Port(80, "tcp", "::", 49154, "any"),
        Port(81, "tcp", "127.0.0.1", 49155, "any"),
        Port(82, "udp", "0.0.0.0", 8001, "8000-8010"),
        Port(83, "tcp", "::1", None, "8000-8010"),
    )
    expected = ["80", "127.0.0.1::81", "8000-8010:82/udp", "[::1]:8000-8010:83"]
    assert service(replace(PLAIN, ports=ports))["ports"] == expected
    loopback = replace(PLAIN, publish_all=True, ports=ports[2:3])
    assert service(loopback)["ports"] == ["127.0.0.1::81"]


@pytest.mark.parametrize(
    ("request_", "flag", "reserved"),
    [
        (DeviceRequest("", -1, (), ("gpu",)), "all", {"count": "all"}),
        (DeviceRequest("nvidia", 2, (), ("gpu",)), "2", {"count": 2}),
        (DeviceRequest("", 0, ("0", "1"), ("gpu",)), '"device=0,1"', {"device_ids": ["0", "1"]}),
    ],
)
def test_gpus(request_, flag, reserved):
    given = replace(PLAIN, device_requests=(request_,))
    assert command(given)[5:-1] == ["--gpus", flag]
    devices = service(given)["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{**reserved, "capabilities": ["gpu"]}]


def test_a_mount_with_a_colon_or_a_comma_takes_the_long_form():
    mounts = (
        Mount("bind", "/a:b", "/in,side", False, "rslave"),
        Mount("volume", "", "/c:d", True, volume="data"),
    )
    given = replace(PLAIN, mounts=mounts)
    assert command(given)[5:-1] == [
        "--mount",
        'type=bind,source=/a:b,"target=/in,side",readonly,bind-propagation=rslave',
        "--mount",
        "type=volume,source=data,target=/c:d",
    ]
    assert service(given)["volumes"][0] == {
        "type": "bind",
        "source": "/a:b",
        "target": "/in,side",
        "read_only": True,
        "bind": {"propagation": "rslave"},
    }


def test_a_profile_that_stands_in_the_container_itself_is_named_as_a_file():
    given = replace(PLAIN, security_opt=('seccomp={"defaultAction":"SCMP_ACT_ALLOW"}',))
    assert command(given)[5:-1] == ["--security-opt", "seccomp=profile.json"]


def test_health_checks_in_each_form():
    shell = replace(PLAIN, healthcheck=Healthcheck(("CMD-SHELL", "a || b"), interval=90 * SECOND))
    assert command(shell)[5:-1] == ["--health-cmd", "a || b", "--health-interval", "90s"]
    words = replace(PLAIN, healthcheck=Healthcheck(("CMD", "/probe", "a b"), retries=2))
    assert command(words)[5:-1] == ["--health-cmd", "/probe 'a b'", "--health-retries", "2"]
    assert service(words)["healthcheck"] == {"test": ["CMD", "/probe", "a b"], "retries": 2}
    off = replace(PLAIN, healthcheck=Healthcheck(("NONE",)))
    assert command(off)[5:-1] == ["--no-healthcheck"]
    assert service(off)["healthcheck"] == {"disable": True}


def test_rare_settings():
    given = replace(
        PLAIN,
        auto_remove=True,
        runtime="runsc",
        storage_options={"size": "10G"},
        oom_kill_disable=True,
        cpu_quota=50000,
        cpu_period=100000,
        userns_mode="host",
        restart_policy=RestartPolicy("always", 0),
        mounts=(Mount("tmpfs", "", "/scratch", True),),
    )
    line = " ".join(command(given)[5:-1])
    assert line == (
        "--rm --restart always --userns host --runtime runsc --cpu-period 100000 "
        "--cpu-quota 50000 --oom-kill-disable --storage-opt size=10G --tmpfs /scratch"
    )
    assert service(given)["storage_opt"] == {"size": "10G"}


@pytest.mark.parametrize(
    ("nanoseconds", "written_as"),
    [
        (7200 * SECOND, "2h"),
        (120 * SECOND, "2m"),
        (90 * SECOND, "90s"),
        (1_500_000_000, "1500ms"),
        (1, "1ns"),
    ],
)
def test_durations(nanoseconds, written_as):
    assert units.duration(nanoseconds) == written_as


@pytest.mark.parametrize(
    "value",
    [
        *("", "yes", "No", "null", "~", "1.0", "0x1F", "1e3", "22:22", "2001-01-01", "- a", "a: b"),
        *("a #b", "a:", ":a", "*a", "&a", "!a", "%a", "@a", "`a`", "'a'", '"a"', "{a}", "[a]"),
        *("a\nb", "tab\t", " lead", "trail ", "é", "\x1b[31m", "\x7f", "\u2028", "😀", "=", "<<"),
        *("a/b.c-d_e@f=g+h:i", "/srv", "a=b=", "-", "--x", "?", "|", ">", True, 1, 1.5, None),
    ],
)
def test_yaml_is_read_back_as_what_was_written(value):
    document = {"key": value, "list": [value, {"inner": value, "empty": {}}, []]}
    assert yaml.safe_load(text(document)) == document
    if isinstance(value, str):
        assert yaml.safe_load(text({"a": {value: "b"}})) == {"a": {value: "b"}}


def test_advice_marks_what_goes_and_what_comes():
    given = replace(written(container("lifecycle_plain")), privileged=True)
    found = advice(BY_SLUG["privileged"], given)
    assert [rendering.form for rendering in found.renderings] == ["docker run", "Compose"]
    run = found.renderings[0]
    assert Line("removed", "  --privileged \\") in run.lines
    assert Line("added", "  --cap-drop ALL \\") in run.lines
    assert Line("same", "  --name lifecycle_plain \\") in run.lines
    assert "-  --privileged \\" in run.diff.split("\n")
    assert "privileged" not in found.renderings[1].text
    assert found.summary == BY_SLUG["privileged"].fix.summary


def test_advice_without_a_container_shows_an_example_with_the_bad_flags():
    [run, _] = advice(BY_SLUG["restart-policy"]).renderings
    assert "-  --restart=always \\" in run.diff
    assert "+  --restart on-failure:5 \\" in run.diff


def test_advice_fills_the_containers_own_names_into_commands():
    fix = Fix("", commands=("docker logs {name}", "docker pull {image}"))
    given = replace(PLAIN, name="a b", image="nginx:1.27")
    [commands] = advice(rule_with(fix), given).renderings
    assert commands.text == "docker logs 'a b'\ndocker pull nginx:1.27"
    assert {line.mark for line in commands.lines} == {"same"}


def test_advice_for_the_image_and_for_the_daemon_is_there_where_the_rule_has_it():
    fix = Fix("", dockerfile="USER 1000\n", daemon={"icc": False}, change=lambda given: given)
    [dockerfile, daemon] = advice(rule_with(fix)).renderings
    assert dockerfile.diff == "+USER 1000"
    assert json.loads(daemon.text) == {"icc": False}


def test_advice_never_fails_on_a_container_of_which_little_is_known():
    little = PartialContainer(id="0123456789ab", name="web")
    for rule in BY_SLUG.values():
        assert advice(rule, little).summary
