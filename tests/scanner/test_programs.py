import pytest

from scanner.programs import started


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
