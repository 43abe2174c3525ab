import pytest
from msgspec import UNSET

from scanner import image_history
from scanner.model import Unread
from scanner.rule import NoParameters
from scanner.rules.images.image_update_only import check, rebuild
from tests.recorded import context, image

NONE = NoParameters()


def judged(*created_by):
    layers = tuple(map(image_history.layer, created_by))
    return list(check(image("right", history=layers), context(), NONE))


@pytest.mark.parametrize("name", ["wrong", "wrong_old"])
def test_an_update_alone_fails_though_the_next_layer_installs(name):
    [flaw] = check(image(name), context(), NONE)
    assert flaw.sub_object == "RUN apt-get update"


@pytest.mark.parametrize("name", ["right", "right_old", "scratch", "unclear_old"])
def test_update_and_install_in_one_instruction_pass(name):
    assert not list(check(image(name), context(), NONE))


@pytest.mark.parametrize(
    "script",
    [
        "apt-get update",
        "apt-get -y update && apt-get clean",
        "DEBIAN_FRONTEND=noninteractive apt update; rm -rf /var/lib/apt/lists/*",
        "sudo apt-get update",
        "if true; then apt-get update; fi",
        "sh -c 'apt-get update'",
        "aptitude update",
        "apk update",
        "apk --no-cache update",
        "yum makecache",
        "dnf -y makecache --refresh",
        "microdnf makecache",
        "zypper --non-interactive refresh",
        "zypper ref",
        "pacman -Sy",
        "pacman -Syy --noconfirm",
        "opkg update",
        "sed -i s/http/https/ /etc/apt/sources.list && apt-get update",
        "set -e\n# apt-get install curl\napt-get update",
    ],
)
@pytest.mark.parametrize("form", ["/bin/sh -c {}", "RUN |1 A=b /bin/sh -c {} # buildkit"])
def test_every_package_manager_is_known(script, form):
    [flaw] = judged(form.format(script))
    assert flaw.evidence[0].found == flaw.sub_object


@pytest.mark.parametrize(
    "script",
    [
        "apt-get update && apt-get install --yes curl",
        "apt-get update; apt-get dist-upgrade --yes",
        "apt-get install --yes update-notifier",
        "apk update && apk add curl",
        "apk add --update curl",
        "apk upgrade --update-cache",
        "yum update -y",
        "yum makecache && yum install -y curl",
        "dnf upgrade --refresh",
        "zypper ref && zypper in curl",
        "zypper update",
        "pacman -Syu",
        "pacman -Sy --noconfirm curl",
        "pacman -Scc",
        "echo apt-get update",
        "git submodule update",
        "npm update",
        "./apt-get-update",
        "cat <<EOF > /usr/bin/fresh\napt-get update\nEOF",
    ],
)
@pytest.mark.parametrize("form", ["/bin/sh -c {}", "RUN /bin/sh -c {} # buildkit", "{}"])
def test_what_installs_or_is_no_update_passes(script, form):
    assert judged(form.format(script)) == []


@pytest.mark.parametrize(
    "created_by",
    [
        'CMD ["apt-get" "update"]',
        "ENV RUN=apt-get update",
        "LABEL usage=apt-get update",
        "COPY update /bin/ # buildkit",
        "",
        "# debian.sh --arch 'amd64' out/ 'bookworm'",
    ],
)
def test_what_is_no_run_passes(created_by):
    assert judged(created_by) == []


@pytest.mark.parametrize(
    "script", ["apt-get update && ./install.sh", "apt-get update; curl https://a.example/ | bash"]
)
def test_where_another_program_may_install_it_is_unknown(script):
    with pytest.raises(Unread):
        judged(f"RUN /bin/sh -c {script} # buildkit")


def test_truncated_text_is_never_judged():
    with pytest.raises(Unread):
        judged("RUN /bin/sh -c apt-get update && apt-get upd…")
    with pytest.raises(Unread):
        judged("RUN /bin/sh -c apt-get update; " + "echo hello; " * 2000)


def test_an_unclear_one_does_not_hide_what_fails():
    found = check(
        image(
            "right",
            history=(image_history.layer("RUN apk update"), image_history.layer("RUN apk upd…")),
        ),
        context(),
        NONE,
    )
    assert next(found).sub_object == "RUN apk update"
    with pytest.raises(Unread):
        next(found)


def test_no_history_is_unknown():
    with pytest.raises(Unread):
        list(check(image("right", history=UNSET), context(), NONE))


def test_the_fix_installs_in_the_same_instruction():
    lines = list(rebuild(image("wrong")))
    assert lines == [
        "-RUN apt-get update",
        "+RUN apt-get update && apt-get install -y PACKAGE",
    ]
    fixed = image_history.layer(lines[1][1:])
    assert not list(check(image("right", history=(fixed,)), context(), NONE))
