"""From addresses and credentials to ways; credentials are never left out silently."""

from pathlib import Path
from typing import Any

import pytest

from scanner.engine import Engine
from scanner.errors import EngineError
from scanner.transport.address import parse
from scanner.transport.certificates import generate_key
from scanner.transport.credentials import Ssh, Tls
from scanner.transport.ways import way_to
from tests.support.certificates import Certificates

URLS = {
    "unix": "unix:///run/docker.sock",
    "tcp": "tcp://web-1:2375",
    "tls": "https://web-1:2376",
    "ssh": "ssh://me@web-1:22",
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    files = Certificates.make(tmp_path_factory.mktemp("tls") / "files")
    ssh = Ssh(key=generate_key()[0])
    return {"unix": None, "tcp": None, "tls": files.credentials(), "ssh": ssh}


@pytest.mark.parametrize("kind", URLS)
@pytest.mark.parametrize("other", URLS)
def test_an_address_takes_the_credentials_of_its_kind_only(
    shown: dict[str, Any], kind: str, other: str
):
    where, credentials = parse(URLS[kind]), shown[other]
    if type(shown[kind]) is type(credentials):
        way = way_to(where, credentials, [])
        assert way.address == where
        way.close()
        return
    with pytest.raises(EngineError) as caught:
        way_to(where, credentials, [])
    assert caught.value.kind == "bad_credentials"
    assert caught.value.advice


@pytest.mark.parametrize("kind", URLS)
def test_nothing_is_opened_before_it_is_needed(shown: dict[str, Any], kind: str):
    with Engine(URLS[kind], shown[kind]) as engine:
        assert engine.reached == kind
        assert engine.url == URLS[kind]
        assert engine.ledger == []
        assert engine.another().ledger is engine.ledger


@pytest.mark.parametrize("part", ["ca", "certificate", "key"])
@pytest.mark.parametrize("text", ["", "nonsense"])
def test_texts_that_are_no_certificates(shown: dict[str, Any], part: str, text: str):
    whole: Tls = shown["tls"]
    parts = {name: getattr(whole, name) for name in ("ca", "certificate", "key")}
    with pytest.raises(EngineError) as caught:
        Engine(URLS["tls"], Tls(**{**parts, part: text}))
    assert caught.value.kind == "bad_credentials"


@pytest.mark.parametrize(
    "changes",
    [
        {"key": ""},
        {"key": "nonsense"},
        {"host_key": "nonsense"},
        {"bastion": "ssh://me@bastion", "bastion_host_key": "nonsense"},
    ],
)
def test_texts_that_are_no_keys(shown: dict[str, Any], changes: dict[str, str]):
    with pytest.raises(EngineError) as caught:
        Engine(URLS["ssh"], Ssh(**{"key": shown["ssh"].key, **changes}))
    assert caught.value.kind == "bad_credentials"


def test_secrets_do_not_show(shown: dict[str, Any]):
    for kind in ("tls", "ssh"):
        printed = f"{shown[kind]!r} {shown[kind]} {[shown[kind]]}"
        assert "BEGIN" not in printed
        assert shown[kind].key.splitlines()[1] not in printed


def test_a_private_key_never_reaches_the_disk(
    shown: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Not even where temporary files would lie."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with Engine(URLS["tls"], shown["tls"]):
        assert list(tmp_path.iterdir()) == []
