"""What the rules about a host's files say to do is done on a real host, and then they pass."""

import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from scanner.collect import collect
from scanner.engine import Engine as Client
from scanner.evaluate import evaluate
from scanner.machine import COMMANDS, Machine, read
from scanner.model import Snapshot
from scanner.remedy import advice
from scanner.rule import Family, Rule, Verdict
from scanner.rules import BY_SLUG, RULES
from scanner.rules.host.kernel_hardening import RECOMMENDED
from tests.conftest import start
from tests.recorded.record_machines import OPEN
from tests.support.engines import Engine
from tests.support.machines import ROOTS_PATH, Local

pytestmark = pytest.mark.engine

HOST_RULES = [rule for rule in RULES if rule.family is Family.HOST]
BY_FILES = ["socket", "service-unit", "configuration", "certificate"]

# A kernel's values of the host's own: what is set there never reaches the machine.
VALUES = "".join(
    f"mkdir -p /run/values/{name.rpartition('.')[0].replace('.', '/')}\n"
    f"echo 0 > /run/values/{name.replace('.', '/')}\n"
    for name in (line.partition(" = ")[0] for line in RECOMMENDED)
)


class Host:
    """An engine's host whose files may be changed."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.root = Local.with_own_files(engine)

    def verdicts(self, rule: Rule, shell: object = None) -> set[Verdict]:
        with Client(self.engine.url) as client:
            seen = collect(client, processes=False)
        found: Machine = read(
            shell or self.root, data_root=seen.host.data_root, socket="/run/docker.sock"
        )
        whole = Snapshot(host=seen.host, machine=found)
        return {result.verdict for result in evaluate(whole, rules=[rule])}


def told(rule: Rule) -> str:
    """The commands as they are shown."""
    [commands] = [r for r in advice(rule).renderings if r.form == "Commands"]
    return f"set -e\n{commands.text}\n"


@pytest.fixture
def host() -> Iterator[Host]:
    engine = start("advised", images=False)
    yield Host(engine)
    engine.stop()


def test_every_rule_about_the_host_has_its_advice_tried() -> None:
    tried = {f"{name}-permissions" for name in BY_FILES}
    tried |= {"docker-group-members", "separate-partition", "kernel-hardening", "audit-rules"}
    tried.add("configuration-in-force")
    assert {rule.slug for rule in HOST_RULES} == tried


def test_who_may_read_and_write_files(host: Host) -> None:
    rules = [BY_SLUG[f"{name}-permissions"] for name in BY_FILES]
    host.root.do(OPEN)
    for rule in rules:
        assert host.verdicts(rule) == {Verdict.FAIL}, rule.slug
        host.root.do(told(rule))
        assert host.verdicts(rule) == {Verdict.PASS}, rule.slug


def test_members_of_the_group(host: Host) -> None:
    rule = BY_SLUG["docker-group-members"]
    host.root.do("useradd --groups docker mallory")
    assert host.verdicts(rule) == {Verdict.FAIL}
    host.root.do(f"USER_TO_REMOVE=mallory\n{told(rule)}")
    assert host.verdicts(rule) == {Verdict.PASS}


def test_a_partition_of_its_own(host: Host) -> None:
    rule = BY_SLUG["separate-partition"]
    assert host.verdicts(rule) == {Verdict.FAIL}
    host.root.do("truncate --size=64M /run/disk")
    commands = told(rule)
    assert "DEVICE=/dev/sdX1 " in commands
    host.root.do(commands.replace("/dev/sdX1", "/run/disk"))
    assert host.verdicts(rule) == {Verdict.PASS}


def test_values_of_the_kernel(host: Host) -> None:
    rule = BY_SLUG["kernel-hardening"]
    host.root.do(f"{VALUES}\necho 1 > /run/values/fs/suid_dumpable")
    host.root.do("mount --bind /run/values /proc/sys")
    assert host.verdicts(rule) == {Verdict.FAIL}
    host.root.do(told(rule))
    assert host.verdicts(rule) == {Verdict.PASS}


@contextmanager
def audit_kept() -> Iterator[None]:
    """The machine's audit is afterwards as it was."""
    before, enabled = audit("-l"), re.search(r"^enabled (\d)", audit("-s"), re.MULTILINE)
    assert enabled is not None
    try:
        yield
    finally:
        for rule in set(audit("-l").splitlines()) - set(before.splitlines()):
            audit(*shlex.split(re.sub("^-w", "-W", rule)))
        audit("-e", enabled[1])


def audit(*words: str) -> str:
    command = ["auditctl", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_the_kernels_audit(host: Host) -> None:
    """Its rules are the machine's: those that were added are taken away again. auditd itself, which
    switches auditing on when it starts, does not run here."""
    rule = BY_SLUG["audit-rules"]
    outside = Local(host.engine, apart=False)

    class Both:
        def run(self, command: str) -> tuple[int, bytes]:
            return (outside if command == COMMANDS[0] else host.root).run(command)

    host.root.do("rm -f /etc/audit/rules.d/*")
    assert host.verdicts(rule, Both()) == {Verdict.FAIL}
    install, rest = told(rule).partition("apt-get install auditd\n")[1:]
    assert install
    with audit_kept():
        outside.do(f"set -e\n{rest}")
        assert host.verdicts(rule, Both()) == {Verdict.FAIL}, "auditing is off"
        outside.do("auditctl -e 1")
        assert host.verdicts(rule, Both()) == {Verdict.PASS}


def test_configuration_that_is_not_in_force(host: Host) -> None:
    """There is no systemd here: what it would do at its command is done by hand."""
    rule = BY_SLUG["configuration-in-force"]
    assert host.verdicts(rule) == {Verdict.PASS}
    time.sleep(1.1)  # the files' times are compared by the second
    host.root.do("echo '{\"icc\": ' > /etc/docker/daemon.json")
    assert host.verdicts(rule) == {Verdict.FAIL}
    assert host.root.run(ROOTS_PATH + told(rule))[0] != 0, "the advice says that it is no JSON"
    host.root.do("echo '{\"icc\": false}' > /etc/docker/daemon.json")
    assert host.verdicts(rule) == {Verdict.FAIL}
    host.root.do(told(rule))
    (host.engine.directory / "etc" / "daemon.json").write_text('{"icc": false}')
    host.engine.restart()
    assert Host(host.engine).verdicts(rule) == {Verdict.PASS}
