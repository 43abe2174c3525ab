"""Makes the recordings of tests/recorded/shells: `python -m tests.recorded.record_machines [NAME]`.

Each is a host of its own, prepared by commands, on which the reading commands are then run. Paths
of the run are replaced, nothing else. The kernel's audit is the machine's: what is added to it is
taken away again.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from scanner.machine import COMMANDS
from tests.recorded.machines import HERE
from tests.support.engines import Engine
from tests.support.machines import Local

KEY = "plimsoll-test"
BUSYBOX = ("busybox", "sh")
MEMBER = {"uid": 62001, "gid": 62001}

OPEN = r"""
chmod 0777 /etc/docker
chown 62001:62001 /etc/docker/daemon.json
chmod 0666 /etc/docker/daemon.json /etc/default/docker
mkdir -p /etc/sysconfig /etc/systemd/system/docker.service.d "/etc/docker/certs.d/registry:5000"
touch /etc/sysconfig/docker
chmod 0664 /etc/sysconfig/docker
chmod 0755 /usr/lib/systemd/system/docker.service
chown 62001 /usr/lib/systemd/system/docker.socket
echo > /etc/systemd/system/docker.service.d/proxy.conf
chmod 0662 /etc/systemd/system/docker.service.d/proxy.conf
ln -s /usr/lib/systemd/system/docker.service /etc/systemd/system/docker.service
cd "/etc/docker/certs.d/registry:5000"
touch ca.crt client.cert client.key README
chmod 0666 ca.crt
chmod 0444 client.cert
chmod 0640 client.key
chmod 0666 /run/docker.sock
chown 62001:62001 /run/docker/containerd/containerd.sock
sed -i '$a mallory:x:62001:62001::/:/bin/sh' /etc/passwd
sed -i "\$a eve:x:62002:$(stat -c %g /run/docker.sock)::/:/bin/sh" /etc/passwd
gpasswd --add mallory docker > /dev/null
gpasswd --add root docker > /dev/null
"""
SECRET = "hunter2hunter2"
SETTINGS = {
    "icc": False,
    "log-level": "debug",
    "log-driver": "splunk",
    "log-opts": {"splunk-token": SECRET, "splunk-url": f"https://me:{SECRET}@logs.example"},
    "insecure-registries": ["registry.example:5000", "10.0.0.0/8"],
    "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1024, "Hard": 4096}},
    "userland-proxy": False,
    "no-new-privileges": True,
    "live-restore": True,
}
ODD = r"""
mkdir -p "/etc/docker/certs.d/a b'c\"d" "/etc/docker/certs.d/$(printf 'x\ny')"
touch "/etc/docker/certs.d/a b'c\"d/ca.crt" "/etc/docker/certs.d/$(printf 'x\ny')/ca.crt"
touch "/etc/docker/certs.d/a b'c\"d/$(printf '\377').crt"
ln -s /nowhere "/etc/docker/certs.d/a b'c\"d/dangling.crt"
rm /etc/default/docker
mkfifo /etc/default/docker
rm /etc/docker/daemon.json
mkfifo /etc/docker/daemon.json
"""
SECOND = r"""
mkdir -p /run/second
echo "{}" > /run/second/daemon.json
dockerd --data-root /run/second/data --exec-root /run/second/exec --pidfile /run/second/pid \
    --config-file /run/second/daemon.json --host unix:///run/second/docker.sock \
    --iptables=false --bridge=none > /run/second/log 2>&1 &
for try in $(seq 100); do [ -S /run/second/docker.sock ] && break; sleep 0.1; done
test -S /run/second/docker.sock
"""


def rules(*lines: str) -> str:
    return "".join(f"auditctl {line} -k {KEY}\n" for line in lines)


class Case(NamedTuple):
    prepare: str = "true"
    engine: dict[str, Any] = {}
    user: dict[str, Any] = {}
    audit: str = ""
    """Prepares the kernel's audit, which only the machine itself may do: what the first command
    says is then the machine's."""


