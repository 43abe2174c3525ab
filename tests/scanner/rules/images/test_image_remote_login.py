import pytest
from msgspec import UNSET

from scanner import image_history
from scanner.model import Unread
from scanner.rules.images.image_remote_login import Parameters, check, rebuild
from tests.recorded import context, image

DEFAULT = Parameters()


def services(parameters=DEFAULT, **changes):
    known = image("right", **changes)
    return [flaw.sub_object for flaw in check(known, context(), parameters)]


@pytest.mark.parametrize("name", ["wrong", "wrong_old"])
def test_what_is_started_exposed_and_installed_is_one_flaw(name):
    [flaw] = check(image(name), context(), DEFAULT)
    assert flaw.sub_object == "ssh"
    assert [evidence.found for evidence in flaw.evidence] == [
        *("sshd", "22/tcp", "the package openssh-server")
    ]


@pytest.mark.parametrize("name", ["right", "right_old", "scratch", "unclear_old"])
def test_an_ordinary_image_passes(name):
    assert not list(check(image(name), context(), DEFAULT))


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (("/usr/sbin/dropbear", "-F"), ["ssh"]),
        (("sh", "-c", "service ssh start && app"), ["ssh"]),
        (("tini", "--", "in.telnetd"), ["telnet"]),
        (("app", "--with", "sshd"), []),
        (("sshd-exporter",), []),
    ],
)
def test_programs_are_found_by_their_place_in_the_line(command, found):
    assert services(entrypoint=(), command=command) == found


@pytest.mark.parametrize(
    ("script", "found"),
    [
        ("apt-get install -y openssh-server=1:9.2 supervisor", ["ssh"]),
        ("apk add --no-cache dropbear", ["ssh"]),
        ("yum -y install vsftpd", ["ftp"]),
        ("dnf install -y tigervnc-standalone-server", ["vnc"]),
        ("apt-get remove openssh-server", []),
        ("apk add openssh-client", []),
        ("echo install openssh-server", []),
    ],
)
def test_packages_are_found_where_they_are_installed(script, found):
    assert services(history=(image_history.layer(f"/bin/sh -c {script}"),)) == found


def test_a_policy_says_what_counts():
    none = Parameters(services={"own": ("opsd",)}, packages={})
    assert services(none, exposed_ports=("22/tcp",), command=("opsd",)) == ["own"]


def test_truncated_text_is_unknown_after_what_was_found():
    layers = (image_history.layer("RUN apk add dropbear"), image_history.layer("RUN apk ad…"))
    found = check(image("right", history=layers), context(), DEFAULT)
    assert next(found).sub_object == "ssh"
    with pytest.raises(Unread):
        next(found)


@pytest.mark.parametrize("fact", ["entrypoint", "command", "exposed_ports", "history"])
def test_what_was_not_read_is_unknown(fact):
    with pytest.raises(Unread):
        services(**{fact: UNSET})


def test_the_fix_takes_the_service_out():
    assert list(rebuild(image("wrong"))) == [
        "-EXPOSE 22/tcp",
        '-CMD ["/usr/sbin/sshd","-D"]',
        '+CMD ["the program itself"]',
    ]
