"""Linux capabilities by name, without the CAP_ prefix. Source: capabilities(7), Linux 6.18, and
the default set of Docker Engine (docs.docker.com/engine/security, runtime privilege)."""

DEFAULT_CAPABILITIES = frozenset(
    {
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "NET_RAW",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    }
)

# Podman's default set. Source: containers.conf(5), default_capabilities.
PODMAN_CAPABILITIES = DEFAULT_CAPABILITIES - {"AUDIT_WRITE", "MKNOD", "NET_RAW"}

DANGEROUS_CAPABILITIES = frozenset(
    {
        "BPF",
        "CHECKPOINT_RESTORE",
        "DAC_READ_SEARCH",
        "MAC_ADMIN",
        "MAC_OVERRIDE",
        "NET_ADMIN",
        "PERFMON",
        "SYS_ADMIN",
        "SYS_BOOT",
        "SYS_MODULE",
        "SYS_PTRACE",
        "SYS_RAWIO",
        "SYS_TIME",
        "SYSLOG",
    }
)

ALL_CAPABILITIES = (
    DEFAULT_CAPABILITIES
    | DANGEROUS_CAPABILITIES
    | {
        "AUDIT_CONTROL",
        "AUDIT_READ",
        "BLOCK_SUSPEND",
        "IPC_LOCK",
        "IPC_OWNER",
        "LEASE",
        "LINUX_IMMUTABLE",
        "NET_BROADCAST",
        "SYS_NICE",
        "SYS_PACCT",
        "SYS_RESOURCE",
        "SYS_TTY_CONFIG",
        "WAKE_ALARM",
    }
)


def normalise(name: str) -> str:
    """`cap_net_admin`, `CAP_NET_ADMIN` and `NET_ADMIN` are one; `ALL` is kept as it is."""
    return name.strip().upper().removeprefix("CAP_")
