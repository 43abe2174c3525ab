"""SSH: one connection, over a bastion if need be, and few channels in it, each to the engine's
socket or to a reading command.

The engine's socket is reached by forwarding; where the server forbids that, by the command
`docker system dial-stdio`, which may be a forced one.
"""

import asyncio
import logging
import shlex
import socket
import threading
import time
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from typing import Any, TypeVar

import asyncssh

from scanner.errors import AnswerError, EngineError, SshKeyError, in_a_line
from scanner.ledger import Call
from scanner.transport import address as addresses
from scanner.transport import certificates
from scanner.transport.address import DEFAULT_SOCKET, SSH, Address
from scanner.transport.background import Background
from scanner.transport.credentials import Ssh as Credentials
from scanner.transport.rungs import Rung
from scanner.transport.ssh_commands import CHECK, CHECKED, look_at
from scanner.transport.tcp import Dialler

CHANNELS = 4
"""At most, at any time: servers allow ten by default, also for others who use the account."""

KEEP_ALIVE_SECONDS = 10

_CHUNK = 64 * 1024
_SAID_LIMIT = 4096
_END_SECONDS = 3.0

T = TypeVar("T")

logging.getLogger("asyncssh").setLevel(logging.WARNING)


class Ssh:
    """Raises EngineError where the credentials cannot be used."""

    def __init__(self, address: Address, credentials: Credentials, ledger: list[Call]) -> None:
        self.address = address
        self._ledger = ledger
        self._key = certificates.ssh_key(credentials.key)
        self._hops = [
            _Hop(hop, keys, whose, self._key) for hop, keys, whose in _way(address, credentials)
        ]
        self._lock = threading.Lock()
        self._background: Background | None = None
        self._channels = asyncio.Semaphore(CHANNELS)
        self._carriers: set[asyncio.Task[None]] = set()
        self._forwarding: bool | None = None
        self._ended: tuple[int | None, str] | None = None
        self._commands: bool | None = None

    def connect(self, timeout: float) -> socket.socket:
        """Logs in where that has not been done. `timeout` is for each step of it."""
        self._log_in(timeout)
        return self._run(self._opened(), timeout, "open the way to the engine")

    def rungs(self) -> Iterator[Rung]:
        before: _Hop | None = None
        for hop in self._hops:
            yield from hop.rungs(before, self._live)
            before = hop

    def trouble(self, error: Exception) -> EngineError | None:
        """Why a channel that was opened leads to no engine."""
        if self._background is None or not isinstance(error, OSError):
            return None
        if self._hops[-1].lost:
            return self._lost()
        if self._forwarding is not False:
            return None
        return self._run(self._explained(), 2 * _END_SECONDS, "look at the engine's socket")

    def may_run_commands(self, timeout: float) -> bool:
        """False where the key is bound to a command, or the server allows none."""
        if self._commands is None:
            try:
                self._commands = self.run(CHECK, timeout, 1024) == (0, CHECKED)
            except AnswerError:
                self._commands = False
        return self._commands

    def run(self, command: str, timeout: float, limit: int) -> tuple[int, bytes]:
        """Exit status and standard output. Raises AnswerError where the command cannot be run,
        takes longer than `timeout` seconds or says more than `limit` bytes."""
        self._log_in(timeout)
        return self._run(self._said(command, limit), timeout, f"run `{command[:40]}`")

    def close(self) -> None:
        for hop in self._hops:
            hop.dialler.close()
        if self._background is not None:
            with suppress(TimeoutError, OSError):  # then it is torn down with its loop
                self._background.run(self._hung_up(), _END_SECONDS)
            self._background.close()
            self._background = None

    def _log_in(self, timeout: float) -> None:
        with self._lock:
            before: _Hop | None = None
            for hop in self._hops:
                hop.log_in(before, self._live, timeout)
                before = hop

    def _live(self) -> Background:
        if self._background is None:
            self._background = Background()
        return self._background

    def _run(self, work: Coroutine[Any, Any, T], timeout: float, what: str) -> T:
        try:
            return self._live().run(work, timeout)
        except TimeoutError:
            raise AnswerError(
                "timeout",
                f"{self.address.where} took longer than {timeout:g} s to {what}.",
                "The machine is overloaded or the network slow: try it there.",
            ) from None
        except (asyncssh.Error, OSError) as error:
            raise self._lost() from error

    def _lost(self) -> EngineError:
        return EngineError(
            "closed",
            f"The SSH connection to {self.address.where} was lost.",
            "Look at the network and at the log of the SSH server.",
        )

    async def _opened(self) -> socket.socket:
        await self._channels.acquire()
        try:
            process, reader, writer = await self._stream()
            near, far = socket.socketpair()
        except BaseException:
            self._channels.release()
            raise
        carrier = asyncio.create_task(self._carry(far, process, reader, writer))
        self._carriers.add(carrier)
        carrier.add_done_callback(self._carriers.discard)
        return near

    async def _stream(self) -> tuple[Any, Any, Any]:
        connection, path = self._hops[-1].connection, self.address.path
        if self._forwarding is not False:
            try:
                reader, writer = await connection.open_unix_connection(path or DEFAULT_SOCKET)
            except asyncssh.ChannelOpenError:
                if connection.is_closed():
                    raise self._lost() from None
                if self._forwarding:
                    raise await self._explained() from None
                self._forwarding = False
            else:
                self._forwarding = True
                return None, reader, writer
        host = ["--host", f"unix://{path}"] if path else []
        command = shlex.join(["docker", *host, "system", "dial-stdio"])
        try:
            process = await connection.create_process(command, encoding=None)
            self._ledger.append(Call("RUN", command, 0, 0, 0, time.time()))
        except asyncssh.ChannelOpenError:
            if connection.is_closed():
                raise self._lost() from None
            raise await self._explained() from None
        return process, process.stdout, process.stdin

    async def _carry(self, far: socket.socket, process: Any, reader: Any, writer: Any) -> None:
        """Bytes both ways between our end and the channel, until either side ends."""
        ours_in, ours_out = await asyncio.open_connection(sock=far)
        said = asyncio.create_task(_beginning(process.stderr)) if process else None
        flows = [
            asyncio.create_task(_flow(ours_in, writer)),
            asyncio.create_task(_flow(reader, ours_out)),
        ]
        try:
            await asyncio.wait(flows, return_when=asyncio.FIRST_COMPLETED)
            ours_out.close()
            writer.channel.close()
            await asyncio.wait_for(writer.channel.wait_closed(), _END_SECONDS)
            if process and said:
                self._ended = (process.returncode, await said)
        except TimeoutError:
            writer.channel.abort()
        finally:
            self._channels.release()
            for task in (*flows, said):
                if task:
                    task.cancel()
            await asyncio.gather(*flows, return_exceptions=True)
            ours_out.close()

    async def _said(self, command: str, limit: int) -> tuple[int, bytes]:
        connection = self._hops[-1].connection
        status, answer, at, began = 0, b"", time.time(), time.monotonic()
        async with self._channels:
            try:
                process = await connection.create_process(
                    command, encoding=None, stdin=asyncssh.DEVNULL, stderr=asyncssh.DEVNULL
                )
            except asyncssh.ChannelOpenError as error:
                if connection.is_closed():
                    raise self._lost() from None
                raise AnswerError(
                    "no_commands",
                    f"The SSH server runs no commands for {self.address.user}: {error.reason}",
                    "Without commands, rules about files and the kernel stay unknown.",
                ) from error
            try:
                answer = await _at_most(process.stdout, limit, command)
                await process.wait_closed()
                status = 255 if process.returncode is None else process.returncode
            finally:
                process.close()
                milliseconds = round(1000 * (time.monotonic() - began))
                self._ledger.append(Call("RUN", command, status, milliseconds, len(answer), at))
        return status, answer

    async def _explained(self) -> EngineError:
        """Why neither forwarding nor the command leads to the engine."""
        if self._carriers:
            await asyncio.wait(self._carriers, timeout=_END_SECONDS)
        path, user, host = self.address.path or DEFAULT_SOCKET, self.address.user, self.address.host
        status, said = self._ended or (None, "")
        said, (look, group) = said.lower(), await self._look(path)
        if look == "missing" or "no such file" in said:
            return EngineError(
                "socket_missing",
                f"{path} does not exist on {host}.",
                "Check the path, and whether the engine runs there. A rootless engine's socket is "
                "/run/user/UID/docker.sock.",
            )
        if look == "other":
            return EngineError(
                "not_a_socket",
                f"{path} is there on {host}, but it is no socket.",
                "Give the path of the engine's socket, usually /var/run/docker.sock.",
            )
        if look == "denied" or "permission denied" in said:
            return EngineError(
                "docker_denied",
                f"Login works; {user} may not use Docker.",
                f"On {host}: usermod -aG {group or 'docker'} {user}. Whoever is in that group can "
                "do all that the engine can, which is as much as root.",
            )
        if "cannot connect" in said or "connection refused" in said:
            return EngineError(
                "refused",
                f"{path} is there on {host}, but nothing listens on it.",
                "The socket is left over from an engine that is stopped: start the engine.",
            )
        why = f" (`docker system dial-stdio` ended with {status}: {said})" if self._ended else ""
        return EngineError(
            "docker_unreachable",
            f"Login works, but the SSH server neither forwards to {path} nor has a docker command "
            f"that does{why}.",
            "Set AllowStreamLocalForwarding yes in its sshd_config, or install the docker command "
            "line there.",
        )

    async def _look(self, path: str) -> tuple[str, str]:
        """One word about the socket, and its group; empty where no command may be run."""
        try:
            _, answer = await asyncio.wait_for(self._said(look_at(path), _SAID_LIMIT), _END_SECONDS)
        except (AnswerError, asyncssh.Error, TimeoutError):
            return "", ""
        lines = answer.decode("utf-8", "replace").split("\n")
        word = lines[0] if lines[0] in ("missing", "other", "denied", "usable") else ""
        group = lines[1] if word and len(lines) > 1 else ""
        return word, group if group.replace("-", "").replace("_", "").isalnum() else ""

    async def _hung_up(self) -> None:
        for hop in reversed(self._hops):
            await hop.hang_up()


