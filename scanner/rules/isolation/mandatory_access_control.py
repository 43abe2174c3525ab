"""Neither AppArmor nor SELinux stands behind the containers of this host."""

from collections.abc import Iterator

from scanner.context import Context
from scanner.model import Host
from scanner.rule import Family, Fix, Flaw, NoParameters, Rule, Severity, Shown, flaw, shown


def check(host: Host, context: Context, parameters: NoParameters) -> Iterator[Flaw | Shown]:
    options = list(host.security_options)
    if host.has_apparmor or host.has_selinux:
        yield shown("info: SecurityOptions", options)
    else:
        yield flaw("info: SecurityOptions", options, "name=apparmor or name=selinux")


RULE = Rule(
    slug="mandatory-access-control",
    title="Host offers its containers neither AppArmor nor SELinux",
    subject=Host,
    severity=Severity.MEDIUM,
    family=Family.ISOLATION,
    report="1.1(1), 1.1(2)",
    reads=("info: SecurityOptions",),
    why=(
        "AppArmor and SELinux hold when everything else has failed: they bind root too. On a host "
        "without either, whoever gets round a container's namespaces meets no second wall."
    ),
    links=(
        "https://docs.docker.com/engine/security/apparmor/",
        "https://docs.docker.com/reference/cli/dockerd/",
    ),
    check=check,
    fix=Fix(
        summary=(
            "Run a kernel with AppArmor (Debian, Ubuntu, SUSE) or switch SELinux on in the kernel "
            "and in the engine (Fedora, RHEL)."
        ),
        side_effects=(
            "The engine must be restarted, and a kernel without the module needs another one or "
            "other boot parameters. Containers that relied on its absence may be denied things."
        ),
        daemon={"selinux-enabled": True},
        commands=(
            "cat /sys/kernel/security/lsm",
            "apt-get install apparmor",
            "systemctl restart docker",
        ),
    ),
)
