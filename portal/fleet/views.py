"""The pages on which hosts are registered, changed and removed."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal.accounts import confirmation
from portal.accounts import queries as people
from portal.accounts.rights import Right, reason, require
from portal.core.errors import DomainError
from portal.core.http import page
from portal.core.secrets import Undecipherable
from portal.fleet import actions, forms, held, queries, snippets
from portal.fleet import credentials as keys
from scanner import RULES, Probe
from scanner.calls import CALLS
from scanner.rule import Family
from scanner.transport import certificates

form_page = require_http_methods(["GET", "HEAD", "POST"])
FIRST_GROUP = {"group": forms.NEW_GROUP, "group_name": actions.DEFAULT_GROUP}
TRIES = {"look", "generate", "test", "trust", "tls"}
"""Buttons that save nothing."""
TRUSTABLE = {"host_key_new", "host_key_changed"}
FILLED_IN, OFFERED = "filled_in", "offered"
"""What is held beside secrets: the other fields, and a key that a machine has shown."""
_hide = sensitive_post_parameters(*forms.SECRETS)


@_hide
@form_page
def host_new(request: HttpRequest) -> HttpResponse:
    return _register(request, None)


@_hide
@form_page
def host_edit(request: HttpRequest, slug: str) -> HttpResponse:
    return _register(request, queries.host(slug))


@form_page
def host_remove(request: HttpRequest, slug: str) -> HttpResponse:
    person: Any = request.user
    host = queries.host(slug)
    if request.method == "POST":
        require(person, Right.MANAGE_HOSTS)
    form = forms.RemoveForm(request.POST or None, name=host.name)
    if request.method == "POST" and form.is_valid():
        typed = form.cleaned_data["typed_name"]
        actions.remove_host(host.pk, typed_name=typed, actor=person, now=timezone.now())
        messages.success(request, f"{host.name} is removed, with its findings and its history.")
        return redirect("host_list")
    status = 422 if form.errors else 200
    context = {"form": form, "host": host, "refusal": reason(person, Right.MANAGE_HOSTS)}
    return page(request, "fleet/host_remove", context, status=status)


@form_page
def host_test(request: HttpRequest, slug: str) -> HttpResponse:
    """The connection as it is: nothing is kept of a test but its calls in the ledger."""
    person: Any = request.user
    host = queries.host(slug)
    context: dict[str, Any] = {"host": host, "refusal": reason(person, Right.MANAGE_HOSTS)}
    if request.method == "POST":
        try:
            tried = actions.test_connection(host.pk, actor=person, now=timezone.now())
        except Undecipherable as error:
            context["lost"] = str(error)
        else:
            context |= _about(tried)
    return page(request, "fleet/host_test", context, fragment="test")


def _about(tried: Probe) -> dict[str, Any]:
    """What the template of a test's result wants."""
    return {
        "tried": tried,
        "calls": [f"GET {call.path}" for call in CALLS],
    }


def _register(request: HttpRequest, host: Any) -> HttpResponse:
    person: Any = request.user
    sheet = Sheet(request, host)
    if request.method != "POST":
        return sheet.page(forms.HostForm(initial=sheet.first_values(), **sheet.known))
    require(person, Right.MANAGE_HOSTS)
    sheet.read_stored()
    if sheet.do in TRIES:
        return _tried(sheet)
    form = forms.HostForm(sheet.values, request.FILES, **sheet.known)
    if not form.is_valid():
        sheet.hold(form)
        return sheet.page(form, status=422)
    replaced = form.cleaned_data.get("replaced", False)
    if host is not None and replaced and not confirmation.lately(request):
        sheet.hold(form)
        back = f"{request.path}?held={sheet.number}"
        return sheet.page(form, status=422, confirm_url=confirmation.address(back))
    try:
        saved = _save(sheet, form, replaced=replaced)
    except DomainError as error:
        form.add_error(None, str(error))
        sheet.hold(form)
        return sheet.page(form, status=422)
    held.forget(request.session, sheet.number, now=sheet.now)
    return redirect("host_detail", saved.slug)


def _save(sheet: "Sheet", form: forms.HostForm, *, replaced: bool) -> Any:
    data = form.cleaned_data
    values = {
        **{name: data[name] for name in ("name", "url", "group")},
        "credentials": data["credentials"] if replaced else None,
        "actor": sheet.request.user,
        "now": sheet.now,
    }
    if sheet.host is not None:
        host = actions.edit_host(sheet.host.pk, **values)
        messages.success(sheet.request, f"{host.name} is saved.")
        return host
    scan_now = sheet.do != "save"
    host = actions.add_host(**values, scan_now=scan_now)
    first = "Its first scan starts now." if scan_now else "Nothing is scanned yet."
    messages.success(sheet.request, f"{host.name} is registered. {first}")
    return host


def _tried(sheet: "Sheet") -> HttpResponse:
    """Everything but saving; what was filled in stays."""
    sheet.prepare()
    connection = forms.ConnectionForm(sheet.values, sheet.request.FILES, **sheet.known)
    connection.is_valid()
    more: dict[str, Any] = {"connection": connection}
    if sheet.do in ("look", "generate"):
        connection.only_about_secrets()
    elif connection.is_valid():
        data = connection.cleaned_data
        person: Any = sheet.request.user
        tried = actions.try_connection(data["url"], data.get("credentials"), actor=person)
        sheet.values["name"] = sheet.values.get("name") or tried.name[:100]
        ours = (sheet.host, connection.taken)
        more |= {
            **_about(tried),
            "same": [host for host in queries.same_engine(tried.engine_id) if host not in ours],
        }
        sheet.remember_offer(tried)
    sheet.hold(connection)
    form = forms.HostForm(initial=sheet.values.dict(), **sheet.known)
    status = 422 if connection.errors else 200
    return sheet.page(form, status=status, **more)


