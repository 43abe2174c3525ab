"""Every way in which a connection fails, for real: its rung, its kind, what is said, what to do.

Nothing is kept of a connection that is tried; that nothing is saved is the portal's to test.
"""

import multiprocessing
import os
import re
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scanner import Engine as Client
from scanner import EngineError, Probe, Ssh, Step, Tls, probe
from scanner.probe import FAILED, NOT_REACHED, OK
from tests.conftest import start
from tests.support.certificates import CLIENT, DAY, SERVER, Certificates
from tests.support.engines import Engine
from tests.support.hostile import Peer, Server
from tests.support.ssh import MEMBER, VISITOR, SshServer, without_docker

pytestmark = pytest.mark.engine

ANSWERS = "A Docker engine answers"
TLS = "TLS is spoken there"
THEIRS = "The certificate is that of 127.0.0.1"
OURS = "Our certificate is accepted"
USABLE = "Certificates and keys can be used"
KEY = "The SSH key is that of 127.0.0.1"
MEMBER_MAY = f"{MEMBER} may use Docker there"
SCHEMES = ("tcp", "https", "ssh")


def failure(rung: str, kind: str, url: str, credentials: Any = None, **bounds: float) -> Step:
    """The one rung that failed, with all before it held and none after it tried."""
    began = time.monotonic()
    done = probe(url, credentials, **bounds)
    assert time.monotonic() - began < 10
    return failed_at(done, rung, kind)


def failed_at(done: Probe, rung: str, kind: str) -> Step:
    states = [step.state for step in done.steps]
    assert FAILED in states, done
    at = states.index(FAILED)
    step = done.steps[at]
    assert (step.text, step.kind) == (rung, kind), step
    assert states == [OK] * at + [FAILED] + [NOT_REACHED] * (len(states) - at - 1)
    assert done.host is None
    assert done.power is None
    assert step.message
    assert step.next
    return step


@pytest.fixture(scope="module")
def host() -> Iterator[Engine]:
    """Reached over TLS and, by `server`, over SSH. Nothing of it is changed."""
    engine = start("diagnosed", images=False, tls=True)
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def tls(host: Engine) -> Tls:
    assert host.certificates
    return host.certificates.credentials()


@pytest.fixture(scope="module")
def server(host: Engine) -> Iterator[SshServer]:
    started = SshServer.start(host)
    yield started
    started.stop()


@pytest.fixture
def ssh_server(host: Engine) -> Iterator[Callable[..., SshServer]]:
    """Makes servers that a test may configure and break."""
    with ExitStack() as stack:

        def make(*options: str) -> SshServer:
            made = SshServer.start(host, options=options)
            stack.callback(made.stop)
            return made

        yield make


@pytest.fixture(scope="module")
def changing() -> Iterator[Engine]:
    """Each test gives it a certificate of its own."""
    engine = start("changing", images=False, tls=True)
    yield engine
    engine.stop()


def https(engine: Engine, host: str = "127.0.0.1") -> str:
    return f"https://{host}:{engine.port}"


def given(engine: Engine, ca: str = "ca", **changes: Any) -> Tls:
    """The engine shows a certificate with these changes from now on."""
    assert engine.certificates
    engine.certificates.signed("server", authority=ca, **changes)
    engine.restart()
    return engine.certificates.credentials(ca=ca)


def credentials_for(scheme: str, tls: Tls, server: SshServer) -> Any:
    return {"tcp": None, "https": tls, "ssh": server.credentials}[scheme]


def url_for(scheme: str, where: str) -> str:
    return f"{scheme}://{MEMBER}@{where}" if scheme == "ssh" else f"{scheme}://{where}"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_name_that_is_not_known(scheme: str, tls: Tls, server: SshServer):
    url = url_for(scheme, "no-such-host.invalid")
    step = failure(
        "The name no-such-host.invalid is known", "dns", url, credentials_for(scheme, tls, server)
    )
    assert "no-such-host.invalid was not found by this server" in step.message
    assert "where Plimsoll runs" in step.next


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_port_where_nothing_listens(scheme: str, tls: Tls, server: SshServer):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        rung = f"Port {port}{' of 127.0.0.1' if scheme == 'ssh' else ''} answers"
        url = url_for(scheme, f"127.0.0.1:{port}")
        step = failure(rung, "refused", url, credentials_for(scheme, tls, server))
    assert step.message == f"127.0.0.1 answered, but nothing listens on port {port}."
    assert {"tcp": "2375", "https": f"-H tcp://0.0.0.0:{port}", "ssh": "SSH server"}[scheme] in (
        step.next
    )


