import pytest

from scanner.machine.audit import watch


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("-w /etc/docker -p wa -k docker", "/etc/docker"),
        ("-w /etc/docker/ -p rwxa", "/etc/docker/daemon.json"),
        ("-w /etc/docker", "/etc/docker"),
        ("-a always,exit -F dir=/etc/docker -F perm=wa", "/etc/docker/certs.d/x"),
        ("-a exit,always -F path=/usr/bin/runc -F perm=rwxa -F key=x", "/usr/bin/runc"),
        ("-a always,exit -S all -F path=/x -F perm=wa -F auid>=1000 -F auid!=-1", "/x"),
        ("-a always,exit -F arch=b64 -S all -F path=/x -F perm=wa", "/x"),
        ("-a always,exit -F path=/x", "/x"),
        ("-w '/etc/a b' -p wa", "/etc/a b"),
    ],
)
def test_rules_that_record_what_happens_to_a_path(rule, path):
    assert watch(rule).covers(path, "wa")


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("-w /usr/bin/containerd-shim -p wa", "/usr/bin/containerd"),
        ("-w /usr/bin/containerd -p wa", "/usr/bin/containerd-shim"),
        ("-w /etc/docker/daemon.json -p wa", "/etc/docker"),
        ("-a always,exit -F path=/etc/docker -F perm=wa", "/etc/docker/daemon.json"),
        ("-w /etc/docker -p x", "/etc/docker"),
        ("-w /etc/docker -p w", "/etc/docker"),
    ],
)
def test_rules_that_record_something_else(rule, path):
    assert not watch(rule).covers(path, "wa")


@pytest.mark.parametrize(
    "rule",
    [
        "No rules",
        "",
        "-D",
        "-b 8192",
        "-e 2",
        "-a never,exit -F path=/etc/docker",
        "-a always,exclude -F msgtype=CWD",
        "-a always,user -F uid=0",
        "-a always,exit -F path=/x -F uid=1000",
        "-a always,exit -F path=/x -F exe=/bin/ls",
        "-a always,exit -C uid!=euid -F path=/x",
        "-a always,exit -F arch=b64 -S execve -F path=/x",
        "-a always,exit -S all -F key=all",
        "-w 'unfinished",
    ],
)
def test_rules_that_watch_no_path_or_not_all_that_happens_to_it(rule):
    assert watch(rule) is None
