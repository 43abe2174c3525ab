"""What an engine leaves out, or answers with null, never makes a rule pass.

Recorded answers with one thing missing, as older, newer or broken engines send them, through the
parser and every rule.
"""

import functools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import pytest

from scanner import parse, wire
from scanner.evaluate import evaluate
from scanner.model import Container, Host, Image, Process, Snapshot, Swarm
from scanner.rule import Verdict
from scanner.rules import RULES
from tests.recorded import ENGINE, HERE, answer, networks, volumes
from tests.recorded.machines import machine

ANSWERS = {
    file.stem: file.read_bytes()
    for file in sorted((HERE / ENGINE).glob("*.json"))
    if not file.stem.startswith("_")
}
NETWORKS = networks("_networks_network")
# The recorded engine's kernel has neither of the two.
MODULES = ["name=seccomp,profile=default", "name=apparmor", "name=selinux"]

# Fields that the engine leaves out where they are empty: absent is empty, and may pass.
OMITTED = {
    "Config.ExposedPorts",
    "Config.Healthcheck",
    "HostConfig.DeviceRequests",  # not known before API 1.40
    "HostConfig.Mounts",
    "HostConfig.StorageOpt",
    "HostConfig.CgroupnsMode",  # not known before API 1.41
    "HostConfig.Capabilities",  # not known after API 1.40
    "State.Health",
    "info: CgroupVersion",  # not known before API 1.41
    "info: FirewallBackend.Info",  # only where there is something to say
    "info: Swarm.Managers",  # of managers alone
    "info: Swarm.Nodes",
    "service: Endpoint.Ports",
    "service: Spec.EndpointSpec",  # without it, the swarm has picked all ports by itself
    "service: Spec.EndpointSpec.Ports",
    "service: Spec.TaskTemplate.ContainerSpec.Env",
    "service: Spec.TaskTemplate.RestartPolicy",  # the swarm's own has no end
    "service: Spec.TaskTemplate.RestartPolicy.Condition",
    "service: Spec.TaskTemplate.RestartPolicy.MaxAttempts",
    "swarm: RootRotationInProgress",
}
# Lists and pointers for which null is what the engine says for none.
NULL_IS_NONE = OMITTED | {
    "Config.Cmd",
    "Config.Entrypoint",
    "Config.Env",
    "Config.Labels",
    "HostConfig.CapAdd",
    "HostConfig.CapDrop",
    "HostConfig.DeviceCgroupRules",
    "HostConfig.Devices",
    "HostConfig.OomKillDisable",
    "HostConfig.PidsLimit",
    "HostConfig.SecurityOpt",
    "HostConfig.Ulimits",
    "HostConfig.PortBindings",
    "NetworkSettings.Networks",
    "NetworkSettings.Ports",
    "info: DriverStatus",
    "info: Plugins.Authorization",
    "info: RegistryConfig.IndexConfigs",
    "info: SecurityOptions",
    "info: Warnings",
}


# What rules say of images is in test_missing_image_facts.py.
JUDGED = tuple(rule for rule in RULES if rule.subject is not Image)

Verdicts = dict[tuple[str, str], set[Verdict]]
"""By name of the recording and rule."""


def images() -> tuple[Image, ...]:
    return tuple(
        msgspec.structs.replace(image, inspected=True, exposed_ports=("8080/tcp",))
        for image in parse.images(json.dumps(answer("_images")).encode())
    )


IMAGES = images()
WHOLE = {
    "images": IMAGES,
    "networks": NETWORKS,
    "volumes": (),
    "machine": machine("open"),
    "taken_at": "2026-11-25T02:00:00+00:00",
    "reached": "unix",
}


def change_nothing(document: Any) -> None:
    """The answer as it is."""


def changed(path: str, *, null: bool) -> Callable[[Any], None]:
    """Takes the field out, or answers it with null."""

    def change(document: Any) -> None:
        *parents, name = path.split(".")
        for parent in parents:
            document = document.get(parent)
            if document is None:
                return
        if null:
            document[name] = None
        else:
            document.pop(name, None)

    return change


def stopped(document: Any) -> None:
    """There is no process list then."""
    document["State"]["Status"] = "exited"


def volumes_unlisted(document: Any) -> None:
    """A name that nobody has listed, of a volume that was there before the container."""
    document["HostConfig"].pop("Mounts", None)
    for mount in document["Mounts"]:
        if mount["Type"] == "volume":
            mount["Name"] += "-unlisted"


