"""What to do on the engine's side, as text to copy."""

from typing import NamedTuple

AUTHORITY = """\
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1825 \\
  -subj "/CN=docker authority" -keyout ca-key.pem -out ca.pem
"""
SERVER = """\
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \\
  -subj "/CN={host}" -keyout server-key.pem -out server.csr
printf 'subjectAltName={names}\\nextendedKeyUsage=serverAuth\\n' > server.ext
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial \\
  -days 365 -extfile server.ext -out server-cert.pem
"""
CLIENT = """\
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \\
  -subj "/CN=plimsoll" -keyout key.pem -out client.csr
printf 'extendedKeyUsage=clientAuth\\n' > client.ext
openssl x509 -req -in client.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial \\
  -days 365 -extfile client.ext -out cert.pem
"""
DAEMON = """\
dockerd -H unix:///var/run/docker.sock -H tcp://0.0.0.0:2376 --tlsverify \\
  --tlscacert=/etc/docker/ca.pem \\
  --tlscert=/etc/docker/server-cert.pem --tlskey=/etc/docker/server-key.pem
"""
ACCOUNT = """\
useradd --create-home --shell /bin/sh {user}
usermod -aG docker {user}
"""
NO_KEY = "ssh-ed25519 (the public key: give or make a key above, and it stands here)"


class Snippet(NamedTuple):
    """As components/snippet.html wants it."""

    title: str
    text: str
    note: str = ""


def tls() -> list[Snippet]:
    names = "DNS:docker-7.example.com,IP:10.0.4.7"
    return [
        Snippet(
            "Engine",
            DAEMON.strip(),
            "Where systemd starts the engine with -H fd://, change its ExecStart by `systemctl "
            "edit docker`. Let a firewall admit only this server to the port.",
        ),
        Snippet(
            "Authority",
            AUTHORITY.strip(),
            "One for all engines is enough. ca.pem goes to every engine and here; ca-key.pem stays "
            "with you.",
        ),
        Snippet(
            "Engine's certificate",
            SERVER.format(host="docker-7.example.com", names=names).strip(),
            "It must name the engine as it is addressed here.",
        ),
        Snippet(
            "Client certificate",
            CLIENT.strip(),
            "Give ca.pem, cert.pem and key.pem above. Whoever has them controls the machine.",
        ),
    ]


def ssh(user: str, public_key: str) -> list[Snippet]:
    user = user if user.isprintable() and user and " " not in user else "plimsoll"
    return [
        Snippet(
            "authorized_keys",
            f"restrict,port-forwarding {public_key or NO_KEY}",
            f"One line in ~{user}/.ssh/authorized_keys. `restrict` takes away terminals, agents "
            "and X11; `port-forwarding` gives back what leads to the engine's socket.",
        ),
        Snippet(
            "authorized_keys that only reads",
            f'restrict,command="/usr/local/bin/plimsoll-read-only" {public_key or NO_KEY}',
            "Instead of the line before. `plimsoll calls --format ssh` prints the program: it "
            "passes on what Plimsoll reads and refuses all else, so the key can do no more.",
        ),
        Snippet(
            "Account",
            ACCOUNT.format(user=user).strip(),
            "The docker group may do everything that the engine can, so this account is as "
            "powerful as root on that machine. Plimsoll only reads; keep the key all the same as "
            "you keep root's.",
        ),
    ]


def socket() -> list[Snippet]:
    return [
        Snippet(
            "Compose",
            "services:\n  plimsoll:\n    volumes:\n"
            "      - /var/run/docker.sock:/var/run/docker.sock:ro\n"
            '    group_add: ["998"]  # the number of the docker group on that machine\n',
            "`stat -c %g /var/run/docker.sock` prints the number. Mounting the socket read-only "
            "does not limit what may be asked through it.",
        )
    ]
