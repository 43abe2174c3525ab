"""What people fill in about hosts. What is valid is decided by the scanner and by actions."""

import os
import stat
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from portal.fleet import credentials as keys
from portal.fleet import queries
from portal.fleet.actions import NewGroup
from portal.fleet.models import Environment, Group, Host
from scanner import EngineError
from scanner.transport import address
from scanner.transport.credentials import Ssh, Tls

LOCAL_SOCKET = "/var/run/docker.sock"
NEW_GROUP = "new"
UNIX, TLS, SSH, TCP = address.UNIX, address.TLS, address.SSH, address.TCP
PLACES = {UNIX: "socket", TLS: "tls_address", SSH: "ssh_address", TCP: "address"}
"""The field that says where, for each kind of connection."""
OWN = {
    UNIX: ("socket",),
    TLS: ("tls_address", *keys.PARTS[TLS]),
    SSH: ("ssh_user", "ssh_address", "ssh_socket", "ssh_bastion", *keys.PARTS[SSH]),
    TCP: ("address",),
}
"""All fields that belong to a kind of connection; those of the other kinds do not matter."""
SECRETS = (*keys.PARTS[TLS], *keys.PARTS[SSH])
LONGEST = 64 * 1024


def local_socket_found() -> bool:
    """Whether this machine's own engine could be read from here."""
    try:
        is_socket = stat.S_ISSOCK(os.stat(LOCAL_SOCKET).st_mode)
    except OSError:
        return False
    return is_socket and os.access(LOCAL_SOCKET, os.R_OK | os.W_OK)


class SecretInput(forms.Textarea):
    """A text that is pasted, or else uploaded as `<name>_file`; it is never rendered again."""

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        pasted = data.get(name) or ""
        return pasted if pasted.strip() else files.get(f"{name}_file")

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return name not in data and f"{name}_file" not in files

    def format_value(self, value: Any) -> None:
        return None


class SecretField(forms.CharField):
    """Never required by itself: it may be held already, or be the host's own."""

    widget = SecretInput

    def __init__(self, label: str, **options: Any) -> None:
        super().__init__(label=label, required=False, **options)

    def to_python(self, value: Any) -> str:
        if isinstance(value, UploadedFile):
            if (value.size or 0) > LONGEST:
                raise ValidationError("This file is far too large for a key or a certificate.")
            try:
                value = value.read().decode()
            except UnicodeDecodeError as error:
                raise ValidationError(
                    "This file is no text. Give it in PEM form, which begins with -----BEGIN; "
                    "`openssl x509 -inform der` and `openssl pkey` turn others into it."
                ) from error
        text = super().to_python(value) or ""
        if len(text) > LONGEST:
            raise ValidationError("This text is far too long for a key or a certificate.")
        return text


