import pytest

from scanner.programs import commands, started


@pytest.mark.parametrize(
    ("words", "programs"),
    [
        ((), []),
        (("",), []),
        (("/usr/sbin/sshd", "-D"), ["sshd"]),
        (("sshd-exporter", "sshd"), ["sshd-exporter"]),
        (("tail", "-f", "/var/log/sshd"), ["tail"]),
        (("tini", "--", "/usr/sbin/sshd", "-D"), ["tini", "sshd"]),
        (("env", "-u", "HOME", "PORT=22", "dropbear"), ["env", "dropbear"]),
        (("gosu", "root", "sshd"), ["gosu", "sshd"]),
        (("busybox", "telnetd", "-F"), ["busybox", "telnetd"]),
        (("/docker-entrypoint.sh", "/usr/sbin/vsftpd"), ["docker-entrypoint.sh", "vsftpd"]),
        (("bash", "/entrypoint", "sshd"), ["bash", "entrypoint", "sshd"]),
        (("sh", "-c", ""), ["sh"]),
        (("sh", "-c"), ["sh"]),
        (("sh", "-c", "/usr/sbin/sshd; exec app"), ["sh", "sshd", "exec", "app"]),
        (("bash", "-lc", "cd /srv && sshd -D & app"), ["bash", "cd", "sshd", "app"]),
        (("sh", "-c", "echo 'run; sshd' | logger\nPORT=1 app"), ["sh", "echo", "logger", "app"]),
        (("sh", "-c", "if true; then sshd; fi"), ["sh", "if", "true", "then", "sshd", "fi"]),
        (("sh", "-c", "service ssh start && app"), ["sh", "service", "sshd", "app"]),
        (("/etc/init.d/xrdp", "start"), ["service", "xrdp"]),
        (("service", "ssh", "status"), ["service"]),
        (("service",), ["service"]),
        (("sh", "-c", "sshd; echo 'cut off"), ["sh", "sshd", "echo"]),
    ],
)
def test_programs_are_found_by_their_place_in_the_line(words, programs):
    assert list(started(words)) == programs


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("", []),
        ("apt-get update", [["apt-get", "update"]]),
        ("/usr/bin/apt -y update&&rm -f /a", [["apt", "-y", "update"], ["rm", "-f", "/a"]]),
        ("DEBIAN_FRONTEND=noninteractive sudo -E apt update", [["apt", "update"]]),
        ("if true; then apk update; fi", [["true"], ["apk", "update"], ["fi"]]),
        ("{ apk update; }", [["apk", "update"], ["}"]]),
        ("(apk update)", [["apk", "update"]]),
        ("sh -c 'apk update; ls'", [["apk", "update"], ["ls"]]),
        ("sh run.sh", [["sh", "run.sh"]]),
        ("apk \\\n  update", [["apk", "update"]]),
        ("# don't\napk update\n", [["apk", "update"]]),
        ("echo 'apk update'", [["echo", "apk update"]]),
        ("apk update; echo 'cut off", [["apk", "update"], ["echo", "'cut", "off"]]),
        ("cat <<EOF >/a\nit's\napk update\nEOF\nls", [["cat", *"<<", "EOF", ">", "/a"], ["ls"]]),
    ],
)  # fmt: skip
def test_the_commands_of_a_script_are_what_it_starts(script, found):
    assert list(commands(script)) == found
