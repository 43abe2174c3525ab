"""Nothing on a host may be changed by what is run there."""

import re

from scanner.machine import COMMANDS

# Programs that only read, with the options that are used, what the shell itself has for the same,
# and the functions that the commands are made of.
READING = {
    *("auditctl", "awk", "command", "cut", "echo", "export", "getent", "grep", "head", "id"),
    *("printf", "read", "readlink", "return", "sed", "stat", "tr", "uname", "break", "continue"),
    *("begin", "daemon", "group", "look", "some", "text", "trouble", "units", "value", "variable"),
    "words",
}
GRAMMAR = {"case", "do", "done", "elif", "else", "esac", "fi", "for", "if", "then", "while"}
BEFORE = r"(?:^|[;|]|(?<!\()\(|(?<!\$)\{|&&|\|\||\b(?:do|then|else|if|while)\b)"


def bare(command):
    """Without comments, formats, and the programs of awk and sed."""
    return re.sub(r"'[^']*'", "''", re.sub(r"^#.*$", "", command, flags=re.MULTILINE))


def words():
    """Every word that stands where a command stands."""
    for command in COMMANDS:
        yield from re.findall(BEFORE + r"\s*([a-z]+)\b(?!=)", bare(command), re.MULTILINE)


def test_only_reading_programs_are_called():
    assert {"stat", "auditctl", "getent"} <= set(words())
    assert set(words()) - READING - GRAMMAR == set()


def test_auditctl_is_only_asked_to_list():
    calls = {call for command in COMMANDS for call in re.findall(r"auditctl +(-\S+)", command)}
    assert calls == {"-l", "-s"}


def test_nothing_is_written_but_complaints_that_are_thrown_away():
    for command in COMMANDS:
        targets = re.findall(r">+ *([^ \n;)|]+)", bare(command))
        assert set(targets) == {"/dev/null", "&1"} & set(targets)
        assert targets


def test_the_first_line_says_what_a_command_is_for():
    for command in COMMANDS:
        assert command.startswith("# plimsoll reads ")


def test_they_are_constants_that_a_key_can_be_limited_to():
    assert all(command.isascii() and "\0" not in command for command in COMMANDS)
    assert all(len(command) < 16 * 1024 for command in COMMANDS)