class ConnectionForm(forms.Form):
    """How a host is reached; on its own it is enough to try the connection.

    `held` are secrets that this form was given before, `stored` those that its host has; what is
    filled in goes before both.
    """

    transport = forms.ChoiceField(
        label="Connection",
        choices=[
            (UNIX, "Unix socket"),
            (TLS, "TCP with TLS"),
            (SSH, "SSH"),
            (TCP, "TCP without TLS"),
        ],
        error_messages={"required": "Choose how Plimsoll reaches the host."},
    )
    socket = forms.CharField(
        label="Path of the socket",
        max_length=900,
        error_messages={"required": f"Give the path, usually {LOCAL_SOCKET}."},
    )
    tls_address = forms.CharField(
        label="Address and port",
        max_length=900,
        help_text="A name that is in the engine's certificate. The port is 2376 if you name none.",
        error_messages={"required": "Give the address, such as docker-7.example.com:2376."},
    )
    tls_ca = SecretField(
        "Authority (CA)", help_text="Issued the engine's certificate; usually ca.pem."
    )
    tls_certificate = SecretField(
        "Client certificate", help_text="Usually cert.pem, issued for client authentication."
    )
    tls_key = SecretField("Private key", help_text="Usually key.pem, without a passphrase.")
    ssh_user = forms.CharField(
        label="User",
        max_length=64,
        help_text="An account on the machine that may use Docker.",
        error_messages={"required": "Give the user to log in as."},
    )
    ssh_address = forms.CharField(
        label="Address and port",
        max_length=900,
        help_text="The port is 22 if you name none.",
        error_messages={"required": "Give the address, such as docker-7.example.com."},
    )
    ssh_socket = forms.CharField(
        label="Path of the socket",
        required=False,
        max_length=500,
        help_text=f"If it is not {LOCAL_SOCKET}.",
    )
    ssh_key = SecretField("Private key", help_text="In OpenSSH or PEM form, without a passphrase.")
    ssh_host_key = SecretField(
        "Key of the machine",
        help_text="Left empty, a test shows the key's fingerprint, and you say whether it is right."
        " Or give the line of /etc/ssh/ssh_host_ed25519_key.pub.",
    )
    ssh_bastion = forms.CharField(
        label="Machine on the way",
        required=False,
        max_length=900,
        help_text="A bastion, as user@bastion.example.com:22. The same key logs in there.",
    )
    ssh_bastion_host_key = SecretField("Key of the machine on the way")
    address = forms.CharField(
        label="Address and port",
        max_length=900,
        error_messages={"required": "Give the address, such as 10.0.4.7:2375."},
    )

    use_required_attribute = False

    def __init__(
        self,
        *args: Any,
        host: Host | None = None,
        held: Mapping[str, str] | None = None,
        stored: Tls | Ssh | None = None,
        **kwargs: Any,
    ) -> None:
        """`host` is the one that is edited; without it, a new one is registered."""
        self.host = host
        self.held = dict(held or {})
        self.stored = stored
        super().__init__(*args, **kwargs)

    @property
    def transport_chosen(self) -> str:
        return str(self["transport"].value() or "")

    @property
    def given(self) -> dict[str, str]:
        """The secrets that this form has by now, from this post or from one before."""
        filled = getattr(self, "cleaned_data", {})
        found = {name: filled.get(name) or self.held.get(name, "") for name in SECRETS}
        return {name: text for name, text in found.items() if text}

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        transport = data.get("transport")
        # What belongs to the other kinds of connection is not shown, and does not matter.
        for name in (name for names in OWN.values() for name in names):
            if name not in OWN.get(transport or "", ()):
                self.errors.pop(name, None)
                data.pop(name, None)
        if transport is None:
            return data
        self._clean_address(transport, data)
        if transport in keys.PARTS:
            self._clean_credentials(transport, data)
        return data

    def _clean_address(self, transport: str, data: dict[str, Any]) -> None:
        field = PLACES[transport]
        if any(name in self.errors for name in OWN[transport] if name not in SECRETS):
            return
        try:
            url = address.parse(_url(transport, data))
        except EngineError as error:
            self.add_error(field, f"{error.message} {error.advice}")
            return
        if url.kind != transport:
            self.add_error(field, "This address belongs to another kind of connection.")
            return
        data["url"] = str(url)
        if data.get("ssh_bastion"):
            self._clean_bastion(data)

    def _clean_bastion(self, data: dict[str, Any]) -> None:
        given = data["ssh_bastion"]
        try:
            found = address.parse(given if "://" in given else f"ssh://{given}")
        except EngineError as error:
            self.add_error("ssh_bastion", f"{error.message} {error.advice}")
            return
        if found.kind != SSH or found.path:
            self.add_error("ssh_bastion", "Write it as user@bastion.example.com:22.")
            return
        data["ssh_bastion"] = str(found)

    def _clean_credentials(self, transport: str, data: dict[str, Any]) -> None:
        """`credentials` is what the connection is tried with, `replaced` whether it is new."""
        given = keys.parts(self.stored) | self.given
        for name in keys.PARTS[transport]:
            text = given.get(name, "")
            if name in self.errors:
                continue
            if not text and name in keys.NEEDED:
                self.add_error(name, keys.NEEDED[name])
            elif wrong := keys.fault(name, text) if text else "":
                self.held.pop(name, None)
                self.add_error(name, wrong)
        pair = {"tls_certificate", "tls_key"}
        paired = transport == TLS and not pair & set(self.errors)
        if paired and (wrong := keys.mismatch(given)):
            self.add_error("tls_key", wrong)
        if not {*keys.PARTS[transport], "ssh_bastion"} & set(self.errors):
            made = keys.assembled(transport, given, bastion=data.get("ssh_bastion", ""))
            data["credentials"] = made
            data["replaced"] = made != self.stored

    def only_about_secrets(self) -> None:
        """Forgets what else is wrong or missing: nobody has asked for it yet."""
        missing = set(keys.NEEDED.values())
        for name in list(self.errors):
            if name not in SECRETS or missing.intersection(self.errors[name]):
                self.errors.pop(name)

    @property
    def taken(self) -> Host | None:
        """Another host that is registered with this address."""
        url = getattr(self, "cleaned_data", {}).get("url", "")
        found = queries.registered_as(url) if url else None
        return None if found == self.host else found


