"""Which programs a command line starts, as far as it says so itself. Pure."""

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

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
_HERE = re.compile(r"(?<!<)<<-?\s*[\"']?([A-Za-z_]\w*)")

LOGIN_SERVICES = {
    "ssh": ("sshd", "sshd-session", "sshd-auth", "dropbear", "tinysshd", "22/tcp"),
    "telnet": ("telnetd", "in.telnetd", "utelnetd", "23/tcp"),
    "ftp": ("ftpd", "in.ftpd", "vsftpd", "proftpd", "pure-ftpd*", "bftpd", "21/tcp"),
    "rlogin": ("rlogind", "rshd", "rexecd", "in.rlogind", "in.rshd", "in.rexecd", "513/tcp"),
    "vnc": (
        *("vncserver", "Xvnc", "Xvnc4", "Xtigervnc", "Xtightvnc", "x11vnc", "x0vncserver"),
        *("x0tigervncserver", "wayvnc", "5900/tcp", "5901/tcp"),
    ),
    "rdp": ("xrdp", "xrdp-sesman", "3389/tcp"),
    "inetd": ("in.*",),
}
"""What betrays a service for remote login: whole names of programs, and ports of the container."""


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


def commands(script: str) -> Iterator[list[str]]:
    """The commands of a shell script, each as the program's base name and its arguments; programs
    that start another, `sudo` and `sh -c` among them, are left out for what they start. Where a
    quotation has no end, none is taken for one."""
    script = _without_documents(script.replace("\\\n", " "))
    found, complete = _commands(script)
    if not complete:
        found = [part.split() for part in re.split(r"[;&|()\n]", script)]
    for words in found:
        rest = _without_options(words)
        name = posixpath.basename(rest[0]) if rest else ""
        while name in _STARTERS:
            rest = _without_options(_without_options(rest[1:])[_STARTERS[name] :])
            name = posixpath.basename(rest[0]) if rest else ""
        option = next((i for i, w in enumerate(rest) if re.fullmatch(r"-[a-z]*c[a-z]*", w)), None)
        if name in _SHELLS and option is not None:
            yield from commands("".join(rest[option + 1 : option + 2]))
        elif name:
            yield [name, *rest[1:]]


def _without_documents(script: str) -> str:
    """Without comments, and without the lines that `<<EOF` hands to a program."""
    kept, end = [], ""
    for line in script.split("\n"):
        if end:
            end = "" if line.strip() == end else end
        elif not line.lstrip().startswith("#"):
            kept.append(line)
            here = _HERE.search(line)
            end = here[1] if here else ""
    return "\n".join(kept)


def login_service(name: str, services: Mapping[str, Sequence[str]]) -> str:
    """Which of the services a program, port or package betrays; "" if none. In their lists * stands
    for any text."""
    for service, patterns in services.items():
        if name in patterns or any(fnmatchcase(name, p) for p in patterns if "*" in p):
            return service
    return ""


def _by_shell(words: Sequence[str]) -> Iterator[str]:
    for number, word in enumerate(words):
        if re.fullmatch(r"-[a-z]*c[a-z]*", word):
            for command in _commands("".join(words[number + 1 : number + 2]))[0]:
                yield from started(_without_options(command))
            return
    yield from started(_without_options(words))


def _without_options(words: Sequence[str]) -> list[str]:
    """From the first word on that is neither an option nor a variable's value."""
    rest = list(words)
    while rest and (rest[0].startswith("-") or re.match(r"\w+=", rest[0])):
        del rest[: 2 if rest[0] in _TAKE_A_VALUE else 1]
    return rest


def _commands(script: str) -> tuple[list[list[str]], bool]:
    """The words of each command of a shell script, and whether that is all of it: of a quotation
    without an end only what comes before has been read."""
    lexer = shlex.shlex(script, posix=True, punctuation_chars=";&|()\n")
    lexer.whitespace, lexer.commenters = " \t\r", ""
    found: list[list[str]] = [[]]
    try:
        for token in lexer:
            if token.strip(";&|()\n"):
                found[-1].append(token)
            else:
                found.append([])
    except ValueError:
        return found, False
    return found, True
