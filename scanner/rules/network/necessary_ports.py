"""Ports that are published without need."""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Annotated

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container
from scanner.rule import Family, Fix, Flaw, Rule, Severity, flaw


class Parameters(msgspec.Struct, frozen=True):
    necessary: Annotated[
        dict[str, tuple[str, ...]],
        msgspec.Meta(
            description="Ports of the container, like 8080/tcp or 8080, that may be published, by "
            "image (without tag) or by group: a workload such as compose/shop/web, or compose/shop "
            "for the whole project; * stands for any text"
        ),
    ] = {}


def check(container: Container, context: Context, parameters: Parameters) -> Iterator[Flaw]:
    # Ports of a shared network namespace serve every container in it.
    members = context.network_members(container)
    listed = _listed(members, parameters)
    if (
        listed is None
        and members[0].publish_all
        and members[0].network_mode not in {"host", "none"}
    ):
        wanted = "each necessary port by its number"
        yield flaw("HostConfig.PublishAllPorts", True, wanted, sub_object="--publish-all")
    for fact, port in context.published_ports(container):
        necessary = _exposed(members, context) if listed is None else listed
        if port.inside not in necessary:
            source = "the image exposes" if listed is None else "the policy lists"
            wanted = f"only what {source}: {', '.join(sorted(necessary)) or 'nothing'}"
            yield flaw(fact, port.facts, wanted, sub_object=str(port))


def _listed(members: Sequence[Container], parameters: Parameters) -> set[str] | None:
    """None where the policy says nothing of any of them."""
    lists = [
        ports
        for pattern, ports in parameters.necessary.items()
        if any(fnmatchcase(name, pattern) for member in members for name in member.policy_names)
    ]
    ports = {port if "/" in port else f"{port}/tcp" for ports in lists for port in ports}
    return ports if lists else None


def _exposed(members: Sequence[Container], context: Context) -> set[str]:
    return {port for c in members for port in context.image(c.image_id).exposed_ports}


def change(container: Container) -> Container:
    return replace(container, publish_all=False)


RULE = Rule(
    slug="necessary-ports",
    title="Container publishes ports that nobody has asked for",
    subject=Container,
    severity=Severity.MEDIUM,
    family=Family.NETWORK,
    report="1.3(3)",
    cis=("5.9",),
    reads=(
        "NetworkSettings.Ports",
        "HostConfig.PortBindings",
        "HostConfig.PublishAllPorts",
        "images: Config.ExposedPorts",
    ),
    why=(
        "Every published port is a way in from outside the host. One that the image does not "
        "declare is often left from debugging, and --publish-all opens whatever the next image "
        "happens to declare."
    ),
    links=("https://docs.docker.com/engine/network/port-publishing/",),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Publish only what is called from outside the host, each port by its number, and list "
            "it in the policy or declare it in the image."
        ),
        side_effects="Whoever used the other ports from outside is cut off.",
        change=change,
        bad=("--publish-all",),
        dockerfile="EXPOSE 8080\n",
    ),
)
