"""Containers with the verdicts that are right for them.

What is expected comes from the rule catalogue and from what Docker does, never from what the
scanner says. Each case names the rules that it is about; all that a rule says of the container must
be expected, and all that is expected must be said. tests/integration/test_cases.py makes them all
on one engine and scans it once.
"""

import json
from typing import Any, NamedTuple

from tests.recorded import HERE

BUSYBOX, LATEST, APP = "plimsoll/busybox:1", "plimsoll/busybox:latest", "plimsoll/app:1"
NAMED_USER, SSHD = "plimsoll/named-user:1", "plimsoll/sshd:1"
FOREVER = ("sleep", "100000")
PASS, FAIL, UNKNOWN, NOT_APPLICABLE = "pass", "fail", "unknown", "not_applicable"
CREATED, RUNNING, PAUSED, EXITED = "created", "running", "paused", "exited"
RESTARTING, STILLBORN = "restarting", "stillborn"

# Where naive scanners are wrong, by short names; each has a case, or a test that test_cases.py
# names.
TRAPS = {
    "any-state": "created, exited, paused, restarting: judged by the configuration",
    "joined-network": "container: networks are followed to their end",
    "joined-pid": "so are PID namespaces",
    "joined-ipc": "and IPC namespaces",
    "pods": "the pause container of a pod, and service: of Compose",
    "option-spelling": "--security-opt with : and =, several values",
    "nnp-false": "no-new-privileges:false contains the word",
    "seccomp-allow": "a profile of its own that allows by default",
    "label-by-engine": "label=disable that the engine adds itself is no SELinux option",
    "no-lsm": "AppArmor and SELinux do not apply where the engine has none, and the host says so",
    "capability-names": "with and without CAP_, any case, ALL",
    "cpu-kinds": "NanoCpus, CpuQuota and CpuPeriod, CpuShares, cpuset",
    "memory-zero": "Memory 0 is no limit, whatever the swap",
    "pids-none": "PidsLimit null, 0 and -1",
    "user-forms": "0, 0:0, 0:1000, root, +0, unknown names",
    "image-user": "the image's user, and a container that overrides it",
    "healthcheck-none": "NONE is no health check",
    "unhealthy": "a check that fails is there",
    "mount-parent": "by prefix and by parent, read-only too",
    "data-root": "the engine's own data",
    "inside-path": "a volume or tmpfs at a sensitive path inside is harmless",
    "disguised-volume": "a named volume that binds a path of the host",
    "dots-and-links": "..., doubled slashes, well-known links",
    "socket-parent": "the socket by a directory that holds it",
    "socket-lookalike": "a directory that only has docker-sock in its name",
    "device-kinds": "Devices, DeviceRequests, DeviceCgroupRules, a mount of /dev",
    "port-addresses": "IPv6, ::, an empty address",
    "port-choice": "ranges, ephemeral ports, publish-all",
    "port-1023": "1023 is privileged, 1024 is not",
    "host-network-ports": "on the host's network published ports say nothing",
    "restart-unlimited": "always, unless-stopped, on-failure without a maximum",
    "swarm-task": "a task is restarted by its service's policy",
    "ingress": "the ingress network is never encrypted",
    "several-engines": "facts come from the engine that was asked",
    "gone-between": "a container that disappears between list and inspect",
    "missing-fields": "null lists and missing fields",
    "image-history": "whole instructions, never truncated text; update and install in one",
}
ELSEWHERE = {
    "ingress": "test_cases.test_networks",
    "several-engines": "test_cases.test_the_other_engine",
    "gone-between": "test_cases.scanned, which makes and removes containers meanwhile",
    "missing-fields": "tests/scanner/test_missing_facts.py and tests/scanner/test_fuzz.py",
    "image-history": "test_images.py and tests/scanner/rules/images",
}


class Want(NamedTuple):
    """One result, or with sub_object None all that have this verdict."""

    rule: str
    verdict: str
    sub_object: str | None = None
    severity: str | None = None
    module: str = ""
    """Holds where the engine has this module of the kernel; elsewhere the rule does not apply."""


class Case(NamedTuple):
    wants: tuple[Want, ...]
    flags: str | tuple[str, ...] = ()
    """Of `docker create`; a text is split at spaces."""
    api: dict[str, Any] | None = None
    """In place of flags: what is sent to the engine as it stands."""
    image: str = BUSYBOX
    command: tuple[str, ...] = FOREVER
    state: str = CREATED
    traps: str = ""
    then: tuple[str, ...] = ()
    """Commands of docker after the start."""
    health: str = ""
    """Waits for this state of the health check."""


def ok(*rules: str) -> tuple[Want, ...]:
    return tuple(Want(rule, PASS) for rule in rules)


def bad(rule: str, sub_object: str | None = None, severity: str | None = None) -> Want:
    return Want(rule, FAIL, sub_object, severity)


def unknown(*rules: str) -> tuple[Want, ...]:
    return tuple(Want(rule, UNKNOWN) for rule in rules)


def absent(*rules: str) -> tuple[Want, ...]:
    return tuple(Want(rule, NOT_APPLICABLE) for rule in rules)


def by_module(rule: str, verdict: str) -> Want:
    return Want(rule, verdict, module=rule.split("-")[0])


def host(**config: Any) -> dict[str, Any]:
    return {"HostConfig": config}


ROOT, LOGIN = "root-user", "remote-login-service"
SENSITIVE, SOCKET, DEVICES = "sensitive-host-mount", "engine-socket-mount", "host-devices"
ADDED, DROPPED, EFFECTIVE = "added-capabilities", "dropped-capabilities", "effective-capabilities"
NNP, SECCOMP = "no-new-privileges", "seccomp-profile"
PID, IPC, NETWORK = "host-pid-namespace", "host-ipc-namespace", "host-network"
LOW_PORTS, INTERFACE, NEEDED = "privileged-ports", "port-interface", "necessary-ports"
SECRETS, SHARED, BRIDGE = "secrets-in-environment", "shared-writable-volume", "default-bridge"
RESTART, LOOP, TAG, OUTDATED = (
    "restart-policy",
    "restart-loop",
    "mutable-image-tag",
    "outdated-image",
)

