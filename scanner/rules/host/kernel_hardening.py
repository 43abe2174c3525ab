"""Values of the kernel that make its weaknesses harder to use."""

from collections.abc import Iterator
from typing import Annotated

import msgspec

from scanner.context import Context
from scanner.model import Host, Unread
from scanner.rule import Evidence, Family, Fix, Flaw, Rule, Severity, Shown, flaw

Wanted = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_.]+ = [0-9]+( or [0-9]+)*$")]
RECOMMENDED = (
    "fs.protected_fifos = 1 or 2",
    "fs.protected_hardlinks = 1",
    "fs.protected_regular = 1 or 2",
    "fs.protected_symlinks = 1",
    "fs.suid_dumpable = 0 or 2",
    "kernel.dmesg_restrict = 1",
    "kernel.kptr_restrict = 1 or 2",
    "kernel.perf_event_paranoid = 2 or 3 or 4",
    "kernel.randomize_va_space = 2",
    "kernel.unprivileged_bpf_disabled = 1 or 2",
    "kernel.yama.ptrace_scope = 1 or 2 or 3",
    "net.ipv4.conf.all.accept_redirects = 0",
    "net.ipv4.conf.all.accept_source_route = 0",
    "net.ipv4.tcp_syncookies = 1 or 2",
    "net.ipv6.conf.all.accept_redirects = 0",
    "vm.unprivileged_userfaultfd = 0",
)


class Parameters(msgspec.Struct, frozen=True):
    wanted: Annotated[
        tuple[Wanted, ...],
        msgspec.Meta(description="Values that are right; one that a kernel lacks does not count"),
    ] = RECOMMENDED


def check(host: Host, context: Context, parameters: Parameters) -> Iterator[Flaw | Shown]:
    machine, unread = context.machine, None
    for line in parameters.wanted:
        name, _, values = line.partition(" = ")
        try:
            found = machine.sysctl(name)
        except Unread as error:
            unread = error
            continue
        if found is not None and found not in values.split(" or "):
            yield flaw(f"sysctl: {name}", found, values, sub_object=name)
    if unread:
        raise unread
    yield Shown((Evidence("kernel", machine.kernel),))


RULE = Rule(
    slug="kernel-hardening",
    title="Kernel's protections are not all switched on",
    subject=Host,
    severity=Severity.LOW,
    family=Family.HOST,
    report="2.1(1)",
    cis=("1.2.1",),
    reads=("/proc/sys",),
    why=(
        "All containers share the host's kernel, and a hole in it is a hole in each of them. These "
        "values take from an attacker what most ways through such holes begin with."
    ),
    links=(
        "https://docs.kernel.org/admin-guide/sysctl/kernel.html",
        "https://docs.kernel.org/admin-guide/sysctl/fs.html",
        "https://docs.kernel.org/networking/ip-sysctl.html",
    ),
    parameters=Parameters,
    check=check,
    fix=Fix(
        summary="Set the values, and keep them over a restart in a file below /etc/sysctl.d.",
        side_effects=(
            "Debuggers and profilers need root for the processes of others, and dmesg needs root. "
            "A router or a VPN gateway may need redirects."
        ),
        commands=(
            "# leave out what is right already: it may be stricter than this",
            "cat > /etc/sysctl.d/60-hardening.conf <<'END'\n"
            + "".join(f"-{line.partition(' or ')[0]}\n" for line in RECOMMENDED)
            + "END",
            "sysctl --load /etc/sysctl.d/60-hardening.conf",
        ),
    ),
)
