"""Why an engine could not be read, in stable words: pages and reports decide by them."""

KINDS = {
    "bad_address": "What was given is no address of an engine.",
    "bad_credentials": "A certificate or key cannot be used, or does not suit the kind of address.",
    "key_mismatch": "A private key does not belong to its certificate.",
    "dns": "A name is not known where it is looked up.",
    "refused": "The machine answers, but nothing listens at that port or socket.",
    "unreachable": "There is no way to the machine.",
    "timeout": "No answer, or no complete one, in time.",
    "closed": "The connection was closed without an answer.",
    "cut_off": "An answer broke off.",
    "tls_needed": "Plain text was spoken to a server that wants TLS.",
    "plain_on_tls": "TLS was spoken to a server that answers in plain text.",
    "tls_failed": "Both sides speak TLS but agree on nothing.",
    "unknown_ca": "The engine's certificate was not issued by the authority that was given.",
    "name_mismatch": "The engine's certificate is for other names than the address.",
    "expired": "The validity of a certificate on the engine's side has ended.",
    "not_yet_valid": "The validity of a certificate on the engine's side has not begun.",
    "bad_certificate": "The engine's certificate is unfit for a server.",
    "client_refused": "The engine does not accept our client certificate.",
    "not_ssh": "What answers at the port does not speak SSH.",
    "ssh_failed": "Both sides speak SSH but agree on nothing.",
    "host_key_new": "First contact: nobody has confirmed this machine's SSH key yet.",
    "host_key_changed": "The machine shows another SSH key than the one that was confirmed.",
    "login_refused": "The SSH server does not let this user in with this key.",
    "docker_denied": "The SSH user may not use Docker.",
    "docker_unreachable": "The SSH server gives no way to the engine.",
    "no_commands": "The SSH login may use Docker, but may run no commands.",
    "socket_missing": "There is no such socket.",
    "socket_denied": "The socket is there, and we may not use it.",
    "not_a_socket": "There is something at the socket's path that is no socket.",
    "not_an_engine": "Something other than an engine answers.",
    "api_too_old": "The engine speaks only API versions older than those that can be read.",
    "denied": "Something in front of the engine denied a call.",
    "plugin_denied": "An authorisation plugin of the engine denied a call.",
    "gone": "The engine has no such object.",
    "conflict": "The object is in a state in which the call cannot be answered.",
    "server_error": "The engine answered with an error of its own.",
    "too_large": "An answer is larger than any engine's.",
    "garbage": "An answer cannot be understood.",
}


def in_a_line(said: str, limit: int) -> str:
    """What another program said, as one printable line for a message."""
    line = " ".join(said.split())[:limit]
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in line)


ACCESS_KINDS = frozenset(
    {"docker_denied", "docker_unreachable", "socket_missing", "not_a_socket", "refused"}
)
"""Of SSH: the login is good, but what it leads to is not the engine."""


class EngineError(Exception):
    """The engine could not be read. `kind` is a word of KINDS, `advice` the next step to take."""

    def __init__(self, kind: str, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.advice = advice


class AnswerError(EngineError):
    """One call was answered, but not usefully; other calls on the same engine may still work."""


class GoneError(AnswerError):
    """The engine has no such object (any more)."""


class SshKeyError(EngineError):
    """An SSH key is to be compared or to be added somewhere.

    `key` is a public key as one line of OpenSSH: what a server showed, or ours where we are not let
    in. `whose` is
    "host" or "bastion": where it was shown or refused.
    """

    def __init__(self, kind: str, message: str, advice: str, *, key: str, whose: str) -> None:
        super().__init__(kind, message, advice)
        self.key = key
        self.whose = whose