# What a container has wrong that says nothing of itself, and what is right with it.
USUAL_FAILS = (
    bad(NNP, "", "high"),
    bad(DROPPED, "", "medium"),
    bad(EFFECTIVE, "", "low"),
    bad("ulimits", "nofile", "low"),
    bad("ulimits", "nproc", "low"),
    bad("memory-limit", "", "high"),
    bad("cpu-limit", "", "medium"),
    bad("pids-limit", "", "medium"),
    bad("writable-root-filesystem", "", "medium"),
    bad(BRIDGE, "", "medium"),
    bad("healthcheck", "", "medium"),
    bad(ROOT, "", "high"),
)
USUAL_PASSES = (
    *ok("privileged", ADDED, SECCOMP, PID, IPC, "host-uts-namespace", "oom-killer", SHARED),
    *ok(SENSITIVE, SOCKET, "mount-propagation", DEVICES, NETWORK, LOW_PORTS, NEEDED, INTERFACE),
    *ok(RESTART, TAG, OUTDATED, SECRETS),
)
USUAL = (
    *USUAL_FAILS,
    *USUAL_PASSES,
    *absent("host-user-namespace", "memory-swap-limit", "unhealthy"),
)
SHOP = "--label=com.docker.compose.project=shop --label=com.docker.compose.service="
POD = (
    "--label=io.kubernetes.pod.namespace=shop --label=io.kubernetes.pod.name=web-5d9c7b6f48-abcde"
    " --label=io.kubernetes.container.name="
)
HOST_POD = POD.replace("web-", "agent-")
ALLOW = (HERE / "seccomp" / "allow.json").read_text()
REFUSE = (HERE / "seccomp" / "refuse.json").read_text()
MIB = 1024**2

# Networks that cases name, with flags of `docker network create`, and what is to be said of them.
NETWORKS = {
    "shop": ("", NOT_APPLICABLE),
    "lan": ("--driver=macvlan --opt=parent=docker0", NOT_APPLICABLE),
    "fabric": ("--driver=overlay --attachable", FAIL),
    "fabric-secret": ("--driver=overlay --attachable --opt=encrypted", PASS),
    "fabric-off": ("--driver=overlay --attachable --opt=encrypted=false", FAIL),
    "ingress": (None, NOT_APPLICABLE),
    "bridge": (None, NOT_APPLICABLE),
}
BIND = "--opt=type=none --opt=o=bind --opt=device="
VOLUMES = {
    "bound-etc": f"{BIND}/etc",
    "bound-run": f"{BIND}/var/run",
    "bound-mnt": f"{BIND}/srv/../mnt",
    "scratch": "--opt=type=tmpfs --opt=device=tmpfs --opt=o=size=1m",
}

# None of these may be seen anywhere in what the scanner says.
SECRET = {
    "name": "for-the-tests-only-1",
    "url": "for-the-tests-only-2",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJmb3ItdGhlLXRlc3RzIn0.c2lnbmF0dXJlLW9mLXRlc3Rz",
    "aws": "AKIAIOSFODNN7EXAMPLE",
    "entropy": "q7Zr2mXv9LkT4wBn8YcD1sHf6JgP3aVe",
    "option": "for-the-tests-only-3",
    "probe": "for-the-tests-only-4",
    "label": "for-the-tests-only-5",
    "mysql": "for-the-tests-only-6",
    "short": "pw-of-tests",
}


def environment(**variables: str) -> tuple[str, ...]:
    return tuple(f"--env={name}={value}" for name, value in variables.items())


def leaks(*names: str) -> tuple[Want, ...]:
    return tuple(bad(SECRETS, name, "high") for name in names)


def ports(*wants: str, rule: str = INTERFACE, severity: str | None = None) -> tuple[Want, ...]:
    return tuple(bad(rule, sub_object, severity) for sub_object in wants)


def binding(**ports: list[dict[str, str]]) -> dict[str, Any]:
    named = {name.removeprefix("p").replace("_", "/"): value for name, value in ports.items()}
    return {
        "ExposedPorts": {name: {} for name in named},
        "HostConfig": {"PortBindings": named},
    }


