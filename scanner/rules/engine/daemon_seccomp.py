"""The seccomp profile of containers that name none of their own."""

from collections.abc import Iterator

from scanner.context import Context
from scanner.model import Host
from scanner.rule import Family, Fix, Flaw, NoParameters, Rule, Severity, Shown, flaw, shown

FACT = "info: SecurityOptions"


def check(host: Host, context: Context, parameters: NoParameters) -> Iterator[Flaw | Shown]:
    option = host.security_option("seccomp")
    if option is None:
        yield flaw(FACT, "no seccomp", "name=seccomp")
        return
    profile = option.get("profile", "default")
    found = f"name=seccomp,profile={profile}"
    yield flaw(FACT, found, "a profile") if profile == "unconfined" else shown(FACT, found)


RULE = Rule(
    slug="daemon-seccomp",
    title="Engine gives containers no seccomp profile",
    subject=Host,
    severity=Severity.HIGH,
    family=Family.ENGINE,
    report="1.1(4)",
    cis=("2.17",),
    reads=(FACT,),
    why=(
        "The engine's profile is what keeps containers from the system calls that attacks on the "
        "kernel begin with. Where the daemon has none, every container that does not bring its "
        "own may make all of them."
    ),
    links=("https://docs.docker.com/engine/security/seccomp/",),
    check=check,
    fix=Fix(
        summary="Take the setting out, so that the daemon uses its own profile again.",
        side_effects=(
            "Programs that need a refused system call fail: give those containers a profile that "
            "allows it. Containers have the new profile after their next start."
        ),
        daemon={"seccomp-profile": ""},
        commands=("systemctl restart docker", "docker info --format '{{.SecurityOptions}}'"),
    ),
)
