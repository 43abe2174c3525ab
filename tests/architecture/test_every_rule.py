"""What must hold of every rule there is."""

import re
from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest
import yaml

import scanner.rules
from scanner.model import Container, Host, Image, Network
from scanner.remedy import advice, compose, docker_run, written
from scanner.rules import BY_SLUG, RULES
from tests.recorded import container

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(scanner.rules.__path__[0])

CATALOGUE = {
    "isolation": """
        apparmor-profile selinux-label mandatory-access-control added-capabilities
        dropped-capabilities effective-capabilities privileged no-new-privileges seccomp-profile
        ulimits host-pid-namespace host-ipc-namespace host-uts-namespace host-user-namespace
        host-cgroup-namespace
    """,
    "resources": """
        memory-limit memory-swap-limit cpu-limit pids-limit oom-killer writable-root-filesystem
        storage-quota shared-writable-volume sensitive-host-mount engine-socket-mount
        mount-propagation host-devices cow-storage-driver
    """,
    "network": """
        host-network default-bridge privileged-ports necessary-ports port-interface
        remote-login-service inter-container-traffic overlay-encryption
    """,
    "lifecycle": """
        restart-policy restart-loop root-user healthcheck unhealthy mutable-image-tag
        outdated-image secrets-in-environment
    """,
    "images": """
        image-exposed-ports image-user image-healthcheck image-add-instruction image-secrets
        image-update-only image-age image-unused image-sprawl image-remote-login
    """,
    "engine": """
        live-restore userland-proxy insecure-registries engine-tls userns-remap daemon-seccomp
        experimental-off log-driver log-level iptables authorization-plugin
        default-no-new-privileges default-ulimits default-cgroup-parent engine-version
        container-sprawl
    """,
    "swarm": """
        swarm-unneeded swarm-managers swarm-autolock swarm-certificate-expiry swarm-secrets
    """,
    "host": """
        audit-rules certificate-permissions configuration-in-force configuration-permissions
        docker-group-members kernel-hardening separate-partition service-unit-permissions
        socket-permissions
    """,
}

SECTIONS = {"1.1", "1.2", "1.3", "1.4", "2.1(1)"} | {
    f"{section}({part})"
    for section, parts in (("1.1", 6), ("1.2", 3), ("1.3", 4), ("1.4", 4))
    for part in range(1, parts + 1)
}

# Of the Compose specification, the keys of a service that a fix can touch.
COMPOSE_KEYS = {
    *("cap_add", "cap_drop", "cgroup", "cgroup_parent", "command", "cpu_period", "cpu_quota"),
    *("cpu_shares", "cpus", "cpuset", "deploy", "device_cgroup_rules", "devices", "entrypoint"),
    *("environment", "group_add", "healthcheck", "hostname", "image", "init", "ipc", "mem_limit"),
    *("mem_reservation", "memswap_limit", "network_mode", "networks", "oom_kill_disable"),
    *("oom_score_adj", "pid", "pids_limit", "ports", "privileged", "read_only", "restart"),
    *("runtime", "security_opt", "storage_opt", "sysctls", "tmpfs", "tty", "ulimits", "user"),
    *("userns_mode", "uts", "volumes"),
}

every_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.slug)
rules_with_a_change = pytest.mark.parametrize(
    "rule", [rule for rule in RULES if rule.fix.change is not None], ids=lambda rule: rule.slug
)


def file_of(rule):
    [file] = FOLDER.glob(f"*/{rule.slug.replace('-', '_')}.py")
    return file


def test_the_catalogue_is_complete_and_has_nothing_besides():
    expected = {(family, slug) for family, slugs in CATALOGUE.items() for slug in slugs.split()}
    assert {(rule.family.value, rule.slug) for rule in RULES} == expected


def test_no_two_rules_share_a_slug_or_a_title():
    assert len(BY_SLUG) == len(RULES) == len({rule.title for rule in RULES})


@every_rule
def test_it_lies_where_its_slug_and_family_say(rule):
    file = file_of(rule)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.slug)
    assert file.parent.name == rule.family.value or (
        file.parent.name == "host" and rule.subject is not Container
    )
    assert len(file.read_text().splitlines()) <= 105


@every_rule
def test_it_has_tests_at_the_mirrored_place(rule):
    file = file_of(rule)
    mirrored = ROOT / "tests/scanner/rules" / file.parent.name / f"test_{file.name}"
    assert "assert " in mirrored.read_text()


@every_rule
def test_it_says_what_is_wrong_and_why(rule):
    assert 10 <= len(rule.title) <= 70
    assert not rule.title.endswith(".")
    assert len(rule.why) >= 60
    assert rule.why.endswith(".")
    assert rule.fix.summary.endswith(".")
    assert rule.fix.side_effects.endswith(".")
    assert rule.subject in (Container, Host, Image, Network)
    assert rule.version >= 1


@every_rule
def test_it_names_what_it_reads_and_where_that_is_explained(rule):
    assert rule.reads
    assert rule.links
    assert all(link.startswith("https://") for link in rule.links)
    assert rule.report or rule.cis
    assert set(filter(None, rule.report.split(", "))) <= SECTIONS
    assert all(re.fullmatch(r"\d\.\d+(\.\d+)?", number) for number in rule.cis)


@every_rule
def test_its_parameters_are_described_and_have_defaults(rule):
    assert rule.parameters() == msgspec.convert({}, rule.parameters)
    for kind in get_type_hints(rule.parameters, include_extras=True).values():
        [meta] = kind.__metadata__
        assert meta.description


@every_rule
def test_it_gives_advice_in_some_form(rule):
    assert advice(rule).renderings


@rules_with_a_change
def test_its_change_can_be_applied_twice(rule):
    changed = rule.fix.change(written(container("everything")))
    assert rule.fix.change(changed) == changed


@rules_with_a_change
def test_its_change_is_valid_compose(rule):
    changed = rule.fix.change(written(container("everything")))
    document = yaml.safe_load("\n".join(compose(changed)))
    [service] = document["services"].values()
    assert set(service) <= COMPOSE_KEYS
    assert set(document) <= {"services", "networks", "volumes"}


@rules_with_a_change
def test_its_change_and_what_brings_it_about_are_named_together(rule):
    assert rule.fix.bad or rule.fix.bad_image
    assert all(flag.startswith("-") for flag in rule.fix.bad)
    assert docker_run(rule.fix.change(written(container("everything"))))
