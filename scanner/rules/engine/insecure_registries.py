"""Registries that the engine talks to without checking who they are."""

import ipaddress
from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Host, Unread
from scanner.rule import Family, Fix, Flaw, Rule, Severity, flaw

RANGES = "info: RegistryConfig.InsecureRegistryCIDRs"
REGISTRIES = "info: RegistryConfig.IndexConfigs"
LOOPBACK = tuple(map(ipaddress.ip_network, ("127.0.0.0/8", "::1/128")))


class Parameters(msgspec.Struct, frozen=True):
    allowed: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="Registries, by host and port or as a range of addresses, that may be "
            "used without TLS"
        ),
    ] = ()


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    if host.engine == "podman":
        raise Unread(REGISTRIES, "Podman has them in registries.conf and does not tell")
    for name, secure in sorted(host.registries.items()):
        if not secure and not _local(name) and name not in parameters.allowed:
            yield flaw(f"{REGISTRIES}.{name}.Secure", False, "true", sub_object=name)
    if not host.insecure_ranges:
        raise Unread(RANGES, "the engine names none, not even its own loopback addresses")
    for text in host.insecure_ranges:
        if not _loopback(text) and text not in parameters.allowed:
            yield flaw(RANGES, text, "loopback addresses alone", sub_object=text)


def _loopback(text: str) -> bool:
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return any(found.version == n.version and found.subnet_of(n) for n in LOOPBACK)  # type: ignore[arg-type]


def _local(name: str) -> bool:
    """A registry on the host itself: nobody stands between."""
    address = name.rpartition(":")[0] or name
    return address == "localhost" or _loopback(address.strip("[]"))


RULE = Rule(
    slug="insecure-registries",
    title="Engine uses registries without checking their certificates",
    subject=Host,
    severity=Severity.HIGH,
    family=Family.ENGINE,
    report="",
    cis=("2.5",),
    reads=(REGISTRIES, RANGES),
    why=(
        "From such a registry images come over plain HTTP, or over TLS with whatever certificate. "
        "Whoever can stand in between gives the host an image of their own to run, and reads the "
        "credentials of those who push."
    ),
    links=("https://docs.docker.com/reference/cli/dockerd/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Give the registry a certificate, put its CA into /etc/docker/certs.d, and take the "
            "registry out of the list."
        ),
        side_effects="Pulls from it fail until its certificate is accepted.",
        daemon={"insecure-registries": []},
        commands=(
            "install -D ca.crt /etc/docker/certs.d/REGISTRY:PORT/ca.crt",
            "systemctl reload docker",
        ),
    ),
)
