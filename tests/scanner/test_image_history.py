"""Which instruction made a layer, as the builders write it, and that no credential stays in it."""

import json
import time

import pytest

from scanner import image_history, parse, wire
from scanner.image_history import layer
from scanner.model import EnvironmentName

BY_NAME = "the name says that it is a credential"


@pytest.mark.parametrize(
    ("created_by", "keyword", "text"),
    [
        ("/bin/sh -c #(nop) ADD file:0f1e in / ", "ADD", "file:0f1e in /"),
        ('/bin/sh -c #(nop)  CMD ["sleep" "1"]', "CMD", '["sleep" "1"]'),
        ("/bin/bash -o pipefail -c #(nop) COPY dir:0f1e in /srv ", "COPY", "dir:0f1e in /srv"),
        ("cmd /S /C #(nop) ADD dir:0f1e in C:\\app ", "ADD", "dir:0f1e in C:\\app"),
        ("ADD app.conf /etc/ # buildkit", "ADD", "app.conf /etc/"),
        ("USER 1000", "USER", "1000"),
        ("EXPOSE map[80/tcp:{}]", "EXPOSE", "map[80/tcp:{}]"),
        ("/bin/sh -c apt-get update", "RUN", "apt-get update"),
        ("RUN /bin/sh -c apt-get update # buildkit", "RUN", "apt-get update"),
        ("RUN /bin/bash -o pipefail -c set -e # buildkit", "RUN", "set -e"),
        ("RUN /bin/sh -c ls /\n# a\nls\n # buildkit", "RUN", "ls /\n# a\nls"),
        ("RUN apk add curl", "RUN", "apk add curl"),
        ("|1 WHO=me /bin/sh -c make", "RUN", "make"),
        ("RUN |2 WHO=me and you X= /bin/sh -exc make; ls # buildkit", "RUN", "make; ls"),
        ("|1 WHO=me make all", "RUN", "make all"),
        ("/bin/sh -c echo #(nop) ADD x", "RUN", "echo #(nop) ADD x"),
        ("ENV LISTEN_ADDR=0.0.0.0:80 GREETING=hello world", "ENV", "LISTEN_ADDR, GREETING"),
        ("ARG VERSION", "ARG", "VERSION"),
        ("/bin/sh -c #(nop)  ENV JAVA_OPTS=-Da=1 -Db=2", "ENV", "JAVA_OPTS"),
        ("LABEL org.example/team=ADD it", "LABEL", "org.example/team"),
        ("ADDRESS of nobody", "", "ADDRESS of nobody"),
        ("# debian.sh --arch 'amd64'", "", "# debian.sh --arch 'amd64'"),
        ("bazel build //shop:image", "", "bazel build //shop:image"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_every_builder_is_understood(created_by, keyword, text):
    found = layer(created_by)
    assert (found.keyword, found.text, found.truncated) == (keyword, text, False)
    assert found.credentials == ()


@pytest.mark.parametrize(
    "created_by",
    [
        "ARG NPM_TOKEN=hunter2",
        "/bin/sh -c #(nop)  ENV GREETING=hello NPM_TOKEN=hunter2 hunter2",
        "|1 NPM_TOKEN=hunter2 /bin/sh -c npm ci",
        "RUN |2 NPM_TOKEN=hunter2 GREETING=hello world /bin/sh -c npm ci # buildkit",
        "RUN |2 GREETING=hello world NPM_TOKEN=hunter2 hunter2 /bin/sh -c npm ci # buildkit",
        "RUN |1 NPM_TOKEN=a hunter2 /usr/bin/npm ci # buildkit",
        "LABEL NPM_TOKEN=hunter2",
    ],
)
def test_a_variable_that_looks_like_a_credential_is_told_by_name_alone(created_by):
    found = layer(created_by)
    assert found.credentials == (EnvironmentName("NPM_TOKEN", BY_NAME),)
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "command",
    [
        "curl -H 'Authorization: Bearer hunter2' https://example.com/",
        "curl -fsS -u shop:hunter2 https://example.com/",
        "git clone https://shop:hunter2@example.com/shop.git",
        "git clone https://shop:${TOKEN}@example.com/a && git clone https://shop:hunter2@b/c",
        "echo root:hunter2 | chpasswd",
        "sshpass -p hunter2 ssh example.com",
        "export DB_PASSWORD=hunter2; make",
        'echo "password = hunter2" > /etc/shop.conf',
        "npm config set //registry.example.com/:_authToken=hunter2",
        "printf -----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY----- > /key",
        "printf -----BEGIN PRIVATE KEY-----\nhunter2",
    ],
)
@pytest.mark.parametrize("form", ["/bin/sh -c {}", "RUN /bin/sh -c {} # buildkit", "CMD {}"])
def test_a_credential_in_a_command_is_found_and_hidden(command, form):
    found = layer(form.format(command))
    [credential] = found.credentials
    assert credential.name == ""
    assert credential.suspicion
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "command",
    [
        "git clone https://shop:${TOKEN}@example.com/a",
        "curl -u $USER:$PASSWORD https://example.com/",
        'curl -H "Authorization: Bearer $TOKEN" https://example.com/',
        "docker login --password-stdin",
        "--mount=type=secret,id=npm npm ci --token=$(cat /run/secrets/npm)",
        "echo ${PASSWORD} | chpasswd",
        "useradd -u 1000:1000 app && passwd -l root",
        "apt-get install --yes passwd libsecret-tools",
        "curl -fsSL https://example.com/key.asc | gpg --dearmor",
    ],
)
def test_what_names_a_credential_is_none(command):
    assert layer(f"RUN /bin/sh -c {command} # buildkit").credentials == ()


def test_hiding_leaves_the_other_commands_whole():
    found = layer("RUN /bin/sh -c apt-get update && echo passwd && apt-get install --yes curl")
    assert found.text.endswith(" && apt-get install --yes curl")


def test_values_of_variables_are_not_kept():
    assert layer("ENV DB_PASSWORD=x GREETING=hello").text == "DB_PASSWORD, GREETING"
    assert "blue" not in repr(layer("ENV COLOUR blue"))
    assert "blue" not in repr(layer("ENV COLOUR=blue SHADE=blue blue"))
    assert "blue" not in repr(layer("RUN |1 COLOUR=blue /bin/sh -c make"))


def test_what_is_longer_than_it_is_read_is_truncated():
    long = "RUN /bin/sh -c " + "echo hello; " * 2000
    assert layer(long).truncated
    assert len(layer(long).text) <= image_history.LIMIT
    assert layer("RUN /bin/sh -c apt-get upd…").truncated
    assert len(layer(long).instruction) == 120


@pytest.mark.parametrize(
    "text",
    [
        *("a", "a.", "a+", "a:", "pass", "password ", "password='", "curl -u ", "a=b ", "eyJ"),
        *("http://", "sh -c ", "sh -a ", "//sh ", "-----BEGIN PRIVATE KEY-----", "\n", " ", "-"),
        *("x:y", "authorization: ", "#(nop) ", "|9 a=b ", "{", "\0"),
    ],
)
@pytest.mark.parametrize("before", ["", "RUN ", "ENV ", "|9 ", "/bin/sh -c #(nop) ENV "])
def test_no_text_takes_long(before, text):
    started = time.process_time()
    layer(before + text * (image_history.LIMIT // len(text)))
    assert time.process_time() - started < 1


def test_the_engine_lists_the_newest_first():
    body = json.dumps([{"CreatedBy": "USER 1000", "Size": 0}, {"CreatedBy": "ADD a /", "Size": 7}])
    first, last = parse.history(body.encode())
    assert (first.keyword, first.size, last.keyword) == ("ADD", 7, "USER")


def test_a_history_without_an_end_is_malformed():
    body = json.dumps([{"CreatedBy": "USER 1000", "Size": 0}] * 1001).encode()
    with pytest.raises(wire.Malformed, match="1001 instructions"):
        parse.history(body)
