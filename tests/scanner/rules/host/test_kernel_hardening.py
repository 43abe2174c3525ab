import msgspec
import pytest
from msgspec.structs import replace

from scanner.machine.commands import SYSCTLS
from scanner.model import Unread
from scanner.rules.host.kernel_hardening import RECOMMENDED, RULE
from tests.recorded.machines import machine
from tests.scanner.rules.host.judging import flaws, judge

NAMES = {line.partition(" = ")[0] for line in RECOMMENDED}


def on(**values):
    known = machine("usual")
    names = {name.replace("__", "."): value for name, value in values.items()}
    return replace(known, sysctls={**known.sysctls, **names})


def test_values_that_are_off_fail_one_by_one():
    found = flaws(RULE, on(kernel__kptr_restrict="0", fs__protected_symlinks="0"))
    assert {"kernel.kptr_restrict", "fs.protected_symlinks"} <= set(found)
    assert found["kernel.kptr_restrict"].evidence[0].wanted == "1 or 2"


def test_a_kernel_with_all_of_them_passes():
    right = {line.partition(" = ")[0]: line.split()[-1] for line in RECOMMENDED}
    [shown] = judge(RULE, replace(machine("usual"), sysctls=right))
    assert shown.evidence[0].found.startswith("Linux ")


def test_what_this_kernel_lacks_does_not_count():
    assert machine("usual").sysctl("kernel.yama.ptrace_scope") is None
    assert "kernel.yama.ptrace_scope" not in flaws(RULE, "usual")


def test_which_values_are_right_is_the_policys():
    wanted = ("kernel.randomize_va_space = 0 or 1",)
    assert list(flaws(RULE, "usual", wanted=wanted)) == ["kernel.randomize_va_space"]
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"wanted": ["kernel.dmesg_restrict > 0"]}, RULE.parameters)


def test_all_that_is_recommended_is_asked_of_a_host():
    assert {name.replace(".", "/") for name in NAMES} <= set(SYSCTLS)


def test_a_value_that_the_host_was_not_asked_for_is_unknown():
    with pytest.raises(Unread, match=r"vm\.swappiness"):
        judge(RULE, "usual", wanted=("vm.swappiness = 0",))


def test_one_that_may_not_be_read_is_unknown_after_those_that_are_wrong():
    denied = replace(on(fs__suid_dumpable="1"), unread={"kernel.kptr_restrict": "denied"})
    found = []
    with pytest.raises(Unread, match="kptr_restrict"):
        found.extend(judge(RULE, denied))
    assert "fs.suid_dumpable" in flaws(RULE, on(fs__suid_dumpable="1"))