def container(name: str, change: Callable[[Any], None]) -> Container:
    """With the processes of a running one, which are read separately."""
    document = answer(name)
    listed = volumes(document)
    user = 1000 if document["Config"]["User"] else 0
    change(document)
    found = parse.container(json.dumps(document).encode(), listed)
    values = {key: object.__getattribute__(found, key) for key in found.__struct_fields__}
    if values["status"] != "running":
        return found
    return parse.make(**values | {"processes": (Process(user, "sleep"),)})


def host(change: Callable[[Any], None] = change_nothing, info: str = "_info") -> Host:
    document = {"info": answer(info), "version": answer("_version")}
    document["info"]["SecurityOptions"] = MODULES
    if info == "_swarm_info":
        document["info"]["Name"] = "manager"
        as_29_5(document)
    change(document)
    return parse.host(
        json.dumps(document["version"]).encode(), json.dumps(document["info"]).encode()
    )


def manager(change: Callable[[Any], None] = change_nothing) -> Host:
    """Of a swarm, and of a release that tells more."""
    return host(change, "_swarm_info")


def as_29_5(document: Any) -> None:
    """API 1.54, which the recorded engine does not speak yet; the userland proxy is on."""
    document["version"] |= {"Version": "29.5.0", "ApiVersion": "1.54"}
    proxy = [["EnableUserlandProxy", "true"]]
    document["info"]["FirewallBackend"] = {"Driver": "iptables", "Info": proxy}


def swarm(about: str = "", change: Callable[[Any], None] = change_nothing) -> Swarm:
    """`about` is what changes: the "swarm" itself, or each "service"."""
    names = ("_swarm", "_swarm_nodes", "_swarm_services", "_swarm_secrets")
    whole, nodes, services, secrets = map(answer, names)
    for document in {"swarm": [whole], "service": services}.get(about, ()):
        change(document)
    bodies = (json.dumps(document).encode() for document in (whole, nodes, services, secrets))
    return parse.swarm(*bodies)


def judged(
    change: Callable[[Any], None] = change_nothing, names: Iterable[str] = (), **other: Any
) -> Verdicts:
    """All of them on one host, each of them changed, and a task on the manager of a swarm."""
    recordings = tuple(names) or representative()
    containers = tuple(container(name, change) for name in recordings)
    named = {found.id: name for found, name in zip(containers, recordings, strict=True)}
    values = {**WHOLE, "host": host(), "manager": manager(), "swarm": swarm(), **other}
    second = {"host": values.pop("manager"), "swarm": values.pop("swarm")}
    if values["networks"] is not None:
        second["networks"] = networks("_swarm_networks")
    results = evaluate(Snapshot(containers=containers, **values))
    task = container("_swarm_task", change)
    results += evaluate(Snapshot(containers=(task,), **values | second))
    verdicts: Verdicts = {}
    for result in results:
        assert "could not be judged" not in result.reason, result
        subject = named.get(result.subject.id, result.subject.name)
        verdicts.setdefault((subject, result.rule), set()).add(result.verdict)
    return verdicts


@functools.cache
def representative() -> tuple[str, ...]:
    """Recordings with every verdict of every rule, and those whose namespaces they join."""
    seen: Counter[tuple[str, frozenset[Verdict]]] = Counter()
    kept = {name for name in ANSWERS if re.search("joins|host|shared|pod|service", name)}
    for (name, rule), verdicts in judged(names=ANSWERS).items():
        if name in ANSWERS and seen[rule, frozenset(verdicts)] < 2:
            seen[rule, frozenset(verdicts)] += 1
            kept.add(name)
    return tuple(sorted(kept))


@functools.cache
def usual() -> Verdicts:
    return judged()


@functools.cache
def without(fact: str, *, null: bool = False) -> Verdicts:
    """`fact` as rules name it in `reads`."""
    answer_to, _, path = fact.rpartition(": ")
    if answer_to in ("info", "version"):
        change = changed(f"{answer_to}.{path}", null=null)
        return judged(host=host(change), manager=manager(change))
    if answer_to in ("swarm", "service"):
        return judged(swarm=swarm(answer_to, changed(path, null=null)))
    for beginning, unread in UNREAD_WITHOUT.items():
        if fact.startswith(beginning):
            return judged(**unread)
    if answer_to in ("images", "networks"):
        return judged(**{answer_to: None})
    if fact == "volumes: Options":
        return judged(volumes_unlisted)
    if fact == "top: processes":
        return judged(stopped)
    return judged(changed(fact, null=null))