class HostForm(ConnectionForm):
    name = forms.CharField(
        max_length=100,
        help_text="Left empty, a test fills in what the machine calls itself.",
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )
    group = forms.ChoiceField(
        error_messages={"required": "Choose a group."},
        help_text="Hosts that belong together. A group says the environment and the owner.",
    )
    group_name = forms.CharField(
        label="Name of the new group",
        max_length=100,
        error_messages={"required": "Give the new group a name."},
    )
    environment = forms.ChoiceField(choices=Environment.choices)
    owner = forms.CharField(
        label="Owner team",
        required=False,
        max_length=100,
        help_text="Who mends what is found. Shown beside every host of the group.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups = {str(group.pk): group for group in queries.groups()}
        choice: Any = self.fields["group"]
        choice.choices = [
            *((key, _described(group)) for key, group in self.groups.items()),
            (NEW_GROUP, "A new group"),
        ]

    def clean_group(self) -> Group | NewGroup:
        chosen = self.cleaned_data["group"]
        return self.groups[chosen] if chosen in self.groups else NewGroup("", "", "")

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if isinstance(data.get("group"), NewGroup):
            parts = (data.get(name, "") for name in ("group_name", "environment", "owner"))
            data["group"] = NewGroup(*parts)
        else:
            for name in ("group_name", "environment", "owner"):
                self.errors.pop(name, None)
        if found := self.taken:
            taken = f"This address is already registered as {found.name}."
            self.add_error(PLACES[data["transport"]], taken)
        made = data.get("credentials")
        if isinstance(made, Ssh):
            self._want_confirmed(made)
        return data

    def _want_confirmed(self, made: Ssh) -> None:
        """A machine is recognised by a key that a person has confirmed, from the first scan on."""
        unconfirmed = "Test the connection, compare the fingerprint that it shows, and trust it."
        if not made.host_key:
            self.add_error("ssh_host_key", unconfirmed)
        if made.bastion and not made.bastion_host_key:
            self.add_error("ssh_bastion_host_key", unconfirmed)


class RemoveForm(forms.Form):
    typed_name = forms.CharField(
        label="Name of the host",
        max_length=200,
        strip=True,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
    )

    use_required_attribute = False

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name

    def clean_typed_name(self) -> str:
        typed = str(self.cleaned_data["typed_name"])
        if typed != self.name:
            raise ValidationError(f"Type {self.name} to remove this host.")
        return typed


def as_shown(host: Host, bastion: str = "") -> dict[str, Any]:
    """A form's values for a host as it is; `bastion` is the machine on the way to it."""
    found = address.parse(host.url)
    values = {"transport": found.kind, "name": host.name, "group": str(host.group_id)}
    if found.kind == UNIX:
        return values | {"socket": found.path}
    where = str(address.Address(TCP, found.host, found.port)).removeprefix("tcp://")
    if found.kind == SSH:
        values |= {"ssh_user": found.user, "ssh_socket": found.path, "ssh_bastion": bastion}
    return values | {PLACES[found.kind]: where}


def _url(transport: str, data: Mapping[str, Any]) -> str:
    """The address that was meant: with or without its scheme, which the choice names already."""
    place = str(data[PLACES[transport]])
    if "://" in place or transport == UNIX:
        return place
    if transport == SSH:
        login = place if "@" in place else f"{data['ssh_user']}@{place}"
        path = str(data.get("ssh_socket") or "")
        return f"ssh://{login}{path if path.startswith('/') or not path else f'/{path}'}"
    return f"{'https' if transport == TLS else 'tcp'}://{place}"


def _described(group: Group) -> str:
    """As in "Payments production (Production, Payments)"."""
    about = ", ".join(filter(None, [group.get_environment_display(), group.owner]))
    return f"{group.name} ({about})"