CASES: dict[str, Case] = {
    # --- every state
    "plain": Case((*USUAL, *ok(LOOP), *unknown(LOGIN)), traps="any-state"),
    "plain-running": Case((*USUAL, *ok(LOOP, LOGIN)), state=RUNNING),
    "plain-paused": Case((*USUAL, *ok(LOOP, LOGIN)), state=PAUSED, traps="any-state"),
    "plain-exited": Case(
        (*USUAL, *ok(LOOP), *unknown(LOGIN)), command=("true",), state=EXITED, traps="any-state"
    ),
    "plain-stillborn": Case(
        (*USUAL, *ok(LOOP), *unknown(LOGIN)), command=("no-such-program",), state=STILLBORN
    ),
    "looping": Case(
        (
            *(want for want in USUAL if want.rule != RESTART),
            bad(RESTART, "", "medium"),
            bad(LOOP, "", "high"),
        ),
        "--restart=always",
        command=("false",),
        state=RESTARTING,
        traps="any-state restart-unlimited",
    ),
    "gave-up": Case(ok(RESTART, LOOP), "--restart=on-failure:2", command=("false",), state=EXITED),
    "hardened": Case(
        (
            *ok("privileged", ADDED, DROPPED, EFFECTIVE, NNP, SECCOMP, "ulimits", PID, IPC),
            *ok("host-uts-namespace", "memory-limit", "memory-swap-limit", "cpu-limit"),
            *ok("host-cgroup-namespace", "pids-limit", "oom-killer", "writable-root-filesystem"),
            *ok(SHARED, SENSITIVE, SOCKET, "mount-propagation", DEVICES, NETWORK, BRIDGE),
            *ok(LOW_PORTS, NEEDED, INTERFACE, LOGIN, RESTART, LOOP, ROOT, "healthcheck"),
            *ok("unhealthy", TAG, OUTDATED, SECRETS),
        ),
        "--cap-drop=ALL --security-opt=no-new-privileges:true --ulimit=nofile=1024:4096"
        " --ulimit=nproc=512 --memory=64m --memory-swap=64m --cpus=0.5 --pids-limit=50 --read-only"
        " --tmpfs=/tmp --cgroupns=private --network=shop --restart=on-failure:5"
        " --user=1000:1000 --health-cmd=true --health-interval=200ms --volume=hardened:/data"
        " --publish=127.0.0.1:8443:8080",
        image=APP,
        state=RUNNING,
        health="healthy",
    ),
    # --- capabilities
    "privileged": Case(
        (
            bad("privileged", "", "critical"),
            bad(SECCOMP, "", "high"),
            bad(DROPPED),
            bad(EFFECTIVE),
            *ok(ADDED),
            by_module("apparmor-profile", FAIL),
            by_module("selinux-label", FAIL),
        ),
        "--privileged",
        state=RUNNING,
        traps="label-by-engine no-lsm",
    ),
    "privileged-dropping": Case(
        (bad("privileged"), bad(DROPPED), bad(EFFECTIVE)), "--privileged --cap-drop=ALL"
    ),
    "caps-lower-raw": Case(
        (bad(ADDED, "SYS_ADMIN", "critical"),),
        api=host(CapAdd=["sys_admin", "Net_Raw"]),
        traps="capability-names",
    ),
    "caps-prefixed-raw": Case(
        (bad(ADDED, "SYS_PTRACE", "critical"), bad(DROPPED)),
        api=host(CapAdd=["CAP_SYS_PTRACE", "CAP_CHOWN"]),
        traps="capability-names",
    ),
    "caps-not-the-worst": Case(
        (bad(ADDED, "IPC_LOCK", "high"), bad(ADDED, "SYS_NICE", "high")),
        "--cap-add=ipc_lock --cap-add=CAP_SYS_NICE",
    ),
    "caps-same-twice": Case(
        (bad(ADDED, "NET_ADMIN", "critical"),), "--cap-add=NET_ADMIN --cap-add=cap_net_admin"
    ),
    "caps-all": Case(
        (bad(ADDED, "ALL", "critical"), bad(DROPPED), bad(EFFECTIVE)),
        "--cap-add=all",
        traps="capability-names",
    ),
    "caps-none": Case(ok(ADDED, DROPPED, EFFECTIVE), "--cap-drop=all", traps="capability-names"),
    "caps-none-raw": Case(ok(DROPPED, EFFECTIVE), api=host(CapDrop=["all"])),
    "caps-none-then-all": Case(
        (bad(ADDED, "ALL", "critical"), bad(DROPPED), bad(EFFECTIVE)),
        "--cap-drop=ALL --cap-add=ALL",
    ),
    "caps-rare-dropped": Case(
        (bad(DROPPED), *ok(EFFECTIVE)),
        "--cap-drop=audit_write --cap-drop=CAP_MKNOD --cap-drop=net_raw --cap-drop=SETFCAP"
        " --cap-drop=SYS_CHROOT",
    ),
    "caps-bind-only": Case(
        ok(ADDED, DROPPED, EFFECTIVE), "--cap-drop=ALL --cap-add=NET_BIND_SERVICE"
    ),
    "caps-one-back": Case(
        (bad(ADDED, "SYS_TIME", "critical"), *ok(DROPPED), bad(EFFECTIVE)),
        "--cap-drop=ALL --cap-add=SYS_TIME",
    ),
    "caps-raw-back": Case(
        (*ok(ADDED, DROPPED), bad(EFFECTIVE)), api=host(CapDrop=["ALL"], CapAdd=["cap_net_raw"])
    ),
    "caps-each-dropped": Case(  # nothing of the engine's set remains, as by ALL
        ok(ADDED, DROPPED, EFFECTIVE),
        api=host(
            CapDrop=[
                *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD"),
                *("NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID"),
                "SYS_CHROOT",
            ]
        ),
    ),
    # --- security options
    "nnp-bare": Case(ok(NNP), "--security-opt=no-new-privileges", traps="option-spelling"),
    "nnp-colon": Case(ok(NNP), api=host(SecurityOpt=["no-new-privileges:true"])),
    "nnp-equals": Case(ok(NNP), api=host(SecurityOpt=["no-new-privileges=1"])),
    "nnp-capital": Case(ok(NNP), api=host(SecurityOpt=["no-new-privileges:TRUE"])),
    "nnp-false-colon": Case(
        (bad(NNP, "", "high"),),
        api=host(SecurityOpt=["no-new-privileges:false"]),
        traps="nnp-false option-spelling",
    ),
    "nnp-false-equals": Case((bad(NNP),), api=host(SecurityOpt=["no-new-privileges=false"])),
    "nnp-zero": Case((bad(NNP),), api=host(SecurityOpt=["no-new-privileges:0"])),
    "nnp-false-at-last": Case(
        (bad(NNP),), api=host(SecurityOpt=["no-new-privileges", "no-new-privileges:false"])
    ),
    "nnp-true-at-last": Case(
        ok(NNP), api=host(SecurityOpt=["no-new-privileges=false", "no-new-privileges"])
    ),
    "options-together": Case(
        (
            *ok(NNP),
            bad(SECCOMP),
            by_module("apparmor-profile", FAIL),
            by_module("selinux-label", PASS),
        ),
        api=host(
            SecurityOpt=[
                *("label:level:s0:c1", "seccomp:unconfined", "apparmor:unconfined"),
                "no-new-privileges:true",
            ]
        ),
        traps="option-spelling no-lsm",
    ),
    "label-disabled": Case(
        (by_module("selinux-label", FAIL),), api=host(SecurityOpt=["label:disable"])
    ),
    "apparmor-own": Case(
        (by_module("apparmor-profile", PASS),), "--security-opt=apparmor=docker-default"
    ),
    "seccomp-unconfined": Case((bad(SECCOMP, "", "high"),), "--security-opt=seccomp=unconfined"),
    "seccomp-unconfined-colon": Case((bad(SECCOMP),), api=host(SecurityOpt=["seccomp:unconfined"])),
    "seccomp-allow": Case(
        (bad(SECCOMP),), api=host(SecurityOpt=[f"seccomp={ALLOW}"]), traps="seccomp-allow"
    ),
    "seccomp-allow-colon": Case(
        (bad(SECCOMP),), api=host(SecurityOpt=['seccomp:{"defaultAction":"SCMP_ACT_ALLOW"}'])
    ),
    "seccomp-allow-any-case": Case(
        (bad(SECCOMP),),
        api=host(SecurityOpt=['seccomp= {"syscalls": null, "DEFAULTACTION": "SCMP_ACT_ALLOW"}']),
    ),
    "seccomp-log": Case(
        (bad(SECCOMP),), api=host(SecurityOpt=['seccomp={"defaultAction":"SCMP_ACT_LOG"}'])
    ),
    "seccomp-own": Case(ok(SECCOMP), api=host(SecurityOpt=[f"seccomp={REFUSE}"]), state=RUNNING),
    "seccomp-last-counts": Case(
        (bad(SECCOMP),), api=host(SecurityOpt=[f"seccomp={REFUSE}", "seccomp=unconfined"])
    ),
    "seccomp-unreadable": Case(unknown(SECCOMP), api=host(SecurityOpt=["seccomp={no json"])),
    # --- ulimits
    "ulimits-both": Case(ok("ulimits"), "--ulimit=nofile=1024:4096 --ulimit=nproc=512"),
    "ulimits-one": Case((bad("ulimits", "nproc", "low"),), "--ulimit=nofile=1024"),
    "ulimits-without-end": Case(
        (bad("ulimits", "nofile", "low"), bad("ulimits", "nproc", "low")),
        "--ulimit=nofile=-1 --ulimit=nproc=-1",
    ),
    # --- namespaces
    "pid-host": Case(
        (bad(PID, "", "high"), by_module("selinux-label", FAIL)),
        "--pid=host",
        state=RUNNING,
        traps="label-by-engine",
    ),
    "pid-joins-host": Case(
        (bad(PID),), "--pid=container:pid-host", state=RUNNING, traps="joined-pid"
    ),
    "pid-joins-joined": Case(
        (bad(PID),), "--pid=container:pid-joins-host", state=RUNNING, traps="joined-pid"
    ),
    "pid-joins-other": Case((bad(PID),), "--pid=container:plain-running", state=RUNNING),
    "pid-joins-service": Case(  # a service is a workload, also beside others of its project
        (bad(PID),), f"{SHOP}watcher --pid=container:service-web"
    ),
    "ipc-host": Case(
        (bad(IPC, "", "high"), by_module("selinux-label", FAIL)),
        "--ipc=host",
        state=RUNNING,
        traps="label-by-engine",
    ),
    "ipc-shareable": Case(ok(IPC), "--ipc=shareable"),
    "ipc-joined": Case((bad(IPC),), "--ipc=shareable", state=RUNNING, traps="joined-ipc"),
    "ipc-joins": Case((bad(IPC),), "--ipc=container:ipc-joined", state=RUNNING, traps="joined-ipc"),
    "ipc-joins-host": Case(
        (bad(IPC),), "--ipc=container:ipc-host", state=RUNNING, traps="joined-ipc"
    ),
    "ipc-private": Case(ok(IPC), "--ipc=private"),
    "ipc-none": Case(ok(IPC), "--ipc=none"),
    "uts-host": Case((bad("host-uts-namespace", "", "medium"),), "--uts=host"),
    "userns-host": Case(absent("host-user-namespace"), "--userns=host"),
    "cgroupns-host": Case((bad("host-cgroup-namespace", "", "low"),), "--cgroupns=host"),
    "cgroupns-private": Case(ok("host-cgroup-namespace"), "--cgroupns=private"),
    "cgroup-parent": Case(
        (bad("host-cgroup-namespace", "/reports/daily", "low"),),
        "--cgroupns=private --cgroup-parent=/reports/daily",
    ),
    "pod-pause": Case(
        ok(PID, IPC, NETWORK), f"{POD}POD --ipc=shareable --network=none", traps="pods"
    ),
    "pod-web": Case(
        ok(PID, IPC, NETWORK, BRIDGE),
        f"{POD}web --pid=container:pod-pause --ipc=container:pod-pause"
        " --network=container:pod-pause",
        traps="pods",
    ),
    "host-pod-pause": Case((bad(NETWORK),), f"{HOST_POD}POD --network=host"),
    "host-pod-agent": Case(
        (bad(NETWORK), *unknown(INTERFACE)),
        f"{HOST_POD}agent --network=container:host-pod-pause",
        traps="pods joined-network",
    ),
    # --- memory, processors, processes
    "memory-alone": Case(  # the engine allows as much swap again
        ok("memory-limit", "memory-swap-limit"), api=host(Memory=64 * MIB)
    ),
    "memory-endless-swap": Case(
        (*ok("memory-limit"), bad("memory-swap-limit", "", "low")),
        api=host(Memory=64 * MIB, MemorySwap=-1),
    ),
    "memory-zero": Case(
        (bad("memory-limit"), *absent("memory-swap-limit")),
        api=host(Memory=0, MemorySwap=-1),
        traps="memory-zero",
    ),
    "memory-reserved-only": Case(
        (bad("memory-limit"), *absent("memory-swap-limit")), "--memory-reservation=64m"
    ),
    "cpu-nano": Case(ok("cpu-limit"), api=host(NanoCpus=500_000_000), traps="cpu-kinds"),
    "cpu-quota": Case(
        ok("cpu-limit"), api=host(CpuQuota=50_000, CpuPeriod=100_000), traps="cpu-kinds"
    ),
    "cpu-quota-none": Case((bad("cpu-limit"),), api=host(CpuQuota=-1), traps="cpu-kinds"),
    "cpu-period-only": Case((bad("cpu-limit"),), api=host(CpuPeriod=100_000), traps="cpu-kinds"),
    "cpu-shares": Case(ok("cpu-limit"), api=host(CpuShares=512), traps="cpu-kinds"),
    "cpu-shares-more": Case(ok("cpu-limit"), api=host(CpuShares=2048)),
    "cpu-shares-default": Case((bad("cpu-limit"),), api=host(CpuShares=1024), traps="cpu-kinds"),
    "cpu-set": Case(ok("cpu-limit"), api=host(CpusetCpus="0"), traps="cpu-kinds"),
    "cpu-memory-nodes-only": Case((bad("cpu-limit"),), api=host(CpusetMems="0")),
    "pids-endless": Case((bad("pids-limit"),), api=host(PidsLimit=-1), traps="pids-none"),
    "pids-zero": Case((bad("pids-limit"),), api=host(PidsLimit=0), traps="pids-none"),
    "pids-null": Case((bad("pids-limit"),), api=host(PidsLimit=None), traps="pids-none"),
    "pids-some": Case(ok("pids-limit"), api=host(PidsLimit=4096)),
    "pids-too-many": Case((bad("pids-limit"),), api=host(PidsLimit=4097)),
    "oom-killer-off": Case(
        (bad("oom-killer", "oom-kill-disable", "medium"),), "--oom-kill-disable --memory=64m"
    ),
    "oom-score-low": Case((bad("oom-killer", "oom-score-adj", "medium"),), "--oom-score-adj=-1"),
    "oom-score-high": Case(ok("oom-killer"), "--oom-score-adj=500"),
    "read-only": Case(ok("writable-root-filesystem"), "--read-only"),
    # --- mounts
    "mount-root": Case(
        (bad(SENSITIVE, "/", "high"), bad(SOCKET, "/", "critical")),
        "--volume=/:/host:ro",
        state=RUNNING,
        traps="mount-parent socket-parent",
    ),
    "mount-etc": Case((bad(SENSITIVE, "/etc", "critical"),), "--volume=/etc:/host/etc"),
    "mount-etc-read-only": Case(
        (bad(SENSITIVE, "/etc", "high"),), "--volume=/etc:/x:ro", traps="mount-parent"
    ),
    "mount-etc-both": Case(
        (bad(SENSITIVE, "/etc", "critical"),), "--volume=/etc:/one:ro --volume=/etc:/two"
    ),
    "mount-var-run": Case(
        (bad(SENSITIVE, "/run", "high"), bad(SOCKET, "/run", "critical")),
        "--volume=/var/run:/host/run:ro",
        traps="dots-and-links socket-parent",
    ),
    "mount-run": Case((bad(SENSITIVE, "/run", "critical"), bad(SOCKET, "/run")), "-v=/run:/run"),
    "mount-below": Case(
        (
            bad(SENSITIVE, "/usr/lib/modules", "high"),
            bad(SENSITIVE, "/run/dbus", "critical"),
            bad(SENSITIVE, "/boot/grub", "high"),
        ),
        "-v=/lib/modules:/lib/modules:ro -v=/var/run/dbus:/dbus -v=/boot//./grub/:/grub:ro",
        traps="dots-and-links mount-parent",
    ),
    "mount-dots-raw": Case(
        (bad(SENSITIVE, "/etc/ssh", "high"),),
        api=host(Binds=["/srv/../etc/./ssh:/data:ro"]),
        traps="dots-and-links",
    ),
    "mount-var": Case((bad(SENSITIVE, "/var", "high"),), "-v=/var:/x:ro", traps="data-root"),
    "mount-data-root": Case(
        (bad(SENSITIVE, "/var/lib/docker/volumes", "high"),),
        "-v=/var/lib/docker/volumes:/volumes:ro",
        traps="data-root",
    ),
    "mount-proc-sys": Case(
        (bad(SENSITIVE, "/proc", "high"), bad(SENSITIVE, "/sys/fs/cgroup", "critical")),
        "-v=/proc:/host/proc:ro -v=/sys/fs/cgroup:/cgroup",
    ),
    "mount-through-proc": Case(
        (bad(SENSITIVE, "/", "high"), bad(SOCKET, "/", "critical")),
        "-v=/proc/1/root:/host:ro",
        traps="dots-and-links",
    ),
    "mount-lookalikes": Case(
        ok(SENSITIVE, SOCKET, DEVICES),
        "-v=/etcetera:/a -v=/srv/etc:/b -v=/home/app/data:/c -v=/opt/usr:/d -v=/devices:/e",
    ),
    "mount-inside": Case(
        ok(SENSITIVE, SOCKET),
        "-v=inside-etc:/etc -v=/srv/run:/var/run --tmpfs=/usr/share"
        " --mount=type=tmpfs,target=/root -v=/sys/fs",
        traps="inside-path",
    ),
    "mount-harmless": Case(
        ok(SENSITIVE), "-v=/etc/localtime:/etc/localtime:ro -v=/etc/hosts:/etc/hosts:ro"
    ),
    "mount-localtime-writable": Case(
        (bad(SENSITIVE, "/etc/localtime", "critical"),), "-v=/etc/localtime:/etc/localtime"
    ),
    "volume-bound": Case(
        (bad(SENSITIVE, "/etc", "critical"),), "-v=bound-etc:/data", traps="disguised-volume"
    ),
    "volume-bound-run": Case(
        (bad(SENSITIVE, "/run", "high"), bad(SOCKET, "/run")),
        "-v=bound-run:/data:ro",
        traps="disguised-volume socket-parent",
    ),
    "volume-bound-by-mount": Case(
        (bad(SENSITIVE, "/root", "critical"),),
        "--mount=type=volume,source=bound-root,target=/data,volume-driver=local,"
        "volume-opt=type=none,volume-opt=o=bind,volume-opt=device=/root",
        traps="disguised-volume",
    ),
    "volume-bound-harmless": Case(ok(SENSITIVE, SOCKET), "-v=bound-mnt:/data"),
    "volume-tmpfs": Case(ok(SENSITIVE, SOCKET), "-v=scratch:/etc"),
    "socket": Case(
        (bad(SOCKET, "/run/docker.sock", "critical"), bad(SENSITIVE, "/run/docker.sock")),
        "-v=/var/run/docker.sock:/var/run/docker.sock",
        state=RUNNING,
    ),
    "socket-read-only": Case(
        (bad(SOCKET, "/run/docker.sock", "critical"),), "-v=/run/docker.sock:/d.sock:ro"
    ),
    "socket-moved": Case((bad(SOCKET, "/srv/x/docker.sock"),), "-v=/srv/x/docker.sock:/d.sock"),
    "socket-others": Case(
        (
            bad(SOCKET, "/run/containerd/containerd.sock"),
            bad(SOCKET, "/run/crio"),
            bad(SOCKET, "/run/podman/podman.sock"),
        ),
        "-v=/run/containerd/containerd.sock:/a -v=/var/run/crio:/b -v=/run/podman/podman.sock:/c",
    ),
    "socket-lookalike": Case(
        ok(SOCKET, SENSITIVE),
        "-v=/srv/docker-sock:/a -v=/srv/docker.sock.d:/b -v=/srv/my-docker.sock:/c"
        " -v=docker.sock:/var/run/docker.sock",
        traps="socket-lookalike",
    ),
    "propagation": Case(
        (bad("mount-propagation", "/srv/a", "medium"), bad("mount-propagation", "/srv/b")),
        "-v=/srv/a:/a:rshared --mount=type=bind,source=/opt,target=/s,bind-propagation=rslave"
        " -v=/srv/b:/b:shared,ro -v=/srv/c:/c:rslave",
    ),
    # --- devices
    "device": Case(
        (bad(DEVICES, "/dev/fuse", "critical"), bad(DEVICES, "/dev/kvm", "high")),
        "--device=/dev/fuse --device=/dev/kvm:/dev/kvm:r",
        traps="device-kinds",
    ),
    "device-raw": Case(
        (bad(DEVICES, "/dev/mem", "critical"),),
        api=host(Devices=[{"PathOnHost": "/dev/../dev/mem", "PathInContainer": "/dev/null"}]),
    ),
    "device-harmless": Case(ok(DEVICES), "--device=/dev/zero:/dev/nothing:r"),
    "device-gpu": Case(
        (bad(DEVICES, "gpu", "high"),),
        api=host(DeviceRequests=[{"Count": -1, "Capabilities": [["gpu"]]}]),
        traps="device-kinds",
    ),
    "device-rules": Case(
        (bad(DEVICES, "a *:* rwm", "critical"), bad(DEVICES, "c 10:229 r", "high")),
        api=host(DeviceCgroupRules=["a *:* rwm", "c 10:229 r"]),
        traps="device-kinds",
    ),
    "device-mounted": Case(
        (bad(DEVICES, "/dev", "critical"), bad(SENSITIVE, "/dev", "critical")),
        "-v=/dev:/dev",
        traps="device-kinds",
    ),
    "device-mounted-read-only": Case((bad(DEVICES, "/dev/snd", "high"),), "-v=/dev/snd:/d:ro"),
    # --- shared data
    "orders-writer": Case((bad(SHARED, "orders", "medium"),), "-v=orders:/orders"),
    "orders-reader": Case(ok(SHARED), "-v=orders:/data:ro"),
    "files-writer": Case((bad(SHARED, "/srv/files"),), "-v=/srv/files:/files"),
    "files-reader": Case(ok(SHARED), "-v=/srv/files/new:/new:ro -v=/srv/files-old:/old"),
    "files-by-volume": Case((bad(SHARED, "/mnt"),), "-v=bound-mnt:/x -v=alone:/y"),
    "replica-1": Case(ok(SHARED), f"{SHOP}replica -v=replicas:/x", traps="pods"),
    "replica-2": Case(ok(SHARED), f"{SHOP}replica -v=replicas:/x"),
    # --- network
    "service-web": Case(
        (
            *ok(NETWORK),
            bad(BRIDGE),
            *ports("0.0.0.0:8100->80/tcp"),
            bad(NEEDED, "0.0.0.0:8100->80/tcp"),
        ),
        f"{SHOP}web --publish=8100:80",
        state=RUNNING,
    ),
    "service-sidecar": Case(
        (*ok(NETWORK), bad(BRIDGE), *ports("0.0.0.0:8100->80/tcp")),
        f"{SHOP}sidecar --network=container:service-web",
        state=RUNNING,
        traps="pods joined-network",
    ),
    "net-host": Case(
        (bad(NETWORK, "", "high"), *ok(BRIDGE), *unknown(LOW_PORTS, INTERFACE, NEEDED)),
        "--network=host --publish=22:22",
        state=RUNNING,
        traps="host-network-ports",
    ),
    "net-host-publish-all": Case(
        (bad(NETWORK), *unknown(INTERFACE, NEEDED)), "--network=host --publish-all", image=APP
    ),
    "net-joins-host": Case(
        (bad(NETWORK), *unknown(LOW_PORTS, INTERFACE, NEEDED)),
        "--network=container:net-host",
        state=RUNNING,
        traps="joined-network host-network-ports",
    ),
    "net-joins-joined": Case(
        (bad(NETWORK), *unknown(INTERFACE)),
        "--network=container:net-joins-host",
        traps="joined-network",
    ),
    "joins-the-gone": Case(
        unknown(NETWORK, BRIDGE, INTERFACE, PID),
        "--network=container:gone --pid=container:gone",
        traps="joined-network joined-pid",
    ),
    "net-none": Case(
        ok(NETWORK, BRIDGE, LOW_PORTS, INTERFACE, NEEDED), "--network=none --publish=22:22"
    ),
    "net-own": Case(ok(NETWORK, BRIDGE), "--network=shop", state=RUNNING),
    "net-bridge": Case((bad(BRIDGE),), "--network=bridge"),
    "net-default-raw": Case((bad(BRIDGE),), api=host(NetworkMode="default")),
    "net-both": Case(
        (bad(BRIDGE),),
        "--network=shop",
        state=RUNNING,
        then=("network connect bridge net-both",),
    ),
    "net-macvlan": Case(ok(BRIDGE), "--network=lan"),
    "net-overlay": Case(ok(BRIDGE, NETWORK), "--network=fabric"),
    # --- ports
    "port-everywhere": Case(
        (*ports("0.0.0.0:8101->80/tcp", severity="medium"), *ok(LOW_PORTS)), "-p=8101:80"
    ),
    "port-v6": Case(
        (*ports("[::]:8102->82/tcp"), bad(LOW_PORTS, "[::1]:22->83/tcp", "critical")),
        "-p=[::]:8102:82 -p=[::1]:22:83",
        traps="port-addresses",
    ),
    "port-raw-addresses": Case(
        ports("0.0.0.0:8103->81/tcp", "0.0.0.0:8104->82/tcp", "[::]:8105->83/tcp"),
        api=binding(
            p81_tcp=[{"HostIp": "", "HostPort": "8103"}],
            p82_tcp=[{"HostIp": "0.0.0.0", "HostPort": "8104"}],
            p83_tcp=[{"HostIp": "::", "HostPort": "8105"}],
            p84_tcp=[{"HostIp": "127.0.0.1", "HostPort": "8106"}],
        ),
        traps="port-addresses",
    ),
    "port-both-families-raw": Case(  # all interfaces of both are one
        ports("0.0.0.0:8107->80/tcp"),
        api=binding(
            p80_tcp=[
                {"HostIp": "0.0.0.0", "HostPort": "8107"},
                {"HostIp": "::", "HostPort": "8107"},
            ]
        ),
    ),
    "port-loopback": Case(
        (*ok(INTERFACE), bad(LOW_PORTS, "127.0.0.1:1023->90/tcp", "high")),
        "-p=127.0.0.1:1023:90 -p=127.0.0.1:1024:91 -p=[::1]:8108:92",
        traps="port-1023",
    ),
    "port-privileged": Case(
        (
            bad(LOW_PORTS, "0.0.0.0:22->2222/tcp", "critical"),
            bad(LOW_PORTS, "0.0.0.0:3389->3389/tcp", "critical"),
            bad(LOW_PORTS, "0.0.0.0:53->53/udp", "high"),
            bad(LOW_PORTS, "0.0.0.0:1023->1023/tcp", "high"),
        ),
        "-p=22:2222 -p=3389:3389 -p=53:53/udp -p=1023:1023 -p=1024:1024 -p=80:80 -p=443:443"
        " -p=8109:22",
        traps="port-1023",
    ),
    "port-range": Case(
        (
            *ports("0.0.0.0:9000->9000/tcp", "0.0.0.0:9001->9001/tcp"),
            *ports("0.0.0.0:1020-1030->80/tcp"),
            bad(LOW_PORTS, "0.0.0.0:1020-1030->80/tcp", "high"),
        ),
        "-p=9000-9001:9000-9001 -p=1020-1030:80",
        traps="port-choice",
    ),
    "port-ephemeral": Case(
        (*ports("0.0.0.0:any->80/tcp"), *ok(LOW_PORTS)),
        "-p=80 -p=127.0.0.1::81",
        state=RUNNING,
        traps="port-choice",
    ),
    "port-publish-all": Case(
        (bad(NEEDED, "--publish-all", "medium"), *ports("0.0.0.0:any->8080/tcp")),
        "--publish-all",
        image=APP,
        state=RUNNING,
        traps="port-choice",
    ),
    "port-publish-all-created": Case(
        (bad(NEEDED, "--publish-all"), *ports("0.0.0.0:any->8080/tcp")),
        "--publish-all",
        image=APP,
        traps="port-choice",
    ),
    "port-exposed": Case(ok(NEEDED), "-p=127.0.0.1:8110:8080", image=APP),
    "port-more-than-exposed": Case(
        (bad(NEEDED, "127.0.0.1:8112->9229/tcp", "medium"),),
        "-p=127.0.0.1:8111:8080 -p=127.0.0.1:8112:9229",
        image=APP,
    ),
    # --- remote login
    "login-image": Case((bad(LOGIN, "ssh", "high"),), image=SSHD, command=(), state=RUNNING),
    "login-image-created": Case(
        (bad(LOGIN, "ssh"), *unknown(LOGIN)), image=SSHD, command=(), traps="any-state"
    ),
    "login-exposed": Case((bad(LOGIN, "telnet"),), "--expose=23", state=RUNNING),
    "login-process": Case((bad(LOGIN, "telnet"),), command=("telnetd", "-F"), state=RUNNING),
    "login-hidden": Case(
        (bad(LOGIN, "telnet"),),
        command=("sh", "-c", "$(echo tel)netd -F & exec sleep 100000"),
        state=RUNNING,
    ),
    "login-by-script": Case(
        (bad(LOGIN, "ssh"), *unknown(LOGIN)),
        command=("sh", "-c", "mkdir -p /run/sshd && exec /usr/sbin/sshd -D"),
    ),
    "login-lookalike": Case(
        ok(LOGIN), command=("sh", "-c", ": sshd dropbear; exec sleep 100000"), state=RUNNING
    ),
    # --- restarts
    "restart-unless-stopped": Case(
        (bad(RESTART, "", "medium"),), "--restart=unless-stopped", traps="restart-unlimited"
    ),
    "restart-on-failure": Case((bad(RESTART),), "--restart=on-failure", traps="restart-unlimited"),
    "restart-six": Case((bad(RESTART),), "--restart=on-failure:6"),
    "restart-five": Case(ok(RESTART), "--restart=on-failure:5"),
    "restart-raw-empty": Case(ok(RESTART), api=host(RestartPolicy={"Name": ""})),
    "swarm-task": Case(
        unknown(RESTART), "--label=com.docker.swarm.service.name=web", traps="swarm-task"
    ),
    # --- users
    "user-0": Case((bad(ROOT),), "--user=0", traps="user-forms"),
    "user-0-0": Case((bad(ROOT),), api={"User": "0:0"}, traps="user-forms"),
    "user-0-1000": Case((bad(ROOT),), api={"User": "0:1000"}, traps="user-forms"),
    "user-plus-0": Case((bad(ROOT),), api={"User": "+0"}, traps="user-forms"),
    "user-root-root": Case((bad(ROOT),), api={"User": "root:root"}, traps="user-forms"),
    "user-toor": Case((bad(ROOT),), api={"User": "toor"}, traps="user-forms"),
    "user-unknown": Case(unknown(ROOT), api={"User": "nobody-knows"}, traps="user-forms"),
    "user-app": Case(ok(ROOT), api={"User": "app"}, traps="user-forms"),
    "user-1000-0": Case(ok(ROOT), api={"User": "1000:0"}),
    "user-of-image": Case(ok(ROOT), image=APP, traps="image-user"),
    "user-of-image-named": Case(ok(ROOT), image=NAMED_USER, traps="image-user"),
    "user-of-image-overridden": Case((bad(ROOT),), "--user=root", image=APP, traps="image-user"),
    "user-running": Case(ok(ROOT), "--user=app", state=RUNNING),
    "user-given-up": Case(
        ok(ROOT),
        command=("su", "-s", "/bin/sh", "app", "-c", "exec sleep 100000"),
        state=RUNNING,
    ),
    # --- health
    "health-none": Case(
        (bad("healthcheck", "", "medium"), *absent("unhealthy")),
        "--no-healthcheck",
        image=APP,
        traps="healthcheck-none",
    ),
    "health-none-raw": Case(
        (bad("healthcheck"), *absent("unhealthy")),
        api={"Healthcheck": {"Test": ["NONE"]}},
        traps="healthcheck-none",
    ),
    "health-of-no-kind": Case(  # the engine runs a probe for CMD and CMD-SHELL only
        (bad("healthcheck"), *absent("unhealthy")),
        api={"Healthcheck": {"Test": ["ls", "/"]}},
        state=RUNNING,
    ),
    "health-interval-only": Case(
        (bad("healthcheck"), *absent("unhealthy")),
        api={"Healthcheck": {"Interval": 10**9}},
    ),
    "health-of-image": Case(ok("healthcheck"), image=APP),
    "health-interval-over-image": Case(
        ok("healthcheck"), api={"Healthcheck": {"Interval": 10**9}}, image=APP
    ),
    "sick": Case(
        (*ok("healthcheck"), bad("unhealthy", "", "medium")),
        (
            f"--health-cmd=echo password={SECRET['probe']}; false",
            "--health-interval=200ms",
            "--health-retries=1",
        ),
        state=RUNNING,
        traps="unhealthy",
        health="unhealthy",
    ),
    "health-starting": Case(
        (*ok("healthcheck"), *unknown("unhealthy")),
        "--health-cmd=true --health-interval=1h",
        state=RUNNING,
    ),
    "health-paused": Case(
        (*ok("healthcheck"), *unknown("unhealthy")),
        "--health-cmd=true --health-interval=200ms",
        state=PAUSED,
        health="healthy",
    ),
    # --- images
    "tag-latest": Case((bad(TAG, "", "low"), *ok(OUTDATED)), image=LATEST),
    "tag-none": Case((bad(TAG),), image="plimsoll/busybox"),
    "tag-none-with-port": Case((bad(TAG),), image="localhost:5000/app"),
    "tag-with-port": Case(ok(TAG), image="localhost:5000/app:1.2"),
    "tag-id": Case((*ok(TAG), *absent(OUTDATED)), image="{id}"),
    "tag-short-id": Case((*ok(TAG), *absent(OUTDATED)), image="{short-id}"),
    "tag-moved": Case(
        (bad(OUTDATED, "", "low"), *ok(TAG)),
        image="moving:1",
        state=RUNNING,
        then=("tag plimsoll/app:1 moving:1",),
    ),
    "tag-removed": Case(absent(OUTDATED), image="fleeting:1", then=("rmi --force fleeting:1",)),
    # --- secrets
    "secrets-by-name": Case(
        leaks("DATABASE_PASSWORD", "MYSQL_PWD", "GITHUB_TOKEN", "apiKey", "DB_PASS"),
        environment(
            DATABASE_PASSWORD=SECRET["name"],
            MYSQL_PWD=SECRET["mysql"],
            GITHUB_TOKEN=SECRET["name"],
            apiKey=SECRET["name"],
            DB_PASS=SECRET["short"],
        ),
    ),
    "secrets-by-pattern": Case(
        leaks("CACHE_URL", "SESSION", "S3", "JAVA_OPTS", "ConnectionStrings__Shop"),
        environment(
            CACHE_URL=f"redis://:{SECRET['url']}@cache:6379/0",
            SESSION=SECRET["jwt"],
            S3=SECRET["aws"],
            JAVA_OPTS=f"-Xmx64m -Ddb.password={SECRET['option']}",
            ConnectionStrings__Shop=f"Server=db;User Id=shop;Password={SECRET['url']};",
        ),
    ),
    "secrets-by-entropy": Case(leaks("LICENCE"), environment(LICENCE=SECRET["entropy"])),
    "secrets-lookalikes": Case(
        ok(SECRETS),
        environment(
            DATABASE_PASSWORD_FILE="/run/secrets/database",
            PASSWORD="",
            TOKEN_TTL="3600",
            SESSION_TOKEN_LIFETIME="3600",
            AUTH_ENABLED="true",
            AUTH_SERVICE_HOST="10.0.0.7",
            AUTH_PORT_8080_TCP_ADDR="10.0.0.7",
            TOKEN_URL="https://login.example.com/oauth/token",
            SECRET_NAME="shop-database",
            AUTHOR="Ada Lovelace",
            MONKEY="see",
            MAX_TOKENS="4096",
            PWD="/home/app",
            PASSENGER_APP_ENV="production",
            SSH_AUTH_SOCK="/run/agent.sock",
            GPG_KEY="E3FF2839C048B25C084DEBE9B26995E310250568",
            PYTHON_SHA256="5c0fd7a1d8a2a1a0f2f2a4bb8e8f5f0d8d0f5f4f3f2f1f0e9d8c7b6a5f4e3d2c",
            CONFIG_PATH="/opt/MyShop2/config/Production/Settings/Main",
            REGION_NAME_LONG="Production-Region2-WestEurope-Primary",
            HOMEPAGE="https://example.com/a?b=c",
            JAVA_HOME="/usr/lib/jvm/java-17-openjdk-amd64",
        ),
    ),
    "secrets-in-command": Case(
        ok(SECRETS, "privileged"),
        ("--label", f"com.example.api-token={SECRET['label']}"),
        command=("sleep", "100000", "--password", SECRET["option"]),
    ),
}

