"""An engine for whose release nobody mends holes any more."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner import lifecycles
from scanner.context import Context
from scanner.model import Host, Unread
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity, Shown

FACT = "version: Version"
OLD_DAYS = 365


class Parameters(msgspec.Struct, frozen=True):
    maintained: Annotated[
        tuple[str, ...],
        msgspec.Meta(
            description="Releases, like 20.10, that somebody else maintains for you: a "
            "distribution, or a supplier with a contract"
        ),
    ] = ()


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    found = lifecycles.release(host.version)
    if found is not None and "{}.{}".format(*found) in parameters.maintained:
        yield Shown((Evidence(FACT, host.version),))
        return
    row = lifecycles.lifecycle(host.engine, host.version)
    today = context.taken_at.date()
    if row is not None and row.ended is not None:
        ended = str(row.ended)
        facts = (
            Evidence(FACT, host.version, "a release that is maintained"),
            Evidence("end of maintenance", ended, f"of {row.release}, by {row.source}"),
        )
        if row.ended < today:
            yield Flaw(facts)
            return
    checked = f"the table of releases was last checked on {lifecycles.CHECKED}"
    if (today - lifecycles.CHECKED).days > OLD_DAYS:
        raise Unread(FACT, f"{checked}, more than a year before: update Plimsoll")
    if row is None:
        raise Unread(FACT, f"nothing is known of the release {host.version[:40]!r}; {checked}")
    until = str(row.ended) if row.ended else "the next release"
    facts = (Evidence(FACT, host.version), Evidence("maintained until", until, f"by {row.source}"))
    yield Shown(facts)


RULE = Rule(
    slug="engine-version",
    title="Engine's release is past its end of life",
    subject=Host,
    severity=Severity.HIGH,
    family=Family.ENGINE,
    report="",
    cis=("1.2.2",),
    reads=(FACT, "time"),
    why=(
        "Holes that are found in the engine are mended in releases that are maintained, and told "
        "to everybody at the same time. An older one stays open to attacks that are public."
    ),
    links=(
        "https://github.com/moby/moby/blob/master/project/BRANCHES-AND-TAGS.md",
        "https://endoflife.date/docker-engine",
        "https://endoflife.date/podman",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary=(
            "Update to a release that is maintained. Where a distribution or a supplier still "
            "mends the one that you have, list it in the policy."
        ),
        side_effects=(
            "Read what has changed since: old versions of the API, storage drivers and options "
            "are taken out over time. Try it on one host first."
        ),
        commands=(
            "docker version --format '{{.Server.Version}}'",
            "apt-get update && apt-get install docker-ce docker-ce-cli containerd.io",
        ),
    ),
)