class Sheet:
    """The page of one host's connection, as one request wants it."""

    def __init__(self, request: HttpRequest, host: Any) -> None:
        self.request = request
        self.host = host
        self.now: datetime = timezone.now()
        self.do = request.POST.get("do", "")
        self.values = request.POST.copy()
        asked = request.POST if request.method == "POST" else request.GET
        self.number = asked.get("held", "")
        self.kept = held.take(request.session, self.number, now=self.now)
        self.credential = queries.credential(host) if host else None
        self.stored: Any = None
        self.lost = ""

    @property
    def known(self) -> dict[str, Any]:
        """What every form is told."""
        return {"host": self.host, "held": self.kept, "stored": self.stored}

    def first_values(self) -> dict[str, Any]:
        if kept := self.kept.get(FILLED_IN):
            filled: dict[str, Any] = json.loads(kept)
            return filled
        if self.host is not None:
            facts = self.credential.facts if self.credential else {}
            return forms.as_shown(self.host, facts.get("bastion", ""))
        found = {"transport": forms.UNIX} if forms.local_socket_found() else {}
        groups = queries.groups()
        # There is something to choose from, or one more press of a button is enough.
        chosen = {"group": str(groups[0].pk)} if groups else FIRST_GROUP
        return {"socket": forms.LOCAL_SOCKET, "ssh_user": "plimsoll", **chosen, **found}

    def read_stored(self) -> None:
        """What the host is reached with now, to be tried or replaced in parts."""
        if self.host is None:
            return
        try:
            self.stored = queries.credentials(self.host.pk)
        except Undecipherable as error:
            self.lost = str(error)

    def prepare(self) -> None:
        """What a button changes before anything is looked at."""
        if self.do == "generate":
            self.values["transport"] = forms.SSH
            self.kept["ssh_key"], _ = certificates.generate_key()
        elif self.do == "tls":
            self.values["transport"] = forms.TLS
            place = self.values.get("address", "")
            self.values["tls_address"] = place.removesuffix(":2375").rpartition("://")[2]
        elif self.do == "trust" and OFFERED in self.kept:
            whose, _, key = self.kept.pop(OFFERED).partition(" ")
            self.kept["ssh_host_key" if whose == "host" else "ssh_bastion_host_key"] = key

    def remember_offer(self, tried: Probe) -> None:
        """The key that a machine has shown, for the button that trusts it."""
        self.kept.pop(OFFERED, None)
        if (failed := tried.failure) and failed.kind in TRUSTABLE:
            self.kept[OFFERED] = f"{failed.whose} {failed.key}"

    def hold(self, form: forms.ConnectionForm) -> None:
        """Keeps what the browser will not send again."""
        others = {name: self.kept[name] for name in (OFFERED,) if name in self.kept}
        given = form.given
        if not given and not others:
            return
        plain = {
            name: self.values.get(name, "")[:1000]
            for name in forms.HostForm.base_fields
            if name not in forms.SECRETS
        }
        kept = {**given, **others, FILLED_IN: json.dumps(plain)}
        self.number = held.keep(self.request.session, self.number, kept, now=self.now)

    def page(self, form: forms.HostForm, *, status: int = 200, **more: Any) -> HttpResponse:
        """`form` has the fields; where only the connection was tried, `connection` has its
        errors."""
        person: Any = self.request.user
        connection = more.pop("connection", form)
        first = not queries.hosts().exists()
        parts = self._parts(connection)
        user = str(connection["ssh_user"].value() or "")
        context = {
            "form": form,
            "connection": connection,
            "host": self.host,
            "held": self.number,
            "parts": parts,
            "credential": self.credential,
            "lost": self.lost,
            "taken": connection.taken,
            "local_socket": forms.local_socket_found(),
            "rules": len(RULES),
            "machine_rules": sum(rule.family is Family.HOST for rule in RULES),
            "tls_snippets": snippets.tls(),
            "ssh_snippets": snippets.ssh(user, parts["ssh_key"]["public_key"]),
            "socket_snippets": snippets.socket(),
            "first": first,
            "skipped": first and not people.has_second_factor(person),
            "refusal": reason(person, Right.MANAGE_HOSTS),
            "here": self.request.path,
            **more,
        }
        template = "fleet/host_edit" if self.host is not None else "fleet/host_new"
        return page(self.request, template, context, fragment="register", status=status)

    def _parts(self, connection: forms.ConnectionForm) -> Mapping[str, dict[str, Any]]:
        """Of each secret what may be shown: what was given here, else what the host has."""
        given = connection.given
        new = keys.shown({**keys.parts(self.stored), **given}, now=self.now)
        kept = keys.shown_of_kept(self.credential.facts, now=self.now) if self.credential else {}
        parts = {}
        for name in forms.SECRETS:
            fresh = name in given and name in new
            found = new[name] if fresh else kept.get(name)
            parts[name] = {
                "state": "given" if fresh else "set" if found else "",
                "shown": found,
                "public_key": found.public_key if found else "",
            }
        return parts