class _Hop(asyncssh.SSHClient):
    """One machine on the way, and the SSH connection to it once there is one."""

    def __init__(
        self, address: Address, pinned: list[asyncssh.SSHKey], whose: str, key: asyncssh.SSHKey
    ) -> None:
        self.address = address
        self.whose = whose
        self.dialler = Dialler(address)
        self.connection: Any = None
        self._pinned = pinned
        self._key = key
        self._shown: asyncssh.SSHKey | None = None
        self._trusted = False
        self._joining: Any = None  # the task that logs in
        self._step = asyncio.Event()

    @property
    def lost(self) -> bool:
        return self.connection is not None and self.connection.is_closed()

    def rungs(self, before: "_Hop | None", live: Any) -> Iterator[Rung]:
        host, port = self.address.host, self.address.port
        if before is None:
            *names, _ = self.dialler.rungs()
            yield from names
            yield Rung(f"Port {port} of {host} answers", lambda t: self._dial(None, live, t))
        else:
            yield Rung(
                f"Port {port} of {host} answers, over {before.address.host}",
                lambda t: self._dial(before, live, t),
            )
        yield Rung(f"The SSH key is that of {host}", lambda t: self._verify(live, t))
        yield Rung(f"{host} lets {self.address.user} in", lambda t: self._finish(live, t))

    def log_in(self, before: "_Hop | None", live: Any, timeout: float) -> None:
        if self.connection is None:
            if self._joining is None:
                self._dial(before, live, timeout)
            self._finish(live, timeout)

    # asyncssh calls these three.
    def connection_made(self, conn: Any) -> None:
        self._step.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._step.set()

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        self._shown = key
        self._trusted = any(key.public_data == known.public_data for known in self._pinned)
        self._step.set()
        return self._trusted

    async def hang_up(self) -> None:
        if self._joining is not None:
            self._joining.cancel()
        if self.connection is not None:
            self.connection.close()
            await self.connection.wait_closed()

    def _dial(self, before: "_Hop | None", live: Any, timeout: float) -> None:
        if before is None:
            raw = self.dialler.dial(timeout)
            try:
                _expect_ssh(raw, self.address, timeout)
            except BaseException:
                raw.close()
                raise
            self._do(live, self._begin(sock=raw), timeout)
        else:
            self._do(live, self._begin(tunnel=before.connection), timeout)

    def _verify(self, live: Any, timeout: float) -> None:
        self._do(live, self._until(lambda: self._trusted), timeout)

    def _finish(self, live: Any, timeout: float) -> None:
        self.connection = self._do(live, self._joined(), timeout)

    def _do(self, live: Any, work: Any, timeout: float) -> Any:
        try:
            return live().run(work, timeout)
        except (asyncssh.Error, OSError) as error:
            raise self._diagnosis(error, timeout) from error

    async def _begin(self, **way: Any) -> None:
        self._joining = asyncio.create_task(self._join(**way))
        await self._until(self._step.is_set)
        self._step.clear()

    async def _until(self, reached: Any) -> None:
        """Returns once a step is reached; raises what ended the joining before."""
        while not reached():
            if self._joining.done():
                self._joining.result()
                return
            step = asyncio.create_task(self._step.wait())
            await asyncio.wait({step, self._joining}, return_when=asyncio.FIRST_COMPLETED)
            step.cancel()

    async def _joined(self) -> Any:
        return await asyncio.shield(self._joining)

    async def _join(self, **way: Any) -> Any:
        algorithms = [name.decode() for key in self._pinned for name in key.sig_algorithms]
        return await asyncssh.connect(
            self.address.host,
            self.address.port,
            **way,
            # What follows keeps out files, agents and variables of whoever runs us.
            config=None,
            agent_path=None,
            agent_forwarding=False,
            client_factory=lambda: self,
            client_keys=[self._key],
            client_version="Plimsoll",
            gss_auth=False,
            gss_kex=False,
            host_based_auth=False,
            keepalive_interval=KEEP_ALIVE_SECONDS,
            keepalive_count_max=3,
            kbdint_auth=False,
            known_hosts=([], [], []),  # empty, so that each key is put to validate_host_public_key
            password_auth=False,
            preferred_auth="publickey",
            server_host_key_algs="^" + ",".join(algorithms) if algorithms else "default",
            username=self.address.user,
            utf8_decode_errors="replace",
            x509_trusted_certs=None,
        )

    def _diagnosis(self, error: Exception, timeout: float) -> EngineError:
        where, user = self.address.where, self.address.user
        if isinstance(error, asyncssh.HostKeyNotVerifiable) and self._shown is not None:
            return self._distrust(self._shown)
        if isinstance(error, asyncssh.PermissionDenied):
            public = self._key.convert_to_public().export_public_key().decode().strip()
            return SshKeyError(
                "login_refused",
                f"User {user} was refused by {self.address.host} with this key.",
                f"Add this public key to ~{user}/.ssh/authorized_keys there: {public}",
                key=public,
                whose=self.whose,
            )
        if isinstance(error, TimeoutError):
            return EngineError(
                "timeout",
                f"{where} did not finish the SSH login within {timeout:g} s.",
                "The machine is overloaded, or its SSH server waits for a name server: try "
                f"`ssh {user}@{self.address.host}`.",
            )
        if isinstance(error, asyncssh.ChannelOpenError):
            return EngineError(
                "unreachable",
                f"The bastion does not get through to {where}: {error.reason}",
                "Check the address as the bastion knows it, and that its SSH server allows TCP "
                "forwarding there.",
            )
        if isinstance(error, asyncssh.KeyExchangeFailed):
            return EngineError(
                "ssh_failed",
                f"{where} speaks an SSH that is too old to be safe: {error.reason}",
                "Upgrade its SSH server.",
            )
        if isinstance(error, asyncssh.ProtocolError | asyncssh.ProtocolNotSupported):
            return _not_ssh(self.address)
        return EngineError(
            "closed",
            f"{where} closed the SSH connection: {error}",
            "Look into the log of its SSH server; it may have too many logins at once.",
        )

    def _distrust(self, shown: asyncssh.SSHKey) -> EngineError:
        fingerprint, kind = shown.get_fingerprint(), shown.get_algorithm()
        key = shown.export_public_key().decode().strip()
        host = self.address.host
        if not self._pinned:
            return SshKeyError(
                "host_key_new",
                f"First contact with {host}: its {kind} key has the fingerprint {fingerprint}.",
                f"Compare it on {host}: for f in /etc/ssh/ssh_host_*_key.pub; "
                "do ssh-keygen -lf $f; done. Trust it only if it is among them.",
                key=key,
                whose=self.whose,
            )
        known = ", ".join(key.get_fingerprint() for key in self._pinned)
        return SshKeyError(
            "host_key_changed",
            f"The SSH key of {host} has changed: it shows {fingerprint} ({kind}), and {known} was "
            "confirmed.",
            "Either the machine was set up anew, or another one answers in its place. Ask whoever "
            "runs it, and trust the new key only after comparing it there.",
            key=key,
            whose=self.whose,
        )