@contextmanager
def silent_port() -> Iterator[int]:
    """A port whose kernel drops what comes, as a firewall does: its queue is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        time.sleep(0.1)
        yield listener.getsockname()[1]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_machine_to_which_there_is_no_way(scheme: str, tls: Tls, server: SshServer):
    """An address for many machines at once: none can be connected to."""
    rung = f"Port 2000{' of 224.0.0.1' if scheme == 'ssh' else ''} answers"
    url = url_for(scheme, "224.0.0.1:2000")
    step = failure(rung, "unreachable", url, credentials_for(scheme, tls, server))
    assert "224.0.0.1:2000 could not be reached" in step.message


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_answer_at_all(scheme: str, tls: Tls, server: SshServer):
    with silent_port() as port:
        rung = f"Port {port}{' of 127.0.0.1' if scheme == 'ssh' else ''} answers"
        url = url_for(scheme, f"127.0.0.1:{port}")
        step = failure(rung, "timeout", url, credentials_for(scheme, tls, server), timeout=1.0)
    assert step.message == f"No answer from 127.0.0.1:{port} in 1 s."
    assert step.next == "Usually a firewall. Allow this server: 127.0.0.1."


def test_a_plain_answer_where_tls_was_expected(fresh_engine: Callable[..., Engine], tls: Tls):
    engine = fresh_engine("plain", images=False, tcp=True)
    step = failure(TLS, "plain_on_tls", https(engine), tls)
    assert step.message == f"127.0.0.1:{engine.port} answered without encryption."
    assert "--tlsverify" in step.next


def test_tls_where_a_plain_answer_was_expected(host: Engine):
    step = failure(ANSWERS, "tls_needed", host.tcp_url)
    assert "wants TLS; this address is plain TCP" in step.message
    assert "Register it with TLS" in step.next


def test_a_server_that_takes_connections_but_speaks_no_tls(tls: Tls):
    class Mute(Server):
        def serve(self, peer: Peer) -> None:
            peer.rest(600)

    with Mute(tcp=True) as mute:
        url = mute.url.replace("tcp:", "https:")
        step = failure(TLS, "timeout", url, tls, timeout=1.0)
    assert "did not finish the TLS handshake in 1 s" in step.message


def test_a_server_that_hangs_up_during_the_handshake(tls: Tls):
    class Rude(Server):
        def serve(self, peer: Peer) -> None:
            peer.connection.recv(10)

    with Rude(tcp=True) as rude:
        step = failure(TLS, "closed", rude.url.replace("tcp:", "https:"), tls)
    assert "closed the connection during the TLS handshake" in step.message


def test_a_certificate_of_another_authority_names_both(host: Engine):
    assert host.certificates
    step = failure(
        THEIRS, "unknown_ca", https(host), host.certificates.credentials(ca="stranger-ca")
    )
    assert step.message == (
        'The engine\'s certificate was issued by "plimsoll tests ca", not by the CA you gave '
        '("plimsoll tests stranger-ca").'
    )
    assert step.next == "Upload the issuing CA."


def test_an_authority_that_was_renewed_under_its_old_name(host: Engine, tmp_path: Path):
    assert host.certificates
    renewed = Certificates(tmp_path)
    renewed.authority("ca")
    ours = host.certificates.credentials()
    credentials = Tls(ca=renewed.text("ca"), certificate=ours.certificate, key=ours.key)
    step = failure(THEIRS, "unknown_ca", https(host), credentials)
    assert "renewed meanwhile" in step.next


def test_a_certificate_for_another_name(changing: Engine):
    credentials = given(changing, names=("docker-7", "10.0.4.7"))
    step = failure(THEIRS, "name_mismatch", https(changing), credentials)
    assert step.message == "The certificate is for docker-7, 10.0.4.7; you entered 127.0.0.1."
    assert step.next.startswith("Use docker-7, or reissue")


def test_a_certificate_without_any_name(changing: Engine):
    step = failure(THEIRS, "name_mismatch", https(changing), given(changing, names=()))
    assert "The certificate is for server" in step.message


def test_a_name_is_checked_as_a_name_and_a_number_as_a_number(changing: Engine):
    credentials = given(changing, names=("localhost",))
    assert probe(https(changing, "localhost"), credentials).ok
    failure(THEIRS, "name_mismatch", https(changing), credentials)


def test_a_certificate_that_has_ended(changing: Engine):
    credentials = given(changing, begins=-5 * DAY, ends=-2 * DAY - timedelta(hours=1))
    step = failure(THEIRS, "expired", https(changing), credentials)
    day = datetime.now(UTC) - 2 * DAY - timedelta(hours=1)
    assert step.message.startswith(f"Certificate ended {day:%d %b %Y} (2 days ago). Server clock: ")
    assert re.search(r"\d\d \w{3} \d{4} \d\d:\d\d UTC\.$", step.message)
    assert step.next == "Replace it; check this server's clock."


def test_a_certificate_that_is_not_valid_yet(changing: Engine):
    credentials = given(changing, begins=1 * DAY, ends=5 * DAY)
    step = failure(THEIRS, "not_yet_valid", https(changing), credentials)
    assert f"Certificate begins {datetime.now(UTC) + DAY:%d %b %Y} at " in step.message
    assert "clocks" in step.next


def test_an_authority_that_has_ended(changing: Engine):
    assert changing.certificates
    changing.certificates.authority("old-ca", ends=-DAY)
    step = failure(THEIRS, "expired", https(changing), given(changing, ca="old-ca"))
    assert 'The CA "plimsoll tests old-ca" ended' in step.message


def test_a_certificate_that_is_not_for_servers(changing: Engine):
    step = failure(THEIRS, "bad_certificate", https(changing), given(changing, usage=CLIENT))
    assert "not made for a server" in step.message
    assert "server authentication" in step.next


def test_a_key_of_another_certificate_never_leaves(host: Engine):
    assert host.certificates
    step = failure(
        USABLE, "key_mismatch", https(host), host.certificates.credentials(key="stranger")
    )
    assert step.message == "This private key does not belong to this certificate."
    assert len(re.findall(r"(?:[0-9A-F]{2}:){9}[0-9A-F]{2}…", step.next)) == 2


def test_a_client_certificate_of_another_authority(host: Engine):
    assert host.certificates
    step = failure(OURS, "client_refused", https(host), host.certificates.credentials("stranger"))
    assert "does not accept our client certificate" in step.message
    assert 'issued by "plimsoll tests stranger-ca"' in step.message
    assert "signed by the engine's CA" in step.next


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"usage": SERVER}, "not made for client authentication"),
        ({"usage": CLIENT, "begins": -5 * DAY, "ends": -2 * DAY}, "It ended "),
        ({"usage": CLIENT, "begins": DAY, "ends": 2 * DAY}, "not valid before"),
    ],
    ids=["no clientAuth", "ended", "not yet valid"],
)
def test_a_client_certificate_that_is_no_good(host: Engine, options: dict[str, Any], why: str):
    assert host.certificates
    host.certificates.signed("odd", names=(), **options)
    step = failure(OURS, "client_refused", https(host), host.certificates.credentials("odd"))
    assert why in step.message


@pytest.mark.parametrize("scheme", ["https", "ssh"])
def test_an_address_that_needs_credentials(scheme: str):
    step = failure(USABLE, "bad_credentials", url_for(scheme, "127.0.0.1"))
    assert "needs" in step.message


def test_credentials_are_never_left_out_silently(tls: Tls, tmp_path: Path):
    for url in ("tcp://127.0.0.1:2375", f"unix://{tmp_path}/docker.sock"):
        failure(USABLE, "bad_credentials", url, tls)


def test_first_contact_shows_the_key_to_compare(server: SshServer):
    step = failure(KEY, "host_key_new", server.url(), Ssh(key=server.key))
    assert step.key == server.host_key
    assert step.fingerprint.startswith("SHA256:")
    assert step.whose == "host"
    assert step.fingerprint in step.message
    assert "ssh-keygen -lf" in step.next
    assert probe(server.url(), Ssh(key=server.key, host_key=step.key)).ok


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_host_key_that_has_changed(ssh_server: Callable[..., SshServer], kind: str):
    server = ssh_server()
    before = server.credentials
    server.renew_host_key(kind)
    step = failure(KEY, "host_key_changed", server.url(), before)
    assert step.key == server.host_key
    assert "has changed" in step.message
    assert step.fingerprint in step.message
    assert "comparing" in step.next


def test_a_key_that_is_not_let_in(server: SshServer, ssh_server: Callable[..., SshServer]):
    other = ssh_server()
    step = failure(
        f"127.0.0.1 lets {MEMBER} in",
        "login_refused",
        server.url(),
        Ssh(key=other.key, host_key=server.host_key),
    )
    assert step.message == f"User {MEMBER} was refused by 127.0.0.1 with this key."
    assert step.key.startswith("ssh-ed25519 ")
    assert step.key in step.next
    assert f"~{MEMBER}/.ssh/authorized_keys" in step.next


def test_a_user_who_does_not_exist(server: SshServer):
    failure(
        "127.0.0.1 lets nobody-of-that-name in",
        "login_refused",
        server.url("nobody-of-that-name"),
        server.credentials,
    )


@pytest.mark.parametrize("option", ["", "AllowStreamLocalForwarding no"])
def test_a_user_outside_of_the_docker_group(ssh_server: Callable[..., SshServer], option: str):
    server = ssh_server(option)
    step = failure(
        f"{VISITOR} may use Docker there", "docker_denied", server.url(VISITOR), server.credentials
    )
    assert step.message == f"Login works; {VISITOR} may not use Docker."
    assert f"usermod -aG docker {VISITOR}" in step.next
    assert "as much as root" in step.next


def test_a_user_outside_of_the_docker_group_where_the_key_is_bound_to_a_command(
    ssh_server: Callable[..., SshServer],
):
    server = ssh_server()
    server.bind_to(VISITOR, "docker system dial-stdio")
    step = failure(
        f"{VISITOR} may use Docker there", "docker_denied", server.url(VISITOR), server.credentials
    )
    assert "usermod -aG docker" in step.next


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/run/none.sock", "socket_missing"), ("/etc/passwd", "not_a_socket")],
)
def test_a_path_on_the_host_that_leads_to_no_engine(server: SshServer, path: str, kind: str):
    step = failure(MEMBER_MAY, kind, server.url(path=path), server.credentials)
    assert path in step.message


def test_a_socket_on_the_host_whose_engine_is_stopped(host: Engine, server: SshServer):
    path = host.directory / "left.sock"
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
        path.chmod(0o666)
    step = failure(MEMBER_MAY, "refused", server.url(path=str(path)), server.credentials)
    assert "nothing listens on it" in step.message
    assert "start the engine" in step.next


def test_a_server_that_forbids_forwarding_and_has_no_docker_command(
    host: Engine, ssh_server: Callable[..., SshServer]
):
    server = ssh_server("AllowStreamLocalForwarding no", without_docker(host))
    step = failure(MEMBER_MAY, "docker_unreachable", server.url(), server.credentials)
    assert "neither forwards to /var/run/docker.sock nor has a docker command" in step.message
    assert "AllowStreamLocalForwarding" in step.next


def test_a_server_that_allows_no_sessions(ssh_server: Callable[..., SshServer]):
    """It forwards, and no more: enough for all but the files."""
    server = ssh_server("MaxSessions 0")
    done = probe(server.url(), server.credentials)
    assert done.ok
    assert done.failure is not None
    assert done.failure.kind == "no_commands"
    failure(MEMBER_MAY, "docker_unreachable", server.url(path="/run/x.sock"), server.credentials)


def test_a_socket_that_is_gone_since(ssh_server: Callable[..., SshServer]):
    class Engines(Server):
        def serve(self, peer: Peer) -> None:
            while peer.request():
                peer.answer(200, b'{"Version":"20.10.24","ApiVersion":"1.41"}')

    server = ssh_server()
    with Engines() as engines:
        path = engines.url.removeprefix("unix://")
        client = Client(server.url("root", path), server.credentials)
        client.version()
    with client, pytest.raises(EngineError) as caught:
        client.get("/info")
    assert caught.value.kind == "socket_missing"
    assert path in caught.value.message


def test_a_login_that_may_run_no_commands_is_usable_all_the_same(server: SshServer):
    server.bind_to(MEMBER, "docker system dial-stdio")
    try:
        done = probe(server.url(), server.credentials)
    finally:
        server.authorize(MEMBER, _public(server))
    assert done.ok
    assert done.failure is not None
    assert (done.failure.text, done.failure.kind) == (
        "Files on its machine may be read",
        "no_commands",
    )
    assert done.power is not None
    assert not done.power.commands


def _public(server: SshServer) -> str:
    return (server.directory / "keys" / "root").read_text().strip()


@pytest.mark.parametrize("behaviour", ["http", "mute", "hangs up", "resets", "drips", "SSH 1"])
def test_something_other_than_an_ssh_server(behaviour: str, server: SshServer):
    class Other(Server):
        def serve(self, peer: Peer) -> None:
            if behaviour == "http":
                peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            elif behaviour == "SSH 1":
                peer.send(b"SSH-1.5-OpenSSH_2.1\r\n")
            elif behaviour == "resets":
                linger = struct.pack("ii", 1, 0)
                peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            elif behaviour == "drips":
                for byte in b"SSH-2.0-drip":
                    peer.send(bytes([byte]))
                    peer.rest(0.5)
            if behaviour not in ("hangs up", "resets"):
                peer.rest(600)

    with Other(tcp=True) as other:
        port = other.url.rpartition(":")[2]
        kind, rung = {
            "http": ("not_ssh", f"Port {port} of 127.0.0.1 answers"),
            "mute": ("timeout", f"Port {port} of 127.0.0.1 answers"),
            "hangs up": ("closed", f"Port {port} of 127.0.0.1 answers"),
            "resets": ("closed", f"Port {port} of 127.0.0.1 answers"),
            "SSH 1": ("not_ssh", KEY),
            "drips": ("timeout", KEY),
        }[behaviour]
        url = f"ssh://{MEMBER}@127.0.0.1:{port}"
        failure(rung, kind, url, server.credentials, timeout=1.0)


def test_an_ssh_server_that_hangs(ssh_server: Callable[..., SshServer]):
    server = ssh_server()
    server.freeze()
    try:
        step = failure(
            f"Port {server.port} of 127.0.0.1 answers",
            "timeout",
            server.url(),
            server.credentials,
            timeout=1.0,
        )
    finally:
        server.thaw()
    assert "says nothing" in step.message


def test_an_ssh_server_that_is_too_old(ssh_server: Callable[..., SshServer]):
    server = ssh_server("KexAlgorithms diffie-hellman-group1-sha1")
    # Both sides see that they have nothing in common, and either may be the first to hang up.
    done = probe(server.url(), server.credentials)
    assert done.failure is not None
    step = failed_at(done, KEY, done.failure.kind)
    wanted = {"ssh_failed": "too old to be safe", "closed": "closed the"}
    assert wanted[step.kind] in step.message


class TestOverABastion:
    @pytest.fixture
    def bastion(self, ssh_server: Callable[..., SshServer], server: SshServer) -> SshServer:
        made = ssh_server()
        made.authorize(VISITOR, _public(server))
        return made

    def credentials(self, server: SshServer, bastion: SshServer, /, **changes: str) -> Ssh:
        words = {
            "host_key": server.host_key,
            "bastion": bastion.url(VISITOR),
            "bastion_host_key": bastion.host_key,
        }
        return Ssh(key=server.key, **{**words, **changes})

    def test_first_contact_is_with_the_bastion(self, server: SshServer, bastion: SshServer):
        credentials = self.credentials(server, bastion, bastion_host_key="", host_key="")
        step = failure(KEY, "host_key_new", server.url(), credentials)
        assert step.key == bastion.host_key
        assert step.whose == "bastion"

    def test_then_with_the_host(self, server: SshServer, bastion: SshServer):
        credentials = self.credentials(server, bastion, host_key="")
        done = probe(server.url(), credentials)
        assert done.failure is not None
        assert (done.failure.kind, done.failure.whose) == ("host_key_new", "host")
        assert done.failure.key == server.host_key

    def test_a_bastion_whose_key_has_changed(self, server: SshServer, bastion: SshServer):
        credentials = self.credentials(server, bastion, bastion_host_key=server.host_key)
        step = failure(KEY, "host_key_changed", server.url(), credentials)
        assert step.whose == "bastion"

    def test_a_bastion_that_does_not_let_us_in(
        self, server: SshServer, ssh_server: Callable[..., SshServer]
    ):
        stranger = ssh_server()
        credentials = self.credentials(server, stranger)
        rung = f"127.0.0.1 lets {VISITOR} in"
        step = failure(rung, "login_refused", server.url(), credentials)
        assert step.whose == "bastion"

    def test_a_host_that_the_bastion_does_not_reach(self, server: SshServer, bastion: SshServer):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            url = f"ssh://{MEMBER}@127.0.0.1:{port}"
            rung = f"Port {port} of 127.0.0.1 answers, over 127.0.0.1"
            step = failure(rung, "unreachable", url, self.credentials(server, bastion))
        assert "The bastion does not get through" in step.message

    def test_an_address_that_is_no_bastion(self, server: SshServer, bastion: SshServer):
        for wrong in ("tcp://10.0.0.1:22", "ssh://me@10.0.0.1/socket", "nonsense"):
            credentials = self.credentials(server, bastion, bastion=wrong)
            failure(USABLE, "bad_address", server.url(), credentials)


def test_a_socket_that_we_may_not_use(engine: Engine):
    assert os.geteuid() == 0
    path = engine.directory / "private.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        path.chmod(0o660)
        listener.listen()
        engine.directory.chmod(0o755)
        step = failed_at(_as_nobody(f"unix://{path}"), f"{path} takes connections", "socket_denied")
    assert step.message == (f"Permission denied on {path} (socket group 0, we run as uid 65534).")
    assert "group_add" in step.next


def _as_nobody(url: str) -> Probe:
    """Tried by a process that is not root's: a copy of ours, for ours may read all it needs."""
    ours, theirs = multiprocessing.Pipe()

    def run() -> None:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        theirs.send(probe(url))

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    try:
        assert ours.poll(20)
        found: Probe = ours.recv()
    finally:
        process.join(20)
    return found