# A second engine, set up otherwise: the daemon's defaults are its containers'.
STRICT: dict[str, Any] = {
    "icc": False,
    "no-new-privileges": True,
    "userns-remap": "nobody:nogroup",
    "seccomp-profile": "/etc/docker/seccomp.json",
    "default-ulimits": {
        "nofile": {"Name": "nofile", "Soft": 1024, "Hard": 4096},
        "nproc": {"Name": "nproc", "Soft": 2048, "Hard": 4096},
    },
}
STRICT_PROFILE = json.dumps(json.loads(REFUSE))
STRICT_CASES: dict[str, Case] = {
    "plain": Case(
        (*ok("ulimits", SECCOMP, ROOT, "host-user-namespace"), bad("memory-limit")), state=RUNNING
    ),
    "created": Case(ok("ulimits", SECCOMP, ROOT, "host-user-namespace")),
    "own-namespace": Case(
        (bad("host-user-namespace", "", "medium"), bad(ROOT), *ok("ulimits")),
        "--userns=host",
        state=RUNNING,
    ),
    "privileged": Case(
        (bad("privileged"), bad(SECCOMP), bad("host-user-namespace"), bad(ROOT)),
        "--privileged --userns=host",
    ),
    "unconfined": Case((bad(SECCOMP),), "--security-opt=seccomp=unconfined"),
    "added": Case((bad(ADDED, "SYS_ADMIN", "critical"),), "--cap-add=SYS_ADMIN"),
    "joins-the-gone": Case(unknown(NETWORK), "--network=container:gone"),
    "nnp-off": Case((bad(NNP),), "--security-opt=no-new-privileges=false"),
    "nnp-on": Case(ok(NNP), "--security-opt=no-new-privileges"),
    "data": Case((bad(SENSITIVE, "/var/lib/docker", "high"),), "-v=/var/lib/docker:/data:ro"),
}