# What is not read where a fact is missing that has no field of its own in the recordings.
UNREAD_WITHOUT: dict[str, dict[str, Any]] = {
    "services": {"swarm": None},
    "secrets": {"swarm": None},
    "address": {"reached": ""},
    "time": {"taken_at": ""},
    "dockerd": {"machine": None},
    "host files": {"machine": None},
    "auditctl": {"machine": None},
    "/": {"machine": None},
}


def fields(kind: Any, before: str = "") -> Iterator[str]:
    """Each that we read of an answer, and each object round them."""
    for field in msgspec.structs.fields(kind):
        path = f"{before}{field.name}"
        if field.name not in ("Id", "ID", "Name", "Names"):
            yield path
        inner = wire._struct_of(field.type)
        if inner is not None and "list[" not in str(field.type):
            yield from fields(inner, f"{path}.")


FIELDS = (
    *fields(wire.ContainerJson),
    *fields(wire.InfoJson, "info: "),
    *fields(wire.VersionJson, "version: "),
    *fields(wire.SwarmJson, "swarm: "),
    *fields(wire.ServiceJson, "service: "),
)
# Of these, the recorded engine shows neither a pass nor a fail.
SILENT = {"host-user-namespace", "storage-quota", "unhealthy"}
# What decides only together with something that the recordings do not show, or not at all here.
DOES_WITHOUT = {
    ("cow-storage-driver", "info: DriverStatus"): "for devicemapper",
    ("default-bridge", "networks: Options"): "the default bridge is called bridge on every engine",
    ("default-ulimits", "HostConfig.Ulimits"): "then the machine tells",
    ("default-ulimits", "dockerd: default-ulimits"): "then containers without limits tell",
    ("engine-socket-mount", "info: SecurityOptions"): "for sockets of an engine without root",
    ("memory-limit", "HostConfig.MemorySwap"): "if the policy asks for it",
    ("mutable-image-tag", "Image"): "for a name that looks like an id",
    ("no-new-privileges", "dockerd: no-new-privileges"): "then the daemon is taken to set nothing",
    ("overlay-encryption", "networks: Driver"): "without networks there is no subject",
    ("overlay-encryption", "networks: Ingress"): "without networks there is no subject",
    ("overlay-encryption", "networks: Options.encrypted"): "without networks there is no subject",
    ("root-user", "top: processes"): "then the configuration decides",
    ("root-user", "HostConfig.UsernsMode"): "where the engine remaps users",
    ("swarm-unneeded", "info: Swarm.ControlAvailable"): "where no task tells that it is needed",
    ("swarm-unneeded", "services"): "where no task tells that it is needed",
}
# A neighbour that was not read is unknown itself, and spoils nothing.
OF_THE_NEIGHBOUR = {("shared-writable-volume", "volumes: Options")}
NOT_ALWAYS_READ: dict[tuple[str, str], str] = {}


def turned(changed: Verdicts, slug: str = "") -> set[tuple[str, str]]:
    """What passes only because something is missing."""
    return {
        unit
        for unit, verdicts in changed.items()
        if verdicts == {Verdict.PASS}
        and usual().get(unit, {Verdict.PASS}) != {Verdict.PASS}
        and slug in ("", unit[1])
    }


def test_the_recordings_show_what_rules_can_say() -> None:
    shown = {(rule, verdict) for (_, rule), found in usual().items() for verdict in found}
    silent = {
        rule.slug
        for rule in JUDGED
        if not {(rule.slug, Verdict.PASS), (rule.slug, Verdict.FAIL)} & shown
    }
    assert silent == SILENT


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_is_missing_makes_nothing_pass(field: str) -> None:
    if field not in OMITTED:
        assert turned(without(field)) == set()


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_is_null_makes_nothing_pass(field: str) -> None:
    if field not in NULL_IS_NONE:
        assert turned(without(field, null=True)) == set()


@pytest.mark.parametrize(
    ("slug", "fact"), [(rule.slug, fact) for rule in JUDGED for fact in rule.reads]
)
def test_what_a_rule_reads_is_unknown_where_it_is_missing(slug: str, fact: str) -> None:
    found = without(fact)
    if fact not in OMITTED and (slug, fact) not in OF_THE_NEIGHBOUR:
        assert turned(found, slug) == set()
    unknown = {
        unit
        for unit, verdicts in found.items()
        if unit[1] == slug and Verdict.UNKNOWN in verdicts - usual()[unit]
    }
    assert unknown or fact in OMITTED or (slug, fact) in DOES_WITHOUT or slug in SILENT