CASES = {
    "usual": Case(),
    "usual-busybox": Case(user={"shell": BUSYBOX}),
    "open": Case(OPEN),
    "open-busybox": Case(OPEN, user={"shell": BUSYBOX}),
    "member": Case(user=MEMBER),
    "member-busybox": Case(user={**MEMBER, "shell": BUSYBOX}),
    "member-denied": Case("chmod 0700 /etc/docker /usr/lib/systemd/system", user=MEMBER),
    "settings": Case(engine={"daemon_config": SETTINGS}),
    "settings-changed": Case("sleep 1.1; touch /etc/docker/daemon.json"),
    "settings-broken": Case("sleep 1.1; echo '{' > /etc/docker/daemon.json"),
    "flags": Case(
        engine={
            "args": (
                *("--icc=false", "--log-level", "warn", "-D", "--log-driver=splunk"),
                *("--log-opt", f"splunk-token={SECRET}"),
                *("--log-opt", f"splunk-url=https://me:{SECRET}@logs.example/"),
            )
        }
    ),
    "tls": Case(engine={"tls": True}),
    "remapped": Case(engine={"daemon_config": {"userns-remap": "default"}}),
    "rootless": Case(engine={"rootless": True}),
    "rootless-own": Case(engine={"rootless": True}, user={"uid": 61000, "gid": 61000}),
    "two": Case(SECOND),
    "odd": Case(ODD),
    "odd-busybox": Case(ODD, user={"shell": BUSYBOX}),
    "partition": Case("mount -t tmpfs tmpfs /var/lib/docker"),
    "no-audit": Case("rm -r /etc/audit; mount --bind /dev/null /usr/sbin/auditctl"),
    "audit-nothing": Case(audit="auditctl -e 1"),
    "audit-off": Case(audit=rules("-w /etc/docker -p wa")),
    "audit": Case(
        audit="auditctl -e 1\n"
        + rules(
            "-w /etc/docker -p wa",
            "-w /usr/bin/containerd-shim -p rwxa",
            "-w /usr/sbin/runc -p x",
            "-a always,exit -F dir=/var/lib/docker -F perm=wa",
            "-a always,exit -F path=/etc/default/docker -F perm=wa -F auid>=1000 -F auid!=unset",
            "-a always,exit -F path=/usr/sbin/dockerd -F perm=wa -F uid=1234",
            "-a always,exit -F arch=b64 -S openat -F path=/etc/containerd/config.toml",
            "-a never,exit -F path=/usr/lib/systemd/system/docker.service",
        )
        .replace(">", "\\>")
        .replace("!", "\\!"),
    ),
}


def record(name: str, case: Case) -> None:
    engine = Engine.start("recorder", **case.engine)
    try:
        Local.with_own_files(engine).do(case.prepare)
        said = [
            text.replace(str(engine.directory), "/srv/engine")
            .replace(engine.directory.name, "engine")
            .split("\0")
            for text in spoken(Local(engine, **case.user), case)
        ]
        (HERE / f"{name}.json").write_text(json.dumps(said, indent=1) + "\n")
        print(name)
    finally:
        engine.stop()


def spoken(shell: Local, case: Case) -> Iterator[str]:
    for command in COMMANDS:
        status, output = shell.run(command)
        assert (status, shell.complaints) == (0, b""), shell.complaints
        if case.audit and command == COMMANDS[0]:
            output = on_this_machine(case.audit, command)
        yield output.decode("utf-8", "surrogateescape")


def on_this_machine(prepare: str, command: str) -> bytes:
    try:
        subprocess.run(["sh", "-ec", prepare], check=True, stdout=subprocess.DEVNULL)
        return subprocess.run(["sh", "-c", command], check=True, capture_output=True).stdout
    finally:
        end = f"auditctl -D -k {KEY}; auditctl -e 0"
        subprocess.run(["sh", "-ec", end], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    for name in sys.argv[1:] or CASES:
        record(name, CASES[name])