def _way(
    address: Address, credentials: Credentials
) -> Iterator[tuple[Address, list[asyncssh.SSHKey], str]]:
    if credentials.bastion:
        bastion = addresses.parse(credentials.bastion)
        if bastion.kind != SSH or bastion.path:
            raise EngineError(
                "bad_address",
                f"{credentials.bastion[:200]!r} is no address of a bastion.",
                "Write ssh://user@host or ssh://user@host:port.",
            )
        yield bastion, certificates.public_keys(credentials.bastion_host_key), "bastion"
    yield address, certificates.public_keys(credentials.host_key), "host"


def _expect_ssh(raw: socket.socket, address: Address, timeout: float) -> None:
    """An SSH server speaks first."""
    raw.settimeout(timeout)
    try:
        first = raw.recv(4, socket.MSG_PEEK)
    except TimeoutError:
        raise EngineError(
            "timeout",
            f"{address.where} takes connections, but says nothing within {timeout:g} s.",
            "Either something other than an SSH server listens there, or the machine hangs.",
        ) from None
    except OSError:
        first = b""
    if not first:
        raise EngineError(
            "closed",
            f"{address.where} closed the connection at once.",
            "Look into the log of its SSH server; it may have too many logins at once.",
        )
    if not b"SSH-".startswith(first):
        raise _not_ssh(address)


def _not_ssh(address: Address) -> EngineError:
    return EngineError(
        "not_ssh",
        f"{address.where} does not speak SSH.",
        "Check the port: SSH is usually 22.",
    )


async def _flow(source: Any, sink: Any) -> None:
    while data := await source.read(_CHUNK):
        sink.write(data)
        await sink.drain()


async def _beginning(source: Any) -> str:
    """What a program has to say, in one line; the rest of it is read and dropped."""
    kept = b""
    while data := await source.read(_CHUNK):
        kept = (kept + data)[:_SAID_LIMIT]
    return in_a_line(kept.decode("utf-8", "replace"), 300)


async def _at_most(source: Any, limit: int, command: str) -> bytes:
    answer = b""
    while data := await source.read(_CHUNK):
        answer += data
        if len(answer) > limit:
            raise AnswerError(
                "too_large", f"`{command}` says more than {limit} bytes.", "Nothing was kept of it."
            )
    return answer
