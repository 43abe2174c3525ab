"""Which programs a command line starts, as far as it says so itself. Pure."""

import posixpath
import re
import shlex
from collections.abc import Iterator, Sequence

# Programs and words of the shell that start another program, and how many words of their own they
# take before its name.
_STARTERS = dict.fromkeys(
    (
        *("tini", "dumb-init", "docker-init", "catatonit", "env", "exec", "nohup", "sudo", "doas"),
        *("setpriv", "setsid", "nice", "ionice", "busybox", "command"),
        *("then", "do", "else", "if", "elif", "while", "until", "!", "{"),
    ),
    0,
) | dict.fromkeys(("su-exec", "gosu", "timeout", "chroot", "s6-setuidgid"), 1)
_TAKE_A_VALUE = {"-u", "-g", "-n", "-e"}
_SHELLS = {"sh", "ash", "bash", "dash", "ksh", "zsh"}
_INIT_SCRIPTS = {"service", "rc-service", "invoke-rc.d"}
_SERVICES = {"ssh": "sshd"}
"""Init scripts that are not called like the program that they start."""


def started(words: Sequence[str]) -> Iterator[str]:
    """Base names of the programs, in order: of `tini -- /usr/sbin/sshd -D` tini and sshd.

    Arguments are no programs, but what follows the name of a start script is taken for one.
    """
    rest = [word for word in words if word]
    if not rest:
        return
    path, rest = rest[0], rest[1:]
    name = posixpath.basename(path)
    if "/init.d/" in path:
        name, rest = "service", [name, *rest]
    yield name
    if name in _INIT_SCRIPTS:
        if rest and rest[1:2] in (["start"], ["restart"]):
            yield _SERVICES.get(rest[0], rest[0])
    elif name in _SHELLS:
        yield from _by_shell(rest)
    elif name in _STARTERS:
        yield from started(_without_options(rest)[_STARTERS[name] :])
    elif name.endswith(".sh") or "entrypoint" in name:
        yield from started(rest)


def _by_shell(words: Sequence[str]) -> Iterator[str]:
    for number, word in enumerate(words):
        if re.fullmatch(r"-[a-z]*c[a-z]*", word):
            for command in _commands("".join(words[number + 1 : number + 2])):
                yield from started(_without_options(command))
            return
    yield from started(_without_options(words))


def _without_options(words: Sequence[str]) -> list[str]:
    """From the first word on that is neither an option nor a variable's value."""
    rest = list(words)
    while rest and (rest[0].startswith("-") or re.match(r"\w+=", rest[0])):
        del rest[: 2 if rest[0] in _TAKE_A_VALUE else 1]
    return rest


def _commands(script: str) -> list[list[str]]:
    """The words of each command of a shell script."""
    lexer = shlex.shlex(script, posix=True, punctuation_chars=";&|()\n")
    lexer.whitespace, lexer.commenters = " \t\r", ""
    found: list[list[str]] = [[]]
    try:
        for token in lexer:
            if token.strip(";&|()\n"):
                found[-1].append(token)
            else:
                found.append([])
    except ValueError:  # a quotation without an end: what comes before it has been read
        return found
    return found
