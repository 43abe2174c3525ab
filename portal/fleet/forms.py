"""What people fill in about hosts. What is valid is decided by the scanner and by actions."""

import os
import stat
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from portal.fleet import queries
from portal.fleet.actions import NewGroup
from portal.fleet.models import Environment, Group, Host
from scanner import EngineError, canonical

LOCAL_SOCKET = "/var/run/docker.sock"
NEW_GROUP = "new"
UNIX, TCP = "unix", "tcp"
PLACES = {UNIX: "socket", TCP: "address"}
"""The field that says where, for each kind of connection."""


def local_socket_found() -> bool:
    """Whether this machine's own engine could be read from here."""
    try:
        is_socket = stat.S_ISSOCK(os.stat(LOCAL_SOCKET).st_mode)
    except OSError:
        return False
    return is_socket and os.access(LOCAL_SOCKET, os.R_OK | os.W_OK)


class ConnectionForm(forms.Form):
    """How a host is reached; on its own it is enough to try the connection."""

    transport = forms.ChoiceField(
        label="Connection",
        choices=[(UNIX, "Unix socket"), (TCP, "TCP without TLS")],
        error_messages={"required": "Choose how Plimsoll reaches the host."},
    )
    socket = forms.CharField(
        label="Path of the socket",
        max_length=900,
        error_messages={"required": f"Give the path, usually {LOCAL_SOCKET}."},
    )
    address = forms.CharField(
        label="Address and port",
        max_length=900,
        error_messages={"required": "Give the address, such as 10.0.4.7:2375."},
    )

    use_required_attribute = False

    def __init__(self, *args: Any, host: Host | None = None, **kwargs: Any) -> None:
        """`host` is the one that is edited; without it, a new one is registered."""
        self.host = host
        super().__init__(*args, **kwargs)

    @property
    def transport_chosen(self) -> str:
        return str(self["transport"].value() or "")

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        transport = data.get("transport")
        field = PLACES.get(transport or "", "")
        # What belongs to the other kind of connection is not shown, and does not matter.
        for other in PLACES.values():
            if other != field:
                self.errors.pop(other, None)
        if transport is None or field in self.errors:
            return data
        try:
            url = canonical(_url(transport, data[field]))
        except EngineError as error:
            self.add_error(field, f"{error.message} {error.advice}")
            return data
        if not url.startswith(f"{transport}:"):
            self.add_error(field, "This address belongs to the other kind of connection.")
            return data
        data["url"] = url
        return data

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
        return data


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


def as_shown(host: Host) -> dict[str, Any]:
    """A form's values for a host as it is."""
    transport, _, place = host.url.partition("://")
    return {
        "transport": transport,
        PLACES[transport]: place,
        "name": host.name,
        "group": str(host.group_id),
    }


def _url(transport: str, place: str) -> str:
    """The address that was meant: with or without its scheme, which the choice names already."""
    given = "://" in place or transport == UNIX
    return place if given else f"{transport}://{place}"


def _described(group: Group) -> str:
    """As in "Payments production (Production, Payments)"."""
    about = ", ".join(filter(None, [group.get_environment_display(), group.owner]))
    return f"{group.name} ({about})"
