"""Without a seccomp profile every system call of the host's kernel is within reach."""

from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from scanner.context import Context
from scanner.model import Container, Unread
from scanner.rule import Family, Fix, Flaw, NoParameters, Rule, Severity, Shown, flaw, shown

FACT = "HostConfig.SecurityOpt"
WANTED = "a profile that refuses what it does not name"
ALLOWING = {"SCMP_ACT_ALLOW", "SCMP_ACT_LOG"}  # to log a call is to allow it
THE_ENGINES_OWN = {"default", "builtin"}


def check(
    container: Container, context: Context, parameters: NoParameters
) -> Iterator[Flaw | Shown]:
    if container.privileged:
        yield flaw("HostConfig.Privileged", True, "false: privileged switches seccomp off")
    elif (own := (container.security_options("seccomp") or ("",))[-1]) == "unconfined":
        yield flaw(FACT, "seccomp=unconfined", WANTED)
    elif (engine := context.host.security_option("seccomp")) is None:
        yield flaw("info: SecurityOptions", "no seccomp", "name=seccomp")
    elif own:
        yield from _judged(own)
    elif (profile := engine.get("profile", "default")) == "unconfined":
        yield flaw("info: SecurityOptions", "name=seccomp,profile=unconfined", WANTED)
    elif profile not in THE_ENGINES_OWN:
        yield shown("info: SecurityOptions", f"name=seccomp,profile={profile}")


def _judged(profile: str) -> Iterator[Flaw | Shown]:
    """The command line sends a profile's text; only a name stands for one of the host's."""
    if not profile.startswith("{"):
        yield shown(FACT, f"seccomp={profile}")
        return
    action = _default_action(profile)
    found = f"seccomp: a profile of its own, defaultAction {action}"
    yield flaw(FACT, found, WANTED) if action in ALLOWING else shown(FACT, found)


def _default_action(profile: str) -> str:
    try:
        members = msgspec.json.decode(profile, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise Unread(FACT, f"the seccomp profile cannot be read: {error}") from error
    # The engine takes the keys of JSON in any case, and the last of several.
    actions = [value for key, value in members.items() if key.lower() == "defaultaction"]
    if not actions or not isinstance(actions[-1], str):
        raise Unread(FACT, "the seccomp profile names no default action")
    return actions[-1]


def change(container: Container) -> Container:
    others = tuple(o for o in container.security_opt if not o.strip().startswith("seccomp"))
    return replace(container, privileged=False, security_opt=others)


RULE = Rule(
    slug="seccomp-profile",
    title="Container runs without a seccomp profile",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.ISOLATION,
    report="1.1(4)",
    cis=("5.22",),
    reads=(FACT, "HostConfig.Privileged", "info: SecurityOptions"),
    why=(
        "The engine's seccomp profile refuses some dozens of system calls that programs do not "
        "need and that attacks on the kernel begin with. Without it, every flaw of the kernel "
        "that a system call can reach is within the container's reach."
    ),
    links=("https://docs.docker.com/engine/security/seccomp/",),
    check=check,
    fix=Fix(
        summary="Leave the engine's profile on, or give one that allows only what is needed.",
        side_effects=(
            "Debuggers, tracers and programs that mount may be refused a system call. Write a "
            "profile that allows these in addition, rather than none."
        ),
        change=change,
        bad=("--security-opt=seccomp=unconfined",),
    ),
)