def test_an_engine_that_is_too_old():
    """No such engine can be had any more: a server speaks as 17.06 did."""

    class Old(Server):
        def serve(self, peer: Peer) -> None:
            while peer.request():
                peer.answer(200, b'{"Version":"17.06.2-ce","ApiVersion":"1.30"}')

    with Old() as old:
        step = failure("Its API version can be read", "api_too_old", old.url)
    assert step.message == "Engine 17.06.2-ce speaks API 1.30; 1.40 or newer is needed."
    assert "Upgrade" in step.next


class Plugin(Server):
    """An authorisation plugin: the engine asks it about each call."""

    denies = re.compile(r"(/v[\d.]+)?/containers/json.*")

    def serve(self, peer: Peer) -> None:
        while request := peer.request():
            if request.path == "/Plugin.Activate":
                peer.answer(200, b'{"Implements":["authz"]}')
                continue
            asked = re.search(rb'"RequestUri":"([^"]*)"', request.body)
            denied = asked and self.denies.fullmatch(asked[1].decode())
            peer.answer(
                200, b'{"Allow":false,"Msg":"not for you"}' if denied else b'{"Allow":true}'
            )


def test_an_authorisation_plugin_that_denies_a_call(fresh_engine: Callable[..., Engine]):
    engine = fresh_engine("guarded", images=False)
    with Plugin() as plugin:
        place = engine.directory / "etc" / "plugins"
        place.mkdir()
        (place / "opa.spec").write_text(plugin.url)
        engine.args = ("--authorization-plugin=opa",)
        engine.restart()
        step = failure("Its containers may be listed", "plugin_denied", engine.url)
        assert step.message == 'The engine\'s plugin "opa" denied GET /containers/json: not for you'
        for call in ("/version", "/containers/{id}/json", "/events"):
            assert call in step.next
        plugin.denies = re.compile("nothing")
        done = probe(engine.url)
        assert done.ok
        assert done.power is not None
        assert done.power.kind == "plugin"
        assert "opa" in done.power.text
        engine.kill()
