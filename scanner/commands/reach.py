"""The options by which a command reaches an engine, and the credentials that they give."""

import argparse
from pathlib import Path

from scanner.engine import Engine
from scanner.errors import EngineError
from scanner.transport import address, certificates
from scanner.transport.credentials import Credentials, Ssh, Tls

URLS = (
    "unix:///path or a path alone, tcp://host:port, https://host:port, or ssh://user@host:port/path"
)


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("url", metavar="URL", help=URLS)
    reach = parser.add_argument_group("for https:// and ssh://")
    reach.add_argument(
        "--certificates",
        metavar="DIRECTORY",
        type=Path,
        help="where ca.pem, cert.pem and key.pem are, as for DOCKER_CERT_PATH",
    )
    reach.add_argument(
        "--ca", metavar="FILE", type=Path, help="who issued the engine's certificate"
    )
    reach.add_argument("--certificate", metavar="FILE", type=Path, help="ours")
    reach.add_argument(
        "--key", metavar="FILE", type=Path, help="our private key, without passphrase; also for SSH"
    )
    reach.add_argument(
        "--known-hosts",
        metavar="FILE",
        type=Path,
        help="where the keys of SSH servers are found, such as ~/.ssh/known_hosts",
    )
    reach.add_argument(
        "--host-key", metavar="KEY", default="", help="the SSH server's public key itself"
    )
    reach.add_argument(
        "--bastion", metavar="URL", default="", help="ssh://user@host:port of a machine on the way"
    )
    reach.add_argument(
        "--bastion-host-key", metavar="KEY", default="", help="its public key, as for --host-key"
    )


def engine(options: argparse.Namespace) -> Engine:
    """Raises EngineError where the options lead to none."""
    return Engine(options.url, _credentials(options), timeout=options.timeout)


def _credentials(options: argparse.Namespace) -> Credentials:
    where = address.parse(options.url)
    if where.kind == address.TLS:
        directory = options.certificates
        return Tls(
            ca=_text("--ca", options.ca, directory, "ca.pem"),
            certificate=_text("--certificate", options.certificate, directory, "cert.pem"),
            key=_text("--key", options.key, directory, "key.pem"),
        )
    if where.kind == address.SSH:
        known = _text("--known-hosts", options.known_hosts) if options.known_hosts else ""
        bastion_host_key = options.bastion_host_key
        if options.bastion and not bastion_host_key:
            bastion = address.parse(options.bastion)
            bastion_host_key = certificates.known_host_keys(known, bastion.host, bastion.port)
        return Ssh(
            key=_text("--key", options.key),
            host_key=options.host_key
            or certificates.known_host_keys(known, where.host, where.port),
            bastion=options.bastion,
            bastion_host_key=bastion_host_key,
        )
    return None


def _text(option: str, file: Path | None, directory: Path | None = None, name: str = "") -> str:
    if file is None and directory is not None:
        file = directory / name
    if file is None:
        raise EngineError(
            "bad_credentials",
            f"{option} is missing.",
            "See `plimsoll scan --help` for what this kind of address needs.",
        )
    try:
        with file.open(encoding="utf-8", errors="replace") as text:
            return text.read(certificates.LIMIT + 1)
    except OSError as error:
        raise EngineError(
            "bad_credentials", f"{file} cannot be read: {error.strerror}", f"Check {option}."
        ) from error
