"""A program that may not gain privileges cannot become root by a set-user-id file."""

from collections.abc import Iterator

from msgspec.structs import replace

from scanner.context import Context
from scanner.machine import Option
from scanner.model import Container, Host, Unread
from scanner.rule import Evidence, Family, Fix, Flaw, NoParameters, Rule, Severity, Shown, shown

NAME = "no-new-privileges"
ON = {"", "1", "t", "true"}  # "" is the bare option
FIRST_TO_SHOW = (1, 43)  # the API version that shows the daemon's default


def check(
    container: Container, context: Context, parameters: NoParameters
) -> Iterator[Flaw | Shown]:
    own = container.security_options(NAME)
    options = [option for option in container.security_opt if NAME in option.lower()]
    if own:
        if own[-1].lower() not in ON:
            yield Flaw((Evidence("HostConfig.SecurityOpt", options, f"{NAME}:true"),))
    elif context.host.security_option(NAME) is not None:
        yield shown("info: SecurityOptions", f"name={NAME}")
    else:
        default = _hidden_default(context)
        if default is not None and default.value is True:
            yield shown(default.fact, True)
            return
        known = default is not None or context.host.api >= FIRST_TO_SHOW
        yield Flaw(
            (
                Evidence("HostConfig.SecurityOpt", options, NAME),
                Evidence("info: SecurityOptions", _daemon(context.host, known), f"name={NAME}"),
            )
        )


def _hidden_default(context: Context) -> Option | None:
    """What the machine tells of the daemon, where the engine itself is too old to."""
    if context.host.api >= FIRST_TO_SHOW:
        return None
    try:
        return context.machine.daemon.option(NAME)
    except Unread:
        return None


def _daemon(host: Host, known: bool) -> str:
    """An engine that cannot show its default is taken to have none: few set it."""
    if known:
        return "the daemon does not set it by default"
    return f"API {host.api_version} does not show the daemon's default; 1.43 and later do"


def change(container: Container) -> Container:
    others = tuple(o for o in container.security_opt if not o.strip().startswith(NAME))
    return replace(container, security_opt=(*others, f"{NAME}:true"))


RULE = Rule(
    slug="no-new-privileges",
    title="Container's processes can gain new privileges",
    subject=Container,
    severity=Severity.HIGH,
    family=Family.ISOLATION,
    report="1.1(3)",
    cis=("5.26",),
    reads=(
        "HostConfig.SecurityOpt",
        "info: SecurityOptions",
        "version: ApiVersion",
        f"dockerd: {NAME}",
    ),
    why=(
        "An intruder who is an ordinary user in the container can become root there through any "
        "set-user-id program of the image. The kernel's no_new_privs bit closes that way for the "
        "program and all that it starts."
    ),
    links=(
        "https://docs.docker.com/reference/cli/docker/container/run/#security-opt",
        "https://docs.kernel.org/userspace-api/no_new_privs.html",
    ),
    check=check,
    fix=Fix(
        summary="Set no-new-privileges for the container, or as the daemon's default for all.",
        side_effects="Programs that need sudo, su or ping with a set-user-id bit stop working.",
        change=change,
        bad=("--security-opt=no-new-privileges:false",),
        daemon={"no-new-privileges": True},
    ),
)
